extension PlatformTool {
  private static let textMax = 524_288
  private static let statuses = ["pending", "running", "paused", "compensating", "succeeded", "failed", "cancelled"]
  private static let approvalStatuses = ["pending", "approved", "rejected", "answered", "expired", "withdrawn"]

  private static let questionStatuses = ["pending", "answered", "expired", "withdrawn"]

  private static let approval = ToolArgument.id("approval_id", "step", isRequired: true, "Id of the approval.")
  private static let run = ToolArgument.id("run_id", "run", isRequired: true, "Id of the run.")
  private static let status = ToolArgument("status", .word(statuses), "Only those with this status.")
  private static let workflow = ToolArgument("workflow", .text(1...64), "Only of this workflow.")
  private static let project = ToolArgument.id("project_id", "project", "Only of this project.")
  private static let page = [
    ToolArgument("limit", .whole(1...100), "Most entries of the page."),
    ToolArgument("cursor", .text(1...200), "The next_cursor of the page before."),
  ]

  /// What it takes. `waitMax` is the longest wait, in milliseconds.
  func arguments(waitMax: Int64) -> [ToolArgument] {
    switch self {
    case .submitTask: PlatformTool.submission(waitMax: waitMax)
    case .getRun: [PlatformTool.run]
    case .waitForRun:
      [
        PlatformTool.run,
        ToolArgument("wait_ms", .whole(0...waitMax), "How long to wait, in milliseconds; by default a minute."),
      ]
    case .listTasks:
      [
        PlatformTool.status, PlatformTool.workflow, PlatformTool.project,
        ToolArgument("label", .text(1...100), "Only with this label."),
      ] + PlatformTool.page
    case .listRuns:
      [
        PlatformTool.status, PlatformTool.workflow, PlatformTool.project,
        .id("task_id", "task", "Only of this task."),
      ] + PlatformTool.page
    case .listWorkflows: PlatformTool.page
    case .sendSignal:
      [
        PlatformTool.run, ToolArgument("name", .text(1...64), isRequired: true, "Name of the signal."),
        ToolArgument("data", .any, "Any JSON value, for the step that waits."),
        ToolArgument("id", .text(1...200), "Makes a repetition harmless: the same id again changes nothing."),
      ]
    case .listApprovals:
      [
        ToolArgument("status", .word(PlatformTool.approvalStatuses), "Only those with this status."),
        .id("run_id", "run", "Only of this run."),
      ] + PlatformTool.page
    case .decideApproval:
      [
        PlatformTool.approval,
        ToolArgument("decision", .word(["approve", "reject"]), isRequired: true, "The decision."),
        ToolArgument(
          "subject_sha256", .pattern("^[0-9a-f]{64}$"), isRequired: true,
          "The subject_sha256 of the approval as it was read."),
        ToolArgument("comment", .text(0...4000), "Why, for people."),
      ]
    case .reportOutcome:
      [
        PlatformTool.approval,
        ToolArgument("outcome", .word(["done", "not_done", "failed"]), isRequired: true, "What became of the call."),
        ToolArgument("result", .text(0...32_768), "With done: what the call gave."),
        ToolArgument("message", .text(0...32_768), "With failed: why."),
        ToolArgument(
          "subject_sha256", .pattern("^[0-9a-f]{64}$"), "The subject_sha256 of the approval as it was read."),
      ]
    case .listQuestions:
      [
        ToolArgument("status", .word(PlatformTool.questionStatuses), "Only those with this status."),
        .id("run_id", "run", "Only of this run."),
      ] + PlatformTool.page
    case .answerQuestion:
      [
        .id("question_id", "step", isRequired: true, "Id of the question."),
        ToolArgument("answer", .any, isRequired: true, "The answer: any JSON value; text as {\"text\": \"...\"}."),
      ]
    case .listArtefacts: [PlatformTool.run] + PlatformTool.page
    case .getArtefact:
      [
        .id("artefact_id", "artefact", isRequired: true, "Id of the file."),
        ToolArgument("offset", .whole(0...Int64(1 << 40)), "Where to begin, in bytes; by default at the start."),
        ToolArgument(
          "bytes_max", .whole(1...ArtefactReader.pieceBytesMax), "Most bytes to read; by default 256 KiB."),
      ]
    case .cancelRun: [PlatformTool.run, ToolArgument("reason", .text(0...1000), "Why, for people.")]
    }
  }

  private static func submission(waitMax: Int64) -> [ToolArgument] {
    [
      ToolArgument(
        "prompt", .text(1...textMax), "What is to be done. Required, unless the workflow takes all from `input`."),
      ToolArgument("workflow", .text(1...64), "The workflow, as list_workflows names it; by default a single agent."),
      ToolArgument("workflow_version", .whole(1...Int64(Int32.max)), "Its version; by default the newest."),
      ToolArgument("input", .object, "Further members of the input of the run."),
      ToolArgument("system", .text(0...textMax), "System prompt of the agents."),
      ToolArgument("model", .text(1...200), "Model, alias or tier."),
      ToolArgument("max_output_tokens", .whole(1...1_000_000), "Longest answer of a model, in tokens."),
      .id("project_id", "project", "The project to which the task belongs."),
      ToolArgument("title", .text(0...500), "For people."),
      ToolArgument("labels", .texts(countMax: 50, lengthMax: 100), "Labels, for filters of lists."),
      ToolArgument("priority", .whole(-10...10), "-10 (later) to 10 (sooner)."),
      ToolArgument(
        "idempotency_key", .pattern("^[!-~]{1,255}$"), "The same key with the same task gives the same run."),
      ToolArgument(
        "wait_ms", .whole(0...waitMax), "How long to wait for the end of the run, in milliseconds; by default not."),
    ]
  }
}
