internal import Contracts
internal import Decider
internal import JSON
internal import Postgres
internal import Primitives
internal import SystemSources

/// The tables of runs. All SQL of histories, queues, leases and timers stands in this folder.
struct RunStore: Sendable {
  let pool: PostgresPool
  /// Tells the steps that this process has queued from those of others.
  let home = Int32(truncatingIfNeeded: UUID.version7().low)

  /// Claims that are still to be made with all rules.
  let claimsWithRules = ClaimCount()

  /// The connection of each loop on which runs are written.
  static let writes = 0

  // MARK: Accepting

  /// What became of a new run.
  enum Insertion: Sendable {
    /// It is written, with the leases of the steps that went to workers directly.
    case made(createdAt: Timestamp, leases: [StepID: WrittenLease])
    /// It was there already and stays as it is.
    case known
    /// A limit applies to a step that was to go to a worker directly; nothing is written.
    case limited
  }

  /// Writes new runs with their tasks, first events, ready and leased steps and timers: one statement for all of them.
  func insert(
    _ submissions: [Submission], _ plans: [Transition], idempotency: IdempotencyRow? = nil
  ) async throws -> [RunID: Insertion] {
    var events = EventColumns()
    var work = WorkColumns()
    var timers = TimerColumns()
    var handed = HandedColumns()
    for (submission, plan) in zip(submissions, plans) {
      handed.append(plan.handed, of: submission.run, plan.tenant)
      events.append(submission.run, after: submission.state.sequence, submission.events)
      work.append(plan.work, of: submission.run, plan.tenant, home: home)
      timers.append(plan.timers, of: submission.run, plan.tenant)
    }
    let parameters =
      SubmissionColumns(submissions).parameters + events.parameters + work.parameters + timers.parameters
      + handed.parameters
    let rows: PostgresRows
    if let idempotency {
      let memory: [any PostgresEncodable] = [
        idempotency.tenant.uuid, idempotency.key, idempotency.requestSHA256, idempotency.task.uuid,
      ]
      rows = try await retrying {
        try await pool.query(RunStore.insertOnceSQL, parameters + memory, affinity: RunStore.writes)
      }
    } else {
      rows = try await retrying { try await pool.query(RunStore.insertSQL, parameters, affinity: RunStore.writes) }
    }
    var insertions: [RunID: Insertion] = [:]
    for row in rows {
      let run = RunID(try row.decode(0, as: UUID.self))
      var leases: [StepID: WrittenLease] = [:]
      if case .made(_, let others)? = insertions[run] { leases = others }
      if let step = try row.decode(3, as: UUID?.self) {
        leases[StepID(step)] = WrittenLease(deadline: try row.decode(4, as: Timestamp.self), input: nil)
      }
      if let created = try row.decode(1, as: Timestamp?.self) {
        insertions[run] = .made(createdAt: created, leases: leases)
      } else {
        insertions[run] = try row.decode(2, as: Bool.self) ? .limited : .known
      }
    }
    return insertions
  }

  private static let firstHanded = 35 + WorkColumns.count + TimerColumns.count
  private static let firstMemory = firstHanded + HandedColumns.count
  private static let insertSQL = insertSQL("")

  /// The same for one run, with the memory of its idempotency key: a key that is known already is an error.
  private static let insertOnceSQL = insertSQL(
    """
    , remembered as (
      insert into idempotency (tenant_id, key, request_sha256, task_id, run_id)
      select $\(firstMemory)::uuid, $\(firstMemory + 1)::text, $\(firstMemory + 2)::bytea, $\(firstMemory + 3)::uuid, i.run_id
      from input i where i.run_id not in (select m.run_id from limited m)
    )
    """)

