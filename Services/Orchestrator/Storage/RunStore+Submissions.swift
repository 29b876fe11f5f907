package import Contracts
internal import Decider
internal import History
internal import Postgres
package import Primitives

/// The writing of new runs.
extension RunStore {
  /// What became of a new run.
  package enum Insertion: Sendable {
    /// It is written, with the leases of the steps that went to workers directly.
    case inserted(createdAt: Timestamp, leases: [StepID: WrittenLease])
    /// It was there already and stays as it is.
    case exists
    /// It is a sub-run, and the timer that asks for it is gone or being changed; nothing is written.
    case unwanted
    /// A limit applies to a step that was to go to a worker directly; nothing is written.
    case limited
  }

  /// Writes new runs with their tasks, first events, ready and leased steps and timers: one statement for all of them.
  /// With an idempotency key, which is for one run; throws `KeyInUse` for one that is known already.
  package func insert(
    _ submissions: [Submission], _ plans: [Transition], idempotency: IdempotencyRow? = nil
  ) async throws -> [RunID: Insertion] {
    var batch = SubmissionBatch(runs: submissions.map { SubmissionRow($0) }, idempotency: idempotency)
    for (submission, plan) in zip(submissions, plans) {
      batch.queue.append(plan, replica: replica)
      if !submission.events.isEmpty {
        batch.queue.append(submission.run, submission.state.sequence, EventCodec.encode(submission.events))
      }
    }
    let rows: [InsertedRow]
    do {
      rows = try await retrying { [batch] in
        try await pool.query(
          idempotency == nil ? RunStore.insertRuns : RunStore.insertRunOnce, batch, affinity: RunStore.writes)
      }
    } catch let error as PostgresError where idempotency != nil && error.isUniqueViolation { throw KeyInUse() }
    var insertions: [RunID: Insertion] = [:]
    for row in rows {
      guard let created = row.createdAt else {
        insertions[row.run] = row.isLimited ? .limited : row.isWanted ? .exists : .unwanted
        continue
      }
      var leases: [StepID: WrittenLease] = [:]
      if case .inserted(_, let others)? = insertions[row.run] { leases = others }
      if let (step, deadline) = row.lease { leases[step] = WrittenLease(deadline: deadline, input: nil) }
      insertions[row.run] = .inserted(createdAt: created, leases: leases)
    }
    return insertions
  }

  /// What one statement inserts.
  struct SubmissionBatch: Sendable {
    let runs: [SubmissionRow]
    let idempotency: IdempotencyRow?
    var queue = QueueRows()
  }

  /// A row of the statement's result: a run, or one of several leases of a run.
  struct InsertedRow: Sendable {
    let run: RunID
    let createdAt: Timestamp?
    let isLimited: Bool
    let isWanted: Bool
    let lease: (step: StepID, deadline: Timestamp)?

    static let columns = ResultColumns<InsertedRow> { column in
      let run = column("i.run_id", .uuid)
      let createdAt = column(nullable: "n.created_at", .timestamptz)
      let isLimited = column("i.run_id in (select m.run_id from limited m)", .bool)
      let isWanted = column("i.timer_id is null or i.timer_id in (select a.id from asking a)", .bool)
      let step = column(nullable: "l.step_id", .uuid)
      let deadline = column(nullable: "l.deadline", .timestamptz)
      return { row in
        var lease: (step: StepID, deadline: Timestamp)?
        if let step = try row[step], let deadline = try row[deadline] { lease = (StepID(step), deadline) }
        return InsertedRow(
          run: RunID(try row[run]), createdAt: try row[createdAt], isLimited: try row[isLimited],
          isWanted: try row[isWanted], lease: lease)
      }
    }
  }

  static let insertRuns = insertion { _ in "" }

  /// The same for one run, with its idempotency key.
  static let insertRunOnce = insertion { parameter in
    let tenant = parameter("idempotency tenant", .uuid) { $0.idempotency?.tenant.uuid }
    let key = parameter("idempotency key", .text) { $0.idempotency?.key }
    let sha256 = parameter("idempotency digest", .bytea) { $0.idempotency?.requestSHA256 }
    let task = parameter("idempotency task", .uuid) { $0.idempotency?.task.uuid }
    return """
      , recorded as (
        insert into idempotency (tenant_id, key, request_sha256, task_id, run_id)
        select \(tenant), \(key), \(sha256), \(task), i.run_id
        from input i where i.run_id not in (select m.run_id from limited m)
      )
      """
  }

