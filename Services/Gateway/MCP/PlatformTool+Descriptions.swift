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
    case .listApprovals: "Lists what waits for a person's decision, or was decided, with the subject of each."
    case .decideApproval:
      """
      Approves or rejects what waits for a decision. The decision is bound to the subject that was read: when it has \
      changed meanwhile, it is refused. Decide only as a person has said.
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
    case .getRun, .waitForRun, .listTasks, .listRuns, .listWorkflows, .listApprovals:
      Effects(isReadOnly: true, isIdempotent: true)
    case .submitTask: Effects(isOpenWorld: true)
    case .sendSignal: Effects()
    case .decideApproval: Effects(isDestructive: true, isIdempotent: true, isOpenWorld: true)
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
    case .sendSignal:
      Array(
        """
        {"type":"object","properties":{"id":{"type":"string"},"repeated":{"type":"boolean"}},"required":["id"]}
        """.utf8)
    case .decideApproval:
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
