internal import HTTPWire

extension Routes {
  /// Everything that the orchestrator answers.
  public static let orchestrator =
    tasks + runs + approvals + workflows + projects + schedules + workers + weights + workspace

  /// Tasks. The gateway names the run of a submission, so that one that is sent again makes the same run.
  static let tasks: [RouteSpecification] = [
    .init(.get, "/api/v1/tasks", .orchestrator, .tenant, "Lists tasks."),
    .init(
      .post, "/api/v1/tasks", .orchestrator, .tenant, bodyBytesMax: 2 * mebibyte, repetition: .always,
      "Submits a task, and waits for its end when `Prefer: wait` says so."),
    .init(.get, "/api/v1/tasks/{id}", .orchestrator, .tenant, "Describes a task with its newest run."),
    .init(.patch, "/api/v1/tasks/{id}", .orchestrator, .tenant, bodyBytesMax: 128 * kibibyte, "Changes a task."),
    .init(.delete, "/api/v1/tasks/{id}", .orchestrator, .tenant, "Archives a task whose run has ended."),
  ]

  /// Runs, their steps and histories.
  static let runs: [RouteSpecification] = [
    .init(.get, "/api/v1/runs", .orchestrator, .tenant, "Lists runs."),
    .init(
      .post, "/api/v1/runs/bulk-cancel", .orchestrator, .tenant, bodyBytesMax: 4 * kibibyte, "Cancels many runs."),
    .init(.get, "/api/v1/runs/{id}", .orchestrator, .tenant, "Describes a run."),
    .init(
      .get, "/api/v1/runs/{id}/events", .orchestrator, .tenant, cancelsOnDisconnect: true,
      "Reads the history of a run, in pages or as a live stream."),
    .init(.get, "/api/v1/runs/{id}/steps", .orchestrator, .tenant, "Lists the steps of a run."),
    .init(.get, "/api/v1/runs/{id}/result", .orchestrator, .tenant, "Reads the output of a run."),
    .init(.get, "/api/v1/runs/{id}/bundle", .orchestrator, .tenant, "Downloads a run as one file."),
    .init(.post, "/api/v1/runs/{id}/cancel", .orchestrator, .tenant, bodyBytesMax: 4 * kibibyte, "Cancels a run."),
    .init(.post, "/api/v1/runs/{id}/pause", .orchestrator, .tenant, bodyBytesMax: 4 * kibibyte, "Pauses a run."),
    .init(
      .post, "/api/v1/runs/{id}/resume", .orchestrator, .tenant, bodyBytesMax: 4 * kibibyte, "Resumes a paused run."),
    .init(
      .post, "/api/v1/runs/{id}/signals", .orchestrator, .tenant, bodyBytesMax: mebibyte, repetition: .withKey,
      "Sends a signal to a run."),
    .init(
      .post, "/api/v1/runs/{id}/replay", .orchestrator, .tenant, bodyBytesMax: 256 * kibibyte,
      "Replays the history of a run and reports differences."),
    .init(
      .post, "/api/v1/runs/{id}/retry", .orchestrator, .tenant, bodyBytesMax: 256 * kibibyte, repetition: .withKey,
      "Makes a new run that goes on from what failed."),
    .init(
      .post, "/api/v1/runs/{id}/fork", .orchestrator, .tenant, bodyBytesMax: 256 * kibibyte, repetition: .withKey,
      "Makes a new run out of the beginning of an old one."),
    .init(.get, "/api/v1/steps/{id}", .orchestrator, .tenant, "Describes a step."),
    .init(
      .get, "/api/v1/steps/{id}/calls", .orchestrator, .tenant, "Lists what the attempts of a step have recorded."),
    .init(.get, "/api/v1/steps/{id}/belief", .orchestrator, .tenant, "Reads what the agent of a step believes."),
  ]

  /// Steps that wait for a person: approvals and questions.
  static let approvals: [RouteSpecification] = [
    .init(.get, "/api/v1/approvals", .orchestrator, .tenant, "Lists approvals."),
    .init(.get, "/api/v1/approvals/{id}", .orchestrator, .tenant, "Describes an approval."),
    .init(
      .post, "/api/v1/approvals/{id}/decision", .orchestrator, .tenant, bodyBytesMax: 16 * kibibyte,
      "Approves or rejects."),
    .init(
      .post, "/api/v1/approvals/{id}/outcome", .orchestrator, .tenant, bodyBytesMax: 96 * kibibyte,
      "Says what became of a call."),
    .init(.get, "/api/v1/questions", .orchestrator, .tenant, "Lists the questions of agents."),
    .init(.get, "/api/v1/questions/{id}", .orchestrator, .tenant, "Describes a question."),
    .init(
      .post, "/api/v1/questions/{id}/answer", .orchestrator, .tenant, bodyBytesMax: 96 * kibibyte,
      "Answers a question."),
  ]