  private static func insertion(
    _ more: (StatementBuilder<SubmissionBatch>) -> String
  ) -> Statement<SubmissionBatch, InsertedRow> {
    Statement(InsertedRow.columns) { parameter in
      let (runs, ids) = SubmissionRow.declare(parameter)
      let timerIDs = parameter.array("asking timers", of: .int8) { $0.runs.compactMap(\.submission.timer) }
      let events = QueueWriting.events(parameter, joining: "inserted") { $0.queue.events }
      let queued = QueueWriting.queued(parameter) { $0.queue.queued }.rows
      let timers = QueueWriting.timers(parameter, joining: "inserted") { $0.queue.timers }
      let dispatched = QueueWriting.dispatched(parameter) { $0.queue.dispatched }
      return """
        with \(dispatched), input as materialized (
          select i.* from \(runs) where not exists (select 1 from tenant_state z
            where z.tenant_id = i.tenant_id and z.deletion_requested_at is not null)
        ), asking as materialized (
          -- Whoever takes a timer away while its sub-run is written waits, and then finds the sub-run.
          select t.id from timer t where t.id = any(\(timerIDs)) for key share skip locked
        ), inserted as (
          insert into run (id, tenant_id, task_id, project_id, priority, workflow, workflow_version, version, status,
            input_sha256, traceparent, parent_run, parent_step, parent_attempt, depth, forked_from, input_tokens,
            output_tokens, cost_microusd, unpriced_calls, model_calls, output_sha256, failure, ended_at, started_at)
          select i.run_id, i.tenant_id, i.task_id, i.project_id, i.priority, i.workflow, i.workflow_version, i.version,
            i.status, i.input_sha256, i.traceparent, i.parent_run, i.parent_step, i.parent_attempt, i.depth,
            i.forked_from, i.input_tokens, i.output_tokens, i.cost, i.unpriced, i.calls, i.output_sha256, i.failure,
            case when i.status in ('succeeded', 'failed', 'cancelled') then now() end,
            case when i.run_id in (select d.run_id from dispatched d) then now() end
          from input i where i.run_id not in (select m.run_id from limited m)
            and (i.timer_id is null or i.timer_id in (select a.id from asking a))
            and i.run_id <> all(array(select x.id from run x where x.id = any(\(ids))))
          returning id, created_at, ended_at
        ), tasks as (
          insert into task (tenant_id, id, run_id, project_id, priority, title, description, labels, assignee, due_at,
            created_by)
          select i.tenant_id, i.task_id, i.run_id, i.project_id, i.priority, i.title, i.description,
            (select array_agg(l) from jsonb_array_elements_text(i.labels) l), i.assignee, i.due_at,
            i.created_by
          from input i join inserted n on n.id = i.run_id where i.is_task
        ), moved as (
          update task t set run_id = i.run_id, updated_at = now()
          from input i join inserted n on n.id = i.run_id
          where not i.is_task and i.parent_run is null and t.tenant_id = i.tenant_id and t.id = i.task_id
          returning t.id
        ), unshelved as (
          update run r set shelf = 0 where r.id = any(array(select m.id from moved m)) and r.shelf is distinct from 0
        ), labelled as (
          insert into task_label (tenant_id, label, task_id)
          select distinct i.tenant_id, jsonb_array_elements_text(i.labels), i.task_id
          from input i join inserted n on n.id = i.run_id where i.is_task
        ), appended as (
          \(events)
        ), queued as (
          \(QueueWriting.enqueue(queued, joining: "inserted"))
        ), waiting as (
          \(QueueWriting.delay(queued, joining: "inserted"))
        ), timed as (
          \(timers)
        ), stored as (
          insert into payload (tenant_id, sha256, body)
          select distinct on (i.tenant_id, i.input_sha256) i.tenant_id, i.input_sha256, i.input from input i
          where i.input is not null and \(QueueWriting.isStale("i.tenant_id", "i.input_sha256"))
          \(QueueWriting.touch)
        ), leased as (
          \(QueueWriting.lease(joining: "inserted"))
        )\(more(parameter))
        select \(InsertedRow.columns)
        from input i left join inserted n on n.id = i.run_id left join leased l on l.run_id = i.run_id
        """
    }
  }
}
