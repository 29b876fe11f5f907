internal import HTTPWire

extension ProblemCode {
  /// What the management API answers with.
  static let resources: [ProblemCode] =
    [
      "task", "run", "step", "approval", "question", "belief", "schedule", "workflow", "workflow version", "project",
      "limit", "weight",
    ]
    .map {
      notFound($0)
    } + [
      outdated, nameTaken, idempotencyKeyReused,
    ]

  /// `KIND_not_found`: there is no such thing, or it belongs to another tenant. Spaces of `kind` become underscores.
  public static func notFound(_ kind: String) -> ProblemCode {
    ProblemCode(
      "\(kind.replacing(" ", with: "_"))_not_found", .notFound,
      meaning: "There is no \(kind) with this id or name, or it is another tenant's.",
      remedy: "Check the id and the key.")
  }

  /// `outdated`
  public static let outdated = ProblemCode(
    "outdated", .preconditionFailed, meaning: "It was changed since it was read (`If-Match`).",
    remedy: "Read it again and repeat the change.")
  /// `name_taken`
  public static let nameTaken = ProblemCode(
    "name_taken", .conflict, meaning: "Another one has this name.", remedy: "Choose another name.")
  /// `idempotency_key_reused`
  public static let idempotencyKeyReused = ProblemCode(
    "idempotency_key_reused", .unprocessableContent,
    meaning: "The Idempotency-Key was used with another document.", remedy: "Use a new key for a new request.")
}

extension ProblemCode {
  /// Tasks, runs, approvals.
  static let runs: [ProblemCode] = [
    runEnded, runOpen, noResult, stale, alreadyPaused, notPaused, contended, subjectDiffers, alreadyDecided,
    kindDiffers,
    unknownSignal, tooManySignals, stepNotBegun, unknownStep, unknownEvent, nothingLeft, notFailed, workflowGone,
    unreadableHistory,
  ]

  /// `run_ended`
  public static let runEnded = ProblemCode(
    "run_ended", .conflict, meaning: "The run has ended; nothing more happens to it.",
    remedy: "Retry or fork it to get a new run.")
  /// `run_open`
  public static let runOpen = ProblemCode(
    "run_open", .conflict, meaning: "The run has not ended.", remedy: "Wait for its end, or cancel it.")
  /// `no_result`
  public static let noResult = ProblemCode(
    "no_result", .conflict, meaning: "The run has ended without a result.", remedy: "Read its `failure`.")
  /// `stale`
  public static let stale = ProblemCode(
    "stale", .conflict, meaning: "The request does not fit the state of the run.", remedy: "Read the run again.")
  /// `already_paused`
  public static let alreadyPaused = ProblemCode(
    "already_paused", .conflict, meaning: "The run is paused already.", remedy: "Nothing is left to do.")
  /// `not_paused`
  public static let notPaused = ProblemCode(
    "not_paused", .conflict, meaning: "The run is not paused.", remedy: "Nothing is left to do.")
  /// `contended`
  public static let contended = ProblemCode(
    "contended", .serviceUnavailable, meaning: "The run changes too quickly at the moment.",
    remedy: "Try again shortly.")
  /// `subject_differs`
  public static let subjectDiffers = ProblemCode(
    "subject_differs", .conflict, meaning: "What is to be approved has changed since it was read.",
    remedy: "Read the approval again and decide on its `subject_sha256`.")
  /// `already_decided`
  public static let alreadyDecided = ProblemCode(
    "already_decided", .conflict, meaning: "The approval or question was decided, has expired or was withdrawn.",
    remedy: "Read it again.")
  /// `kind_differs`
  public static let kindDiffers = ProblemCode(
    "kind_differs", .conflict, meaning: "The approval is of a kind that is not answered so.",
    remedy: "Read its `kind`: `unknown_outcome` takes `/outcome`, the others `/decision`.")
  /// `unknown_signal`
  public static let unknownSignal = ProblemCode(
    "unknown_signal", .unprocessableContent, meaning: "No step of the workflow waits for a signal of this name.",
    remedy: "Use a name that the workflow has.")
  /// `too_many_signals`
  public static let tooManySignals = ProblemCode(
    "too_many_signals", .tooManyRequests, meaning: "Too many signals wait for being used by the run.",
    remedy: "Try again later.")
  /// `step_not_begun`
  public static let stepNotBegun = ProblemCode(
    "step_not_begun", .conflict, meaning: "The step to fork from never began in that run.",
    remedy: "Fork from a step that has begun.")
  /// `unknown_step`
  public static let unknownStep = ProblemCode(
    "unknown_step", .conflict, meaning: "A change names a step that the workflow does not have.",
    remedy: "Use a key of the workflow.")
  /// `unknown_event`
  public static let unknownEvent = ProblemCode(
    "unknown_event", .conflict, meaning: "The history has fewer events than `at_seq`.",
    remedy: "Use a sequence number of the history.")
  /// `nothing_left`
  public static let nothingLeft = ProblemCode(
    "nothing_left", .conflict, meaning: "There is nothing left to do at that place of the history.",
    remedy: "Fork from an earlier place.")
  /// `not_failed`
  public static let notFailed = ProblemCode(
    "not_failed", .conflict, meaning: "The run has neither failed nor was it cancelled.",
    remedy: "Fork it instead of retrying it.")
  /// `workflow_gone`
  public static let workflowGone = ProblemCode(
    "workflow_gone", .conflict, meaning: "The document of the run's workflow is not there any more.",
    remedy: "Cancel the run.")
  /// `unreadable_history`
  public static let unreadableHistory = ProblemCode(
    "unreadable_history", .internalServerError, meaning: "The history of the run cannot be read.",
    remedy: "Report it with the run's bundle.")
}

