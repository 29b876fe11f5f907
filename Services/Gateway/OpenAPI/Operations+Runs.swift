internal import Contracts
internal import HTTPWire
internal import JSON

/// Operations of tasks, runs, steps, approvals, questions, workflows, projects, limits, schedules and weights.
enum RunOperations {
  static let all: [(String, Operation)] = tasks + runs + continuations + steps + answers + workflows + settings

  private static let status = Schema.words(RunSchemas.statuses)

  private static func filtered(_ operation: Operation) -> Operation {
    operation
      .item("project_id", .id("project"), "Only of this project.")
      .item("workflow", .text(64), "Only of this workflow.")
      .item("label", .text(100), "Only of tasks with this label.")
      .item("status", status, "Only with this status.")
      .item("archived", Schema.flag.standard(.bool(false)), "Archived ones, too.")
  }

  private static let tasks: [(String, Operation)] = [
    (
      "GET /api/v1/tasks",
      filtered(Operation("listTasks", "Tasks", "Newest first."))
        .item("task_id", .id("task"), "Only this task.")
        .paged(20, 100, cursor: .id("task")).answers(.ok, "TaskPage")
    ),
    (
      "POST /api/v1/tasks",
      Operation("submitTask", "Tasks", "The task is durable before it is answered.")
        .header(
          "Prefer", .text(),
          "`wait=N` (0 to 600 seconds, at most 60 are waited) answers after the end of the run, or with 202."
        )
        .sends("NewTask", #"{"prompt": "Summarise the report in three sentences."}"#)
        .answers(.accepted, "Task", "Accepted; the run goes on.", headers: ["Location", "ETag"])
        .answers(
          .ok, "Task", "With `Prefer: wait`, or a repeated key: the run has ended.",
          headers: ["Location", "ETag", "Preference-Applied"]
        )
        .fails(.unknownWorkflow, .unknownProject, .unknownArtefact, .artefactsShareName)
    ),
    ("GET /api/v1/tasks/{id}", Operation("getTask", "Tasks").answers(.ok, "Task", headers: ["ETag"])),
    (
      "PATCH /api/v1/tasks/{id}",
      Operation("changeTask", "Tasks", "What the task does is fixed by its run.")
        .guarded.sends("TaskChange").answers(.ok, "Task", headers: ["ETag"])
    ),
    (
      "DELETE /api/v1/tasks/{id}",
      Operation("archiveTask", "Tasks", "Lists leave it out; its history stays.")
        .guarded.answers(.ok, "Task", headers: ["ETag"]).fails(.runOpen)
    ),
  ]

  private static let runs: [(String, Operation)] = [
    (
      "GET /api/v1/runs",
      filtered(Operation("listRuns", "Runs", "Newest first."))
        .item("task_id", .id("task"), "Only of this task.")
        .paged(20, 100, cursor: .id("run")).answers(.ok, "RunPage")
    ),
    (
      "POST /api/v1/runs/bulk-cancel",
      Operation("cancelRuns", "Runs", "Up to 1,000 at once.").sends("BulkCancellation")
        .answers(.ok, "BulkCancellationResult")
    ),
    ("GET /api/v1/runs/{id}", Operation("getRun", "Runs").answers(.ok, "Run")),
    (
      "GET /api/v1/runs/{id}/events",
      Operation(
        "listRunEvents", "Runs",
        """
        A page of JSON; with `Accept: text/event-stream` a stream of server-sent events that ends with the run: `id` is the \
        sequence number, `event` the type, `data` a RunEvent. With `Upgrade: websocket` the same events come as text \
        messages.
        """
      )
      .item("after", .int(0...Int64(Int32.max)), "Only events behind this sequence number.")
      .item("limit", Schema.int(1...1000).standard(.int(100)), "Events of a page.")
      .item("type", .text(), "Only these types, separated by commas.", isRepeated: true)
      .item("step", .text(), "Only of these steps, separated by commas.", isRepeated: true)
      .item("agent", .text(), "Only of steps of these agents, separated by commas.", isRepeated: true)
      .header("Last-Event-ID", .text(), "Instead of `after`: where a broken stream is resumed.")
      .answers(
        .ok, types: [("application/json", .ref("RunEventPage")), ("text/event-stream", .text())],
        "A page, or a stream.")
    ),
    ("GET /api/v1/runs/{id}/result", Operation("getRunResult", "Runs").answers(.ok, .any).fails(.runOpen, .noResult)),
    (
      "GET /api/v1/runs/{id}/bundle",
      Operation("getRunBundle", "Runs", "For `cadre replay`, and for keeping.")
        .answers(.ok, "RunBundle", headers: ["Content-Disposition"]).fails(.unknownWorkflow)
    ),
    (
      "POST /api/v1/runs/{id}/cancel",
      Operation("cancelRun", "Runs", "A run that has something to undo is `compensating` first.")
        .sends("Cancellation", #"{"reason": "no longer needed"}"#, isRequired: false).answers(.ok, "Run")
        .fails(.runEnded, .stale, .contended)
    ),
    (
      "POST /api/v1/runs/{id}/pause",
      Operation("pauseRun", "Runs").answers(.ok, "Run").fails(.runEnded, .alreadyPaused, .stale, .contended)
    ),
    (
      "POST /api/v1/runs/{id}/resume",
      Operation("resumeRun", "Runs").answers(.ok, "Run").fails(.runEnded, .notPaused, .stale, .contended)
    ),
    (
      "POST /api/v1/runs/{id}/signals",
      Operation("signalRun", "Runs").sends("Signal").answers(.accepted, "SignalReceipt")
        .fails(.runEnded, .unknownSignal, .tooManySignals, .workflowGone, .contended)
    ),
  ]

  private static let continuations: [(String, Operation)] = [
    (
      "POST /api/v1/runs/{id}/replay",
      Operation("replayRun", "Runs").answers(.ok, "ReplayReport").fails(.unknownWorkflow)
    ),
    (
      "POST /api/v1/runs/{id}/retry",
      Operation("retryRun", "Runs")
        .sends("Continuation", #"{"changes": [{"step": "answer", "model": "tier:large"}]}"#, isRequired: false)
        .answers(.created, "Run", headers: ["Location"])
        .fails(.runOpen, .notFailed, .nothingLeft, .unknownStep, .workflowGone)
    ),
    (
      "POST /api/v1/runs/{id}/fork",
      Operation("forkRun", "Runs").sends("Fork").answers(.created, "Run", headers: ["Location"])
        .fails(.stepNotBegun, .unknownStep, .unknownEvent, .nothingLeft, .workflowGone)
    ),
  ]

  private static let steps: [(String, Operation)] = [
    (
      "GET /api/v1/runs/{id}/steps",
      Operation("listRunSteps", "Runs").paged(100, 1000, cursor: .text(pattern: "^[0-9]+$")).answers(.ok, "StepPage")
    ),
    ("GET /api/v1/steps/{id}", Operation("getStep", "Steps").answers(.ok, "StepWithWait")),
    (
      "GET /api/v1/steps/{id}/calls",
      Operation("listStepCalls", "Steps").paged(50, 200, cursor: .text(pattern: "^[0-9]+$")).answers(
        .ok, "StepCallPage")
    ),
    ("GET /api/v1/steps/{id}/belief", Operation("getStepBelief", "Steps").answers(.ok, "StepBelief")),
  ]

  private static func asked(_ name: String, _ statuses: [String]) -> Operation {
    Operation(name, "Approvals", "Newest first.")
      .item("status", .words(statuses), "Only with this status.").item("run_id", .id("run"), "Only of this run.")
      .item("project_id", .id("project"), "Only of runs of this project.")
      .paged(20, 100, cursor: .id("step"))
  }

  private static let answers: [(String, Operation)] = [
    (
      "GET /api/v1/approvals",
      asked("listApprovals", ["pending", "approved", "rejected", "answered", "expired", "withdrawn"])
        .answers(.ok, "ApprovalPage")
    ),
    ("GET /api/v1/approvals/{id}", Operation("getApproval", "Approvals").answers(.ok, "Approval")),
    (
      "POST /api/v1/approvals/{id}/decision",
      Operation("decideApproval", "Approvals", "The decision is bound to the digest of what was read.")
        .sends("Decision").answers(.ok, "Approval").fails(.alreadyDecided, .kindDiffers, .subjectDiffers, .runEnded)
    ),
    (
      "POST /api/v1/approvals/{id}/outcome",
      Operation("settleApproval", "Approvals", "For the kind `unknown_outcome`.")
        .sends("CallOutcome").answers(.ok, "Approval").fails(.alreadyDecided, .kindDiffers, .subjectDiffers, .runEnded)
    ),
    (
      "GET /api/v1/questions",
      asked("listQuestions", ["pending", "answered", "expired", "withdrawn"]).answers(.ok, "QuestionPage")
    ),
    ("GET /api/v1/questions/{id}", Operation("getQuestion", "Approvals").answers(.ok, "Question")),
    (
      "POST /api/v1/questions/{id}/answer",
      Operation("answerQuestion", "Approvals").sends("QuestionAnswer", #"{"answer": {"text": "Yes, both."}}"#)
        .answers(.ok, "Question").fails(.alreadyDecided, .runEnded)
    ),
  ]

  private static let workflows: [(String, Operation)] = [
    (
      "GET /api/v1/workflows",
      Operation("listWorkflows", "Workflows", "By name; the built-in ones stand at the end of the first page.")
        .paged(50, 200).answers(.ok, "WorkflowPage")
    ),
    (
      "POST /api/v1/workflows",
      Operation("createWorkflow", "Workflows").sends("WorkflowDocument")
        .answers(.created, "Workflow", headers: ["ETag", "Location"]).fails(.builtIn, .exists, .outdated)
    ),
    (
      "POST /api/v1/workflows/validate",
      Operation("validateWorkflow", "Workflows").sends("WorkflowDocument").answers(.ok, "WorkflowCheck").fails(.builtIn)
    ),
    ("GET /api/v1/workflows/{name}", Operation("getWorkflow", "Workflows").answers(.ok, "Workflow", headers: ["ETag"])),
    (
      "PUT /api/v1/workflows/{name}",
      Operation("putWorkflow", "Workflows").guarded.sends("WorkflowDocument")
        .answers(.created, "Workflow", "A version was added.", headers: ["ETag", "Location"])
        .answers(.ok, "Workflow", "The newest version is this document already.", headers: ["ETag"])
        .fails(.builtIn, .nameDiffers)
    ),
    (
      "DELETE /api/v1/workflows/{name}", Operation("deleteWorkflow", "Workflows").answersNothing().fails(.inUse)
    ),
    (
      "GET /api/v1/workflows/{name}/versions",
      Operation("listWorkflowVersions", "Workflows", "Newest first, at most 1,000.").answers(.ok, "WorkflowVersions")
    ),
    (
      "GET /api/v1/workflows/{name}/versions/{version}",
      Operation("getWorkflowVersion", "Workflows").answers(.ok, "Workflow", headers: ["ETag"])
    ),
    (
      "POST /api/v1/workflows/{name}/compatibility",
      Operation("checkWorkflowCompatibility", "Workflows").sends("WorkflowDocument")
        .answers(.ok, "WorkflowCompatibility").fails(.builtIn)
    ),
  ]

  private static let settings: [(String, Operation)] = [
    (
      "GET /api/v1/projects",
      Operation("listProjects", "Projects", "Newest first.")
        .item("archived", Schema.flag.standard(.bool(false)), "Archived ones, too.")
        .paged(50, 200, cursor: .id("project")).answers(.ok, "ProjectPage")
    ),
    (
      "POST /api/v1/projects",
      Operation("createProject", "Projects").sends("NewProject")
        .answers(.created, "Project", headers: ["ETag", "Location"]).fails(.nameTaken)
    ),
    ("GET /api/v1/projects/{id}", Operation("getProject", "Projects").answers(.ok, "Project", headers: ["ETag"])),
    (
      "PATCH /api/v1/projects/{id}",
      Operation("changeProject", "Projects").guarded.sends("ProjectChange")
        .answers(.ok, "Project", headers: ["ETag"]).fails(.nameTaken)
    ),
    (
      "DELETE /api/v1/projects/{id}",
      Operation("archiveProject", "Projects").guarded.answers(.ok, "Project", headers: ["ETag"])
    ),
    ("GET /api/v1/limits", Operation("listLimits", "Projects", "All of them, at most 1,000.").answers(.ok, "Limits")),
    (
      "PUT /api/v1/limits/{scope}/{name}",
      Operation("setLimit", "Projects").sends("Slots").answers(.ok, "Slots").fails(.tooManyLimits)
    ),
    ("DELETE /api/v1/limits/{scope}/{name}", Operation("removeLimit", "Projects").answersNothing()),
    (
      "GET /api/v1/schedules",
      Operation("listSchedules", "Schedules", "Newest first.")
        .item("project_id", .id("project"), "Only those whose tasks belong to this project.")
        .paged(50, 200, cursor: .id("schedule")).answers(.ok, "SchedulePage")
    ),
    (
      "POST /api/v1/schedules",
      Operation("createSchedule", "Schedules").sends("NewSchedule")
        .answers(.created, "Schedule", headers: ["ETag", "Location"]).fails(.nameTaken)
    ),
    (
      "POST /api/v1/schedules/preview",
      Operation("previewSchedule", "Schedules").sends("Cron").answers(.ok, "CronTimes")
    ),
    ("GET /api/v1/schedules/{id}", Operation("getSchedule", "Schedules").answers(.ok, "Schedule", headers: ["ETag"])),
    (
      "PATCH /api/v1/schedules/{id}",
      Operation("changeSchedule", "Schedules").guarded.sends("ScheduleChange")
        .answers(.ok, "Schedule", headers: ["ETag"]).fails(.nameTaken)
    ),
    ("DELETE /api/v1/schedules/{id}", Operation("deleteSchedule", "Schedules").answersNothing()),
    (
      "GET /operator/v1/weights",
      Operation("listWeights", "Operators").item(
        "limit", Schema.int(1...1000).standard(.int(100)), "Entries of a page."
      )
      .item("after", .id("tenant"), "`next_after` of the page before.").answers(.ok, "WeightPage")
    ),
    (
      "PUT /operator/v1/weights/{tenant}",
      Operation("setWeight", "Operators").sends("Weight").answers(.ok, "TenantWeight")
    ),
    ("DELETE /operator/v1/weights/{tenant}", Operation("removeWeight", "Operators").answersNothing()),
  ]
}