  private static func insertSQL(_ more: String) -> String {
    """
    with \(handedSQL(from: firstHanded)), input as materialized (
      select * from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::int4[], $6::text[], $7::int4[], $8::int4[],
        $9::bytea[], $10::bytea[], $11::text[], $12::uuid[], $13::text[], $14::int4[], $15::int4[], $16::uuid[],
        $17::bool[], $18::text[], $19::text[], $20::jsonb[], $21::text[], $22::timestamptz[], $23::text[],
        $24::int8[], $25::int8[], $26::int8[], $27::int8[], $28::int8[], $29::text[], $30::bytea[], $31::jsonb[])
      as i(run_id, tenant_id, task_id, project_id, priority, workflow, workflow_version, version, input_sha256, input,
        traceparent, parent_run, parent_step, parent_attempt, depth, forked_from, is_task, title, description, labels,
        assignee, due_at, created_by, input_tokens, output_tokens, cost, unpriced, calls, status, output_sha256, failure)
    ), inserted as (
      insert into run (id, tenant_id, task_id, project_id, priority, workflow, workflow_version, version, status,
        input_sha256, traceparent, parent_run, parent_step, parent_attempt, depth, forked_from, input_tokens,
        output_tokens, cost_microusd, unpriced_calls, model_calls, output_sha256, failure, ended_at, started_at)
      select run_id, tenant_id, task_id, project_id, priority, workflow, workflow_version, version, status,
        input_sha256, traceparent, parent_run, parent_step, parent_attempt, depth, forked_from, input_tokens,
        output_tokens, cost, unpriced, calls, output_sha256, failure,
        case when status in ('succeeded', 'failed', 'cancelled') then now() end,
        case when run_id in (select h.run_id from handed h) then now() end
      from input i where run_id not in (select m.run_id from limited m)
        and run_id <> all(array(select x.id from run x where x.id = any($1::uuid[]))) returning id, created_at, ended_at
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
      insert into history (run_id, seq, at, body)
      select e.run_id, e.seq, clock_timestamp(), e.body
      from unnest($32::uuid[], $33::int4[], $34::bytea[]) as e(run_id, seq, body)
      join inserted n on n.id = e.run_id
    ), queued as (
      \(queueSQL(from: 35, joining: "inserted", into: "ready", "q.delay_ms = 0"))
    ), waiting as (
      \(queueSQL(from: 35, joining: "inserted", into: "delayed", "q.delay_ms > 0"))
    ), timed as (
      \(timerSQL(from: 35 + WorkColumns.count, joining: "inserted"))
    ), stored as (
      insert into payload (tenant_id, sha256, body)
      select distinct on (tenant_id, input_sha256) tenant_id, input_sha256, input from input i
      where input is not null and \(isStale("i.tenant_id", "i.input_sha256"))
      \(touch)
    ), leased as (
      \(leasedSQL(joining: "inserted"))
    )\(more)
    select i.run_id, n.created_at, i.run_id in (select m.run_id from limited m), l.step_id, l.deadline
    from input i left join inserted n on n.id = i.run_id left join leased l on l.run_id = i.run_id
    """
  }

  /// A payload that many store at the same time is looked up, not fought over.
  static func isStale(_ tenant: String, _ sha256: String) -> String {
    """
    not exists (select 1 from payload x where x.tenant_id = \(tenant) and x.sha256 = \(sha256)
          and x.used_at > now() - interval '12 hours')
    """
  }

  static let touch = "on conflict (tenant_id, sha256) do update set used_at = now()"

