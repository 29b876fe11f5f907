internal import Contracts
internal import GatewayForwarding
internal import HTTPWire
internal import JSON

/// What a client of the Model Context Protocol can do: each tool is a call of the API.
enum PlatformTool: String, CaseIterable, Sendable {
  case submitTask = "submit_task"
  case getRun = "get_run"
  case waitForRun = "wait_for_run"
  case listTasks = "list_tasks"
  case listRuns = "list_runs"
  case listWorkflows = "list_workflows"
  case sendSignal = "send_signal"
  case listApprovals = "list_approvals"
  case decideApproval = "decide_approval"
  case reportOutcome = "report_outcome"
  case listQuestions = "list_questions"
  case answerQuestion = "answer_question"
  case listArtefacts = "list_artefacts"
  case getArtefact = "get_artefact"
  case cancelRun = "cancel_run"

  /// What its answer becomes.
  enum Shape: Sendable {
    /// A task, of which the run is shown.
    case task
    /// A run.
    case run
    /// The description of a file, whose content is read too.
    case artefact
    /// Something else, shown as the API answers it.
    case document
  }

  var shape: Shape {
    switch self {
    case .submitTask: .task
    case .getRun, .waitForRun, .cancelRun: .run
    case .getArtefact: .artefact
    default: .document
    }
  }

  /// How long a call may wait for the end of a run, as its arguments say; `nil` for tools that do not wait.
  /// `longest` is the standard of the tool that only waits.
  func wait(_ arguments: JSONView, standard longest: Int64) -> Int64? {
    switch self {
    case .submitTask: arguments["wait_ms"]?.whole(in: 0...Int64.max) ?? 0
    case .waitForRun: arguments["wait_ms"]?.whole(in: 0...Int64.max) ?? longest
    default: nil
    }
  }

  /// The call of the API for arguments that fit the tool's schema.
  func call(_ arguments: JSONView) -> UpstreamCall {
    func text(_ name: String) -> String { arguments[name]?.string ?? "" }
    func path(_ before: String, _ name: String, _ behind: String = "") -> String {
      before + PercentEncoding.encode(text(name)) + behind
    }
    switch self {
    case .submitTask:
      let key = arguments["idempotency_key"]?.string
      return UpstreamCall(
        .post, "/api/v1/tasks", headers: key.map { [("idempotency-key", $0)] } ?? [],
        body: PlatformTool.object(arguments, without: ["wait_ms", "idempotency_key"]), repetition: .always)
    case .getRun, .waitForRun: return UpstreamCall(.get, path("/api/v1/runs/", "run_id"))
    case .listTasks: return PlatformTool.list("/api/v1/tasks", arguments)
    case .listRuns: return PlatformTool.list("/api/v1/runs", arguments)
    case .listWorkflows: return PlatformTool.list("/api/v1/workflows", arguments)
    case .listApprovals: return PlatformTool.list("/api/v1/approvals", arguments)
    case .sendSignal:
      return UpstreamCall(
        .post, path("/api/v1/runs/", "run_id", "/signals"), body: PlatformTool.object(arguments, without: ["run_id"]))
    case .decideApproval:
      return UpstreamCall(
        .post, path("/api/v1/approvals/", "approval_id", "/decision"),
        body: PlatformTool.object(arguments, without: ["approval_id"]))
    case .reportOutcome:
      return UpstreamCall(
        .post, path("/api/v1/approvals/", "approval_id", "/outcome"),
        body: PlatformTool.object(arguments, without: ["approval_id"]))
    case .listQuestions: return PlatformTool.list("/api/v1/questions", arguments)
    case .answerQuestion:
      return UpstreamCall(
        .post, path("/api/v1/questions/", "question_id", "/answer"),
        body: PlatformTool.object(arguments, without: ["question_id"]))
    case .listArtefacts:
      return PlatformTool.list(path("/api/v1/runs/", "run_id", "/artefacts"), arguments, without: "run_id")
    case .getArtefact: return UpstreamCall(.get, path("/api/v1/artefacts/", "artefact_id"))
    case .cancelRun:
      return UpstreamCall(
        .post, path("/api/v1/runs/", "run_id", "/cancel"), body: PlatformTool.object(arguments, without: ["run_id"]))
    }
  }

  /// The arguments as a document, without those that travel elsewhere.
  private static func object(_ arguments: JSONView, without left: Set<String>) -> [UInt8] {
    var writer = JSONWriter()
    writer.beginObject()
    for (key, value) in arguments.members where !left.contains(key.string ?? "") { writer.member(as: key, value) }
    writer.endObject()
    return writer.bytes
  }

  /// A list: all other arguments are filters.
  private static func list(_ path: String, _ arguments: JSONView, without left: String? = nil) -> UpstreamCall {
    let items = arguments.members.compactMap { key, value -> String? in
      guard let name = key.string, name != left, let text = value.string ?? value.int.map({ String($0) }) else {
        return nil
      }
      return PercentEncoding.encode(name) + "=" + PercentEncoding.encode(text)
    }
    return UpstreamCall(.get, items.isEmpty ? path : path + "?" + items.joined(separator: "&"))
  }
}
