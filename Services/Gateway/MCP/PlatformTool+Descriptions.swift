internal import JSON

extension PlatformTool {
  /// A name for people.
  var title: String {
    switch self {
    case .submitTask: "Submit a task"
    case .getRun: "Read a run"
    case .waitForRun: "Wait for a run"
    case .listTasks: "List tasks"
    case .listRuns: "List runs"
    case .listWorkflows: "List workflows"
    case .sendSignal: "Send a signal"
    case .listApprovals: "List approvals"
    case .decideApproval: "Decide on an approval"
    case .reportOutcome: "Report the outcome of a call"
    case .listQuestions: "List questions"
    case .answerQuestion: "Answer a question"
    case .listArtefacts: "List the files of a run"
    case .getArtefact: "Read a file"
    case .cancelRun: "Cancel a run"
    }
  }

  /// What it does, for models.
  var summary: String {
    switch self {
    case .submitTask:
      """
      Gives a task to Cadre's agents and returns its run. Give a prompt, or a workflow with its input. With wait_ms it \
      waits for the end of the run; a run that needs longer goes on, and wait_for_run waits again. With an \
      idempotency_key a submission can be repeated safely.
      """
    case .getRun:
      """
      Reads a run: its status, its result or failure, and what it has used. The status is pending, running, paused or \
      compensating, and at the end succeeded, failed or cancelled.
      """
    case .waitForRun:
      """
      Waits until a run has ended, at most wait_ms, and returns it. When `ended` is false it has not: call this again. \
      To give up a call does nothing to the run.
      """
    case .listTasks: "Lists tasks with their newest runs, newest first."
    case .listRuns: "Lists runs, newest first."
    case .listWorkflows: "Lists the workflows to which a task can be submitted."
    case .sendSignal:
      """
      Sends a signal to a run. The step of its workflow that waits for a signal of this name gets the data, now or later.
      """
    case .listApprovals:
      """
      Lists what waits for a person, or was decided, with the subject of each. The kind is step or tool_call \
      (decide_approval), or unknown_outcome (report_outcome).
      """
    case .decideApproval:
      """
      Approves or rejects what waits for a decision. The decision is bound to the subject that was read: when it has \
      changed meanwhile, it is refused. Decide only as a person has said.
      """
    case .reportOutcome:
      """
      Says what became of a tool call whose outcome is unknown because its worker died over it: an approval of the kind \
      unknown_outcome. Report only what a person has found out.
      """
    case .listQuestions: "Lists the questions that agents have for people, or had, with the subject of each."
    case .answerQuestion: "Answers a question of an agent. Answer only as a person has said."
    case .listArtefacts: "Lists the files that the agents of a run have made, and those that it was given."
    case .getArtefact:
      """
      Reads a file of a run, or a piece of it: text as text, pictures as pictures, everything else as bytes. When \
      is_whole is false, go on at offset plus bytes_returned.
      """
    case .cancelRun:
      """
      Cancels a run. A run that has something to undo does so first (compensating); it ends at once when it is \
      cancelled again.
      """
    }
  }

  /// What a call does to the world.
  struct Effects: Sendable {
    var isReadOnly = false
    var isDestructive = false
    var isIdempotent = false
    var isOpenWorld = false
  }

  /// What a call does to the world.
  var effects: Effects {
    switch self {
    case .getRun, .waitForRun, .listTasks, .listRuns, .listWorkflows, .listApprovals, .listQuestions, .listArtefacts,
      .getArtefact:
      Effects(isReadOnly: true, isIdempotent: true)
    case .submitTask: Effects(isOpenWorld: true)
    case .sendSignal: Effects()
    case .decideApproval, .reportOutcome, .answerQuestion:
      Effects(isDestructive: true, isIdempotent: true, isOpenWorld: true)
    case .cancelRun: Effects(isDestructive: true, isIdempotent: true)
    }
  }

  /// The JSON Schema of the structured content.
  var outputSchema: [UInt8] {
    switch self {
    case .submitTask, .getRun, .waitForRun, .cancelRun: Array(PlatformTool.runOutput.utf8)
    case .listTasks: PlatformTool.list(of: "tasks")
    case .listRuns: PlatformTool.list(of: "runs")
    case .listWorkflows: PlatformTool.list(of: "workflows")
    case .listApprovals: PlatformTool.list(of: "approvals")
    case .listQuestions: PlatformTool.list(of: "questions")
    case .listArtefacts: PlatformTool.list(of: "artefacts")
    case .getArtefact:
      Array(
        """
        {"type":"object","properties":{"artefact":{"type":"object"},"offset":{"type":"integer"},\
        "bytes_returned":{"type":"integer"},"is_whole":{"type":"boolean"}},\
        "required":["artefact","offset","bytes_returned","is_whole"]}
        """.utf8)
    case .sendSignal:
      Array(
        """
        {"type":"object","properties":{"id":{"type":"string"},"repeated":{"type":"boolean"}},"required":["id"]}
        """.utf8)
    case .decideApproval, .reportOutcome, .answerQuestion:
      Array(
        """
        {"type":"object","properties":{"id":{"type":"string"},"status":{"type":"string"}},"required":["id","status"]}
        """.utf8)
    }
  }

  private static let runOutput = """
    {"type":"object","properties":{"run":{"type":"object","properties":{"id":{"type":"string"},\
    "task_id":{"type":"string"},"status":{"type":"string"},"workflow":{"type":"string"},"result":{},\
    "failure":{"type":["object","null"]},"usage":{"type":"object"}},"required":["id","status"]},\
    "ended":{"type":"boolean"}},"required":["run","ended"]}
    """

  private static func list(of member: String) -> [UInt8] {
    Array(
      """
      {"type":"object","properties":{"\(member)":{"type":"array","items":{"type":"object"}},\
      "next_cursor":{"type":["string","null"]}},"required":["\(member)"]}
      """.utf8)
  }
}