  /// Documents of workflows.
  static let workflows: [RouteSpecification] = [
    .init(.get, "/api/v1/workflows", .orchestrator, .tenant, "Lists workflows."),
    .init(
      .post, "/api/v1/workflows", .orchestrator, .tenant, bodyBytesMax: workflowBytesMax, "Creates a workflow."),
    .init(
      .post, "/api/v1/workflows/validate", .orchestrator, .tenant, bodyBytesMax: workflowBytesMax,
      "Checks a document without storing it."),
    .init(.get, "/api/v1/workflows/{name}", .orchestrator, .tenant, "Describes a workflow."),
    .init(
      .put, "/api/v1/workflows/{name}", .orchestrator, .tenant, bodyBytesMax: workflowBytesMax,
      "Adds a version of a workflow."),
    .init(.delete, "/api/v1/workflows/{name}", .orchestrator, .tenant, "Deletes a workflow that no run has used."),
    .init(.get, "/api/v1/workflows/{name}/versions", .orchestrator, .tenant, "Lists the versions of a workflow."),
    .init(.get, "/api/v1/workflows/{name}/versions/{version}", .orchestrator, .tenant, "Reads a version."),
    .init(
      .post, "/api/v1/workflows/{name}/compatibility", .orchestrator, .tenant, bodyBytesMax: workflowBytesMax,
      "Lists the open runs that a document would break."),
  ]

  private static let workflowBytesMax = 256 * kibibyte

  /// Workspaces of a tenant, and how much is done at the same time.
  static let projects: [RouteSpecification] = [
    .init(.get, "/api/v1/projects", .orchestrator, .tenant, "Lists projects."),
    .init(.post, "/api/v1/projects", .orchestrator, .tenant, bodyBytesMax: 128 * kibibyte, "Creates a project."),
    .init(.get, "/api/v1/projects/{id}", .orchestrator, .tenant, "Describes a project."),
    .init(.patch, "/api/v1/projects/{id}", .orchestrator, .tenant, bodyBytesMax: 128 * kibibyte, "Changes a project."),
    .init(.delete, "/api/v1/projects/{id}", .orchestrator, .tenant, "Archives a project."),
    .init(.get, "/api/v1/limits", .orchestrator, .tenant, "Lists the limits of concurrency."),
    .init(
      .put, "/api/v1/limits/{scope}/{name}", .orchestrator, .tenant, bodyBytesMax: 4 * kibibyte,
      "Sets a limit of concurrency."),
    .init(.delete, "/api/v1/limits/{scope}/{name}", .orchestrator, .tenant, "Removes a limit of concurrency."),
  ]

  /// Tasks at set times.
  static let schedules: [RouteSpecification] = [
    .init(.get, "/api/v1/schedules", .orchestrator, .tenant, "Lists schedules."),
    .init(.post, "/api/v1/schedules", .orchestrator, .tenant, bodyBytesMax: 2 * mebibyte, "Creates a schedule."),
    .init(
      .post, "/api/v1/schedules/preview", .orchestrator, .tenant, bodyBytesMax: 4 * kibibyte,
      "Lists the next times of a cron expression."),
    .init(.get, "/api/v1/schedules/{id}", .orchestrator, .tenant, "Describes a schedule."),
    .init(.patch, "/api/v1/schedules/{id}", .orchestrator, .tenant, bodyBytesMax: 2 * mebibyte, "Changes a schedule."),
    .init(.delete, "/api/v1/schedules/{id}", .orchestrator, .tenant, "Deletes a schedule."),
  ]

  /// The worker protocol.
  static let workers: [RouteSpecification] = [
    .init(
      .post, WorkerPath.leases, .orchestrator, .worker, isPublic: false, bodyBytesMax: 16 * kibibyte,
      cancelsOnDisconnect: true, "Leases steps, waiting for some."),
    .init(
      .post, WorkerPath.journal("{id}"), .orchestrator, .step, isPublic: false,
      bodyBytesMax: WorkerLimits.bodyBytesMax, "Records calls and prolongs the lease."),
    .init(
      .post, WorkerPath.result("{id}"), .orchestrator, .step, isPublic: false, bodyBytesMax: WorkerLimits.bodyBytesMax,
      "Ends an attempt."),
    .init(
      .post, WorkerPath.results, .orchestrator, .worker, isPublic: false, bodyBytesMax: WorkerLimits.bodyBytesMax,
      "Ends several attempts."),
    .init(
      .post, WorkerPath.drain, .orchestrator, .worker, isPublic: false, bodyBytesMax: 16 * kibibyte,
      "Answers the requests of a worker for leases: it ends."),
    .init(
      .post, WorkerPath.heartbeats, .orchestrator, .worker, isPublic: false, bodyBytesMax: 256 * kibibyte,
      "Says which leases of a worker hold, and extends those that are due."),
  ]

  /// How tenants share the workers.
  static let weights: [RouteSpecification] = [
    .init(.get, "/operator/v1/weights", .orchestrator, .operator, "Lists the weights of tenants."),
    .init(
      .put, "/operator/v1/weights/{tenant}", .orchestrator, .operator, bodyBytesMax: 4 * kibibyte,
      "Sets the weight of a tenant."),
    .init(
      .delete, "/operator/v1/weights/{tenant}", .orchestrator, .operator, "Removes the weight of a tenant."),
    .init(
      .post, "/operator/v1/mcp-servers/secrets/rotation", .orchestrator, .operator, repetition: .always,
      "Seals secrets of MCP servers under the newest key, a hundred at a time (`?cursor=`)."),
  ]
}