  /// The insertion of steps into the queue, or among those that wait for their turn.
  static func queueSQL(from first: Int, joining fence: String, into table: String, _ which: String) -> String {
    let types = [
      "uuid", "uuid", "uuid", "text", "int4", "int4", "text", "text", "int4", "int8", "int8", "int8", "int8", "bytea",
      "int4",
    ]
    let arrays = types.enumerated().map { "$\(first + $0)::\($1)[]" }.joined(separator: ", ")
    let due = "clock_timestamp() + q.delay_ms * interval '1 millisecond'"
    return """
      insert into \(table) (step_id, run_id, tenant_id, step, attempt, queued_version, job_type, lane, rank_at,
        queued_at, expires_at, heartbeat_ms, close_ms, input_sha256, home, bucket\(table == "delayed" ? ", due_at" : ""))
      select q.step_id, q.run_id, q.tenant_id, q.step, q.attempt, q.version, q.job_type, q.lane,
        \(due) - q.priority * interval '1 minute', \(due),
        \(due) + q.start_ms * interval '1 millisecond', q.heartbeat_ms, q.close_ms, q.input, q.home,
        (extract(epoch from \(due)) / 2)::int
        \(table == "delayed" ? ", \(due)" : "")
      from unnest(\(arrays)) as q(step_id, run_id, tenant_id, step, attempt, version, job_type, lane, priority, delay_ms,
        start_ms, heartbeat_ms, close_ms, input, home)
      join \(fence) f on f.id = q.run_id where \(which)
      on conflict (step_id) do update set attempt = excluded.attempt, queued_version = excluded.queued_version,
        lane = excluded.lane, input_sha256 = excluded.input_sha256, expires_at = excluded.expires_at,
        home = excluded.home\(table == "ready" ? ", blocked_on = null" : "")
      """
  }

  /// The steps that go to workers directly, and the runs of which some may not because of a limit.
  static func handedSQL(from first: Int) -> String {
    let types = [
      "uuid", "uuid", "uuid", "text", "int4", "uuid", "text", "int8", "text", "int8", "int8", "bytea",
    ]
    let arrays = types.enumerated().map { "$\(first + $0)::\($1)[]" }.joined(separator: ", ")
    return """
      handed as materialized (
        select * from unnest(\(arrays)) as h(step_id, run_id, tenant_id, step, attempt, token, worker, lease_ms, lane,
          heartbeat_ms, close_ms, input)
      ), limited as materialized (
        select distinct h.run_id from handed h join concurrency_limit c on c.tenant_id = h.tenant_id
        where c.key = 'tenant' or c.key = any(string_to_array(h.lane, E'\\x1f'))
      )
      """
  }

  static func leasedSQL(joining fence: String) -> String {
    """
    insert into lease (step_id, run_id, tenant_id, step, attempt, token, worker, lane, heartbeat_ms,
        closes_at, deadline)
      select h.step_id, h.run_id, h.tenant_id, h.step, h.attempt, h.token, h.worker, h.lane,
        h.heartbeat_ms, clock_timestamp() + h.close_ms * interval '1 millisecond',
        clock_timestamp() + least(coalesce(h.heartbeat_ms, h.lease_ms), h.close_ms) * interval '1 millisecond'
      from handed h join \(fence) f on f.id = h.run_id
      returning step_id, run_id, deadline
    """
  }

  static func timerSQL(from first: Int, joining fence: String) -> String {
    let types = ["uuid", "uuid", "uuid", "text", "text", "int4", "uuid", "int8"]
    let arrays = types.enumerated().map { "$\(first + $0)::\($1)[]" }.joined(separator: ", ")
    return """
      insert into timer (tenant_id, run_id, kind, step, attempt, other_run, due_at)
      select t.tenant_id, t.for_run, t.kind, t.step, t.attempt, t.other,
        clock_timestamp() + t.delay_ms * interval '1 millisecond'
      from unnest(\(arrays)) as t(tenant_id, run_id, for_run, kind, step, attempt, other, delay_ms)
      join \(fence) f on f.id = t.run_id
      """
  }
}

/// A lease as it was written, with the step's input when that is a whole payload.
struct WrittenLease: Sendable {
  let deadline: Timestamp
  let input: [UInt8]?

  func with(_ input: [UInt8]) -> WrittenLease { WrittenLease(deadline: deadline, input: input) }
}

/// The memory of an idempotency key.
struct IdempotencyRow: Sendable {
  let tenant: TenantID
  let key: String
  let requestSHA256: [UInt8]
  let task: TaskID
  let run: RunID
}
