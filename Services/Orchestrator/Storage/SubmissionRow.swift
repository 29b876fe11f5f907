internal import Contracts
internal import Decider
internal import History
internal import Postgres
internal import Primitives

/// A new run as it is written, with its task. A class: each of some thirty columns takes one member, and must not copy
/// the others.
final class SubmissionRow: Sendable {
  let submission: Submission
  let labels: PostgresJSON
  let outcome: StoredOutcome

  init(_ submission: Submission) {
    self.submission = submission
    labels = PostgresJSON(submission.task?.labelsJSON ?? Array("[]".utf8))
    outcome = StoredOutcome(submission.events)
  }

  /// The parameters of new runs, and the ids of the runs as an array.
  static func declare(
    _ parameter: StatementBuilder<RunStore.SubmissionBatch>
  ) -> (rows: StatementRows<RunStore.SubmissionBatch, SubmissionRow>, ids: String) {
    let runs = parameter.rows("i") { $0.runs }
    let ids = runs("run_id", .uuid) { $0.submission.run.uuid }
    runs("tenant_id", .uuid) { $0.submission.facts.tenant.uuid }
    runs("task_id", .uuid) { $0.submission.facts.task.uuid }
    runs("project_id", .uuid) { $0.submission.facts.project?.uuid }
    runs("priority", .int4) { Int32(clamping: $0.submission.facts.priority) }
    runs("workflow", .text) { $0.submission.state.workflow.name }
    runs("workflow_version", .int4) { Int32(clamping: $0.submission.state.workflow.version) }
    runs("version", .int4) { Int32(clamping: $0.submission.state.sequence) }
    runs("input_sha256", .bytea) { $0.submission.input.sha256 }
    runs("input", .bytea) { $0.submission.input.body }
    runs("traceparent", .text) { $0.submission.facts.traceparent }
    runs("parent_run", .uuid) { $0.submission.facts.parent?.run.uuid }
    runs("parent_step", .text) { $0.submission.facts.parent?.step }
    runs("parent_attempt", .int4) { $0.submission.facts.parent.map { Int32(clamping: $0.attempt) } }
    runs("depth", .int4) { Int32(clamping: $0.submission.facts.depth) }
    runs("forked_from", .uuid) { $0.submission.forkedFrom?.uuid }
    runs("is_task", .bool) { $0.submission.task != nil }
    runs("title", .text) { $0.submission.task?.title }
    runs("description", .text) { $0.submission.task?.description ?? "" }
    runs("labels", .jsonb) { $0.labels }
    runs("assignee", .text) { $0.submission.task?.assignee }
    runs("due_at", .timestamptz) { $0.submission.task?.dueAt }
    runs("created_by", .text) { $0.submission.principal }
    runs("input_tokens", .int8) { $0.submission.state.usage.inputTokens }
    runs("output_tokens", .int8) { $0.submission.state.usage.outputTokens }
    runs("cost", .int8) { $0.submission.state.usage.costMicroUSD }
    runs("unpriced", .int8) { $0.submission.state.usage.unpricedCalls }
    runs("calls", .int8) { $0.submission.state.usage.modelCalls }
    runs("timer_id", .int8) { $0.submission.timer }
    runs("status", .text) { $0.submission.state.status.rawValue }
    runs("output_sha256", .bytea) { $0.outcome.output }
    runs("failure", .jsonb) { $0.outcome.failure }
    return (runs, ids)
  }
}

/// The outcome of a run that ends with some events, as it is stored.
struct StoredOutcome: Sendable {
  private(set) var output: [UInt8]?
  private(set) var failure: PostgresJSON?

  init(_ events: [RunEvent]) {
    for event in events {
      if case .runSucceeded(let payload?) = event { output = Hex.decode(payload.sha256) }
      if case .runFailed(let key, let reason) = event {
        failure = PostgresJSON(EventCodec.encode(.stepFailed(step: key ?? "", attempt: 0, reason)))
      }
    }
  }
}
