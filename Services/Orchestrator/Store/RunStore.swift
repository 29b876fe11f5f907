internal import Contracts
internal import Decider
internal import JSON
internal import Postgres
internal import Primitives

/// The tables of runs. All SQL of histories, queues, leases and timers stands in this folder.
struct RunStore: Sendable {
  let pool: PostgresPool
  /// Tells the steps that this process has queued from those of others.
  let home = Int32(truncatingIfNeeded: UUID.version7().low)

  // MARK: Accepting

  /// Writes new runs with their tasks, first events, ready steps and timers: one statement for all of them. Returns the
  /// runs that were new, with the time of their creation; one that is there already stays as it is.
  @discardableResult
  func insert(_ submissions: [Submission], _ plans: [Transition], idempotency: IdempotencyRow? = nil) async throws
    -> [RunID: Timestamp]
  {
    var events = EventColumns()
    var work = WorkColumns()
    var timers = TimerColumns()
    for (submission, plan) in zip(submissions, plans) {
      events.append(submission.run, after: submission.state.sequence, submission.events)
      work.append(plan.work, of: submission.run, plan.tenant, home: home)
      timers.append(plan.timers, of: submission.run, plan.tenant)
    }
    let parameters =
      SubmissionColumns(submissions).parameters + events.parameters + work.parameters + timers.parameters
    let rows: PostgresRows
    if let idempotency {
      let memory = PostgresStatement(
        "insert into idempotency (tenant_id, key, request_sha256, task_id, run_id) values ($1, $2, $3, $4, $5)",
        [
          idempotency.tenant.uuid, idempotency.key, idempotency.requestSHA256, idempotency.task.uuid,
          idempotency.run.uuid,
        ])
      rows = try await pool.batch([memory, PostgresStatement(RunStore.insertSQL, parameters)])[1]
    } else {
      rows = try await retrying { try await pool.query(RunStore.insertSQL, parameters) }
    }
    var inserted: [RunID: Timestamp] = [:]
    for row in rows { inserted[RunID(try row.decode(0, as: UUID.self))] = try row.decode(1, as: Timestamp.self) }
    return inserted
  }

  private static let insertSQL = """
    with input as materialized (
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
        output_tokens, cost_microusd, unpriced_calls, model_calls, output_sha256, failure, ended_at)
      select run_id, tenant_id, task_id, project_id, priority, workflow, workflow_version, version, status,
        input_sha256, traceparent, parent_run, parent_step, parent_attempt, depth, forked_from, input_tokens,
        output_tokens, cost, unpriced, calls, output_sha256, failure,
        case when status in ('succeeded', 'failed', 'cancelled') then now() end
      from input on conflict (id) do nothing returning id, created_at
    ), tasks as (
      insert into task (tenant_id, id, run_id, project_id, priority, title, description, labels, assignee, due_at,
        input_sha256, created_by)
      select i.tenant_id, i.task_id, i.run_id, i.project_id, i.priority, i.title, i.description,
        coalesce((select array_agg(l) from jsonb_array_elements_text(i.labels) l), '{}'), i.assignee, i.due_at,
        i.input_sha256, i.created_by
      from input i join inserted n on n.id = i.run_id where i.is_task
    ), moved as (
      update task t set run_id = i.run_id, updated_at = now()
      from input i join inserted n on n.id = i.run_id
      where not i.is_task and i.parent_run is null and t.tenant_id = i.tenant_id and t.id = i.task_id
    ), appended as (
      insert into event (run_id, seq, at, type, step, data)
      select e.run_id, e.seq, clock_timestamp(), e.type, e.step, e.data
      from unnest($32::uuid[], $33::int4[], $34::text[], $35::text[], $36::jsonb[]) as e(run_id, seq, type, step, data)
      join inserted n on n.id = e.run_id
    ), queued as (
      \(queueSQL(from: 37, joining: "inserted", into: "ready", "q.delay_ms = 0"))
    ), waiting as (
      \(queueSQL(from: 37, joining: "inserted", into: "delayed", "q.delay_ms > 0"))
    ), timed as (
      \(timerSQL(from: 37 + WorkColumns.count, joining: "inserted"))
    ), stored as (
      insert into payload (tenant_id, sha256, body)
      select distinct on (tenant_id, input_sha256) tenant_id, input_sha256, input from input i
      where input is not null and \(isStale("i.tenant_id", "i.input_sha256"))
      \(touch)
    )
    select id, created_at from inserted
    """

  /// A payload that many store at the same time is looked up, not fought over.
  private static func isStale(_ tenant: String, _ sha256: String) -> String {
    """
    not exists (select 1 from payload x where x.tenant_id = \(tenant) and x.sha256 = \(sha256)
          and x.used_at > now() - interval '12 hours')
    """
  }

  private static let touch = "on conflict (tenant_id, sha256) do update set used_at = now()"