extension ProblemCode {
  /// Workflows, projects, limits.
  static let workflows: [ProblemCode] = [
    unknownWorkflow, unknownProject, builtIn, exists, nameDiffers, inUse, tooManyLimits,
  ]

  /// `unknown_workflow`
  public static let unknownWorkflow = ProblemCode(
    "unknown_workflow", .unprocessableContent, or: .conflict, meaning: "There is no workflow of this name or version.",
    remedy: "List the workflows.")
  /// `unknown_project`
  public static let unknownProject = ProblemCode(
    "unknown_project", .unprocessableContent, meaning: "There is no such project, or it is archived.",
    remedy: "List the projects.")
  /// `built_in`
  public static let builtIn = ProblemCode(
    "built_in", .conflict, meaning: "The workflow is built in and cannot be changed.", remedy: "Choose another name.")
  /// `exists`
  public static let exists = ProblemCode(
    "exists", .conflict, meaning: "There is a workflow of this name.", remedy: "PUT it to add a version.")
  /// `name_differs`
  public static let nameDiffers = ProblemCode(
    "name_differs", .unprocessableContent, meaning: "The document names another workflow than the path.",
    remedy: "Use the same name.")
  /// `in_use`
  public static let inUse = ProblemCode(
    "in_use", .conflict, meaning: "Runs have used the workflow; their histories need it.", remedy: "Keep it.")
  /// `too_many_limits`
  public static let tooManyLimits = ProblemCode(
    "too_many_limits", .unprocessableContent, meaning: "The tenant has the most limits that it may have.",
    remedy: "Delete one first.")
}

extension ProblemCode {
  /// The worker protocol.
  static let workers: [ProblemCode] = [leaseLost, stepDiffers, leaseDiffers]

  /// `lease_lost`
  public static let leaseLost = ProblemCode(
    "lease_lost", .conflict, meaning: "The lease has ended or belongs to another worker.",
    remedy: "Drop the attempt; whatever it does has no effect.")
  /// `step_differs`
  public static let stepDiffers = ProblemCode(
    "step_differs", .forbidden, meaning: "The assertion is for another step.",
    remedy: "Send the one that came with the lease of this step.")
  /// `lease_differs`
  public static let leaseDiffers = ProblemCode(
    "lease_differs", .forbidden, meaning: "The assertion is for another lease of the step.",
    remedy: "Send the one that came with this lease, or with its last extension.")
}