  /// The insertion of steps into the queue, or among those that wait for their turn.
  private static func queueSQL(from first: Int, joining fence: String, into table: String, _ which: String) -> String {
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
        home = excluded.home
      """
  }

  private static func timerSQL(from first: Int, joining fence: String) -> String {
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

  // MARK: Transitions

  /// What became of a transition.
  enum Outcome: Sendable {
    /// It is written.
    case held
    /// The run has moved on meanwhile; nothing is written.
    case moved
    /// These proofs do not hold; nothing is written.
    case unproven(Set<StepID>)
  }

  /// Writes transitions of different runs in one statement.
  func apply(_ transitions: [Transition]) async throws -> [RunID: Outcome] {
    var events = EventColumns()
    var work = WorkColumns()
    var payloads = PayloadColumns()
    for transition in transitions {
      events.append(transition.run, after: transition.version, transition.events)
      work.append(transition.work, of: transition.run, transition.tenant, home: home)
      payloads.append(transition.run, transition.tenant, transition.payloads)
    }
    var parameters =
      RunColumns(transitions).parameters + ProofColumns(transitions).parameters + events.parameters + work.parameters
      + payloads.parameters
    let isPlain = transitions.allSatisfy(\.isPlain)
    if !isPlain {
      var timers = TimerColumns()
      var finished: [Int64] = []
      var unqueued: [UUID] = []
      var unqueuedRuns: [UUID] = []
      for transition in transitions {
        timers.append(transition.timers, of: transition.run, transition.tenant)
        finished += transition.finishedTimers
        unqueued += transition.unqueued.map(\.uuid)
        unqueuedRuns += transition.unqueued.map { _ in transition.run.uuid }
      }
      parameters += timers.parameters + [finished, unqueuedRuns, unqueued]
      parameters += ApprovalColumns(transitions).parameters
    }
    let sql = isPlain ? RunStore.plainSQL : RunStore.fullSQL
    let rows = try await retrying { try await pool.query(sql, parameters) }
    var outcomes: [RunID: Outcome] = [:]
    for row in rows {
      let run = RunID(try row.decode(0, as: UUID.self))
      let isHeld = try row.decode(1, as: Bool.self)
      let unproven = try row.decode(2, as: UUID?.self)
      if isHeld {
        outcomes[run] = .held
      } else if let unproven {
        var steps: Set<StepID> = [StepID(unproven)]
        if case .unproven(let others) = outcomes[run] { steps.formUnion(others) }
        outcomes[run] = .unproven(steps)
      } else if outcomes[run] == nil {
        outcomes[run] = .moved
      }
    }
    return outcomes
  }

  /// Repeats what the database gave up for the sake of others; nothing of it was written.
  func retrying<Value>(_ body: () async throws -> Value) async throws -> Value {
    var tries = 0
    while true {
      do { return try await body() } catch let error as PostgresError
        where ["40P01", "40001"].contains(error.sqlState) && tries < 5
      {
        tries += 1
      }
    }
  }

  private static let plainSQL = applySQL("", "")
  private static let fullSQL = applySQL(fullCTEs, fullSets)

  /// Fence, history, queue, leases and payloads in one statement: the update of the run row decides, everything else
  /// joins it. Runs are locked in the order of their ids, so that two such statements never wait for each other.
  private static func applySQL(_ more: String, _ sets: String) -> String {
    """
    with input as materialized (
      select * from unnest(
        $1::uuid[], $2::int4[], $3::int4[], $4::text[], $5::bool[], $6::int4[], $7::int4[], $8::bytea[], $9::jsonb[],
        $10::int8[], $11::int8[], $12::int8[], $13::int8[], $14::int8[])
      as i(run_id, expected, version, status, is_paused, cleared, clearing, output, failure, input_tokens, output_tokens,
        cost, unpriced, calls)
    ), proof as materialized (
      select p.*, l.step_id is not null and (l.deadline > clock_timestamp()) <> p.lost as holds
      from unnest($15::uuid[], $16::uuid[], $17::uuid[], $18::bool[], $19::int8[], $20::bool[])
        as p(run_id, step_id, token, released, extension_ms, lost)
      left join (select step_id, token, deadline from lease where step_id = any($16::uuid[])) l
        on l.step_id = p.step_id and l.token = p.token
    ), locked as materialized (
      select r.id from run r where r.id = any($1) order by r.id for no key update
    ), fenced as (
      update run r set version = i.version, status = i.status, output_sha256 = coalesce(i.output, r.output_sha256),
        failure = coalesce(i.failure, r.failure), input_tokens = i.input_tokens, output_tokens = i.output_tokens,
        cost_microusd = i.cost, unpriced_calls = i.unpriced, model_calls = i.calls\(sets),
        ended_at = case when i.status in ('succeeded', 'failed', 'cancelled') then clock_timestamp() end
      from input i join locked k on k.id = i.run_id
      where r.id = i.run_id and r.version = i.expected and r.ended_at is null
        and not exists (select 1 from proof p where p.run_id = i.run_id and not p.holds)
      returning r.id, r.ended_at is not null as ended, r.tenant_id, r.parent_run, r.parent_step, r.parent_attempt
    ), appended as (
      insert into event (run_id, seq, at, type, step, data)
      select e.run_id, e.seq, clock_timestamp(), e.type, e.step, e.data
      from unnest($21::uuid[], $22::int4[], $23::text[], $24::text[], $25::jsonb[]) as e(run_id, seq, type, step, data)
      join fenced f on f.id = e.run_id
    ), queued as (
      \(queueSQL(from: 26, joining: "fenced", into: "ready", "q.delay_ms = 0"))
    ), stored as (
      insert into payload (tenant_id, sha256, body)
      select distinct on (p.tenant_id, p.sha256) p.tenant_id, p.sha256, p.body
      from unnest($41::uuid[], $42::uuid[], $43::bytea[], $44::bytea[]) as p(run_id, tenant_id, sha256, body)
      join fenced f on f.id = p.run_id where \(isStale("p.tenant_id", "p.sha256"))
      \(touch)
    ), released as (
      delete from lease l using proof p join fenced f on f.id = p.run_id
      where l.step_id = any($16::uuid[]) and l.step_id = p.step_id and p.released
    ), extended as (
      update lease l set deadline = least(
        clock_timestamp() + coalesce(l.heartbeat_ms, p.extension_ms) * interval '1 millisecond',
        coalesce(l.closes_at, 'infinity'))
      from proof p join fenced f on f.id = p.run_id
      where l.step_id = any($16::uuid[]) and l.step_id = p.step_id and not p.released and l.token = p.token
    )\(more)
    select i.run_id, f.id is not null, p.step_id
    from input i left join fenced f on f.id = i.run_id
    left join proof p on p.run_id = i.run_id and not p.holds
    """
  }

  private static let fullSets = """
    ,
        is_paused = i.is_paused, cleared_version = i.cleared
    """

  /// What only some transitions need: waits, timers, approvals, the end of a sub-run, and the clearing of what a run
  /// had.
  private static let fullCTEs = """
    , waiting as (
      \(queueSQL(from: 26, joining: "fenced", into: "delayed", "q.delay_ms > 0"))
    ), timed as (
      \(timerSQL(from: 45, joining: "fenced"))
    ), finished as (
      delete from timer t where t.id = any($53::int8[]) and t.run_id in (select id from fenced)
    ), unqueued as (
      delete from ready q using unnest($54::uuid[], $55::uuid[]) as u(run_id, step_id), fenced f
      where q.step_id = u.step_id and f.id = u.run_id
    ), told as (
      insert into timer (tenant_id, run_id, kind, step, attempt, other_run, due_at)
      select f.tenant_id, f.parent_run, 'child_ended', f.parent_step, f.parent_attempt, f.id, clock_timestamp()
      from fenced f where f.ended and f.parent_run is not null
    ), cleared as materialized (
      select f.id, i.clearing from fenced f join input i on i.run_id = f.id where i.clearing > 0
    ), cleared_ready as (
      delete from ready q where q.step_id in (
        select c.step_id from ready c where c.run_id in (select id from cleared) for update skip locked)
        and not q.step_id = any($26::uuid[])
    ), cleared_delayed as (
      delete from delayed d where d.run_id in (select id from cleared) and not d.step_id = any($26::uuid[])
    ), cleared_leases as (
      delete from lease l where l.run_id in (select id from cleared where clearing = 2)
        and l.step_id not in (select step_id from proof)
    ), cleared_timers as (
      delete from timer t where t.run_id in (select id from cleared where clearing = 2)
        and not t.id = any($53::int8[])
    ), asked as (
      insert into approval (tenant_id, id, run_id, step, attempt, subject_sha256, status, requested_at, expires_at)
      select f.tenant_id, a.step_id, a.run_id, a.step, a.attempt, a.subject, 'pending', clock_timestamp(),
        clock_timestamp() + a.close_ms * interval '1 millisecond'
      from unnest($56::uuid[], $57::uuid[], $58::text[], $59::int4[], $60::bytea[], $61::int8[])
        as a(run_id, step_id, step, attempt, subject, close_ms)
      join fenced f on f.id = a.run_id
      on conflict (tenant_id, id) do update set attempt = excluded.attempt, subject_sha256 = excluded.subject_sha256,
        status = 'pending', requested_at = excluded.requested_at, expires_at = excluded.expires_at, decided_at = null,
        decided_by = null, comment = null
    ), answered as (
      update approval a set status = d.status, decided_at = clock_timestamp(), decided_by = d.decided_by,
        comment = d.comment
      from unnest($62::uuid[], $63::uuid[], $64::text[], $65::text[], $66::text[])
        as d(run_id, step_id, status, decided_by, comment)
      join fenced f on f.id = d.run_id
      where a.id = d.step_id and a.run_id = d.run_id and a.status = 'pending'
    ), withdrawn as (
      update approval a set status = 'withdrawn', decided_at = clock_timestamp()
      where a.run_id in (select id from cleared where clearing = 2) and a.status = 'pending'
        and not a.id = any($63::uuid[])
    )
    """
}

/// The memory of an idempotency key.
struct IdempotencyRow: Sendable {
  let tenant: TenantID
  let key: String
  let requestSHA256: [UInt8]
  let task: TaskID
  let run: RunID
}
