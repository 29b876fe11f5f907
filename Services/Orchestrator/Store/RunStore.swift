internal import Contracts
internal import Decider
internal import JSON
internal import Postgres
internal import Primitives

/// The tables of runs. All SQL of histories, queues and leases stands here and in `RunStore+Reading`.
struct RunStore: Sendable {
  let pool: PostgresPool

  // MARK: Accepting

  /// Writes new tasks with their runs, first events and ready steps: one transaction, one round trip for all of them.
  func insert(_ submissions: [Submission], idempotency: IdempotencyRow? = nil) async throws {
    var statements: [PostgresStatement] = []
    if let idempotency {
      statements.append(
        PostgresStatement(
          "insert into idempotency (tenant_id, key, request_sha256, task_id, run_id) values ($1, $2, $3, $4, $5)",
          [
            idempotency.tenant.uuid, idempotency.key, idempotency.requestSHA256, idempotency.task.uuid,
            idempotency.run.uuid,
          ]))
    }
    let tenants = submissions.map(\.tenant.uuid)
    let tasks = submissions.map(\.task.uuid)
    let runs = submissions.map(\.run.uuid)
    let inputs = submissions.map(\.input.sha256)
    statements.append(
      PostgresStatement(
        """
        insert into task (tenant_id, id, run_id, title, input_sha256, created_by)
        select * from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::bytea[], $6::text[])
        """, [tenants, tasks, runs, submissions.map(\.title), inputs, submissions.map(\.principal)]))
    statements.append(
      PostgresStatement(
        """
        insert into run
          (id, tenant_id, task_id, workflow, workflow_version, version, status, input_sha256, traceparent)
        select i.id, i.tenant, i.task, i.workflow, i.workflow_version, i.version, 'pending', i.input, i.traceparent
        from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::int4[], $6::int4[], $7::bytea[], $8::text[])
          as i(id, tenant, task, workflow, workflow_version, version, input, traceparent)
        """,
        [
          runs, tenants, tasks, submissions.map(\.after.workflow.name),
          submissions.map { Int32($0.after.workflow.version) }, submissions.map { Int32($0.after.sequence) }, inputs,
          submissions.map(\.traceparent),
        ]))
    var events = EventColumns()
    var ready = ReadyColumns()
    for submission in submissions {
      events.append(submission.run, after: submission.after.sequence, submission.events)
      ready.append(submission.tenant, submission.run, submission.events, submission.after.workflow)
    }
    statements.append(
      PostgresStatement(
        """
        insert into event (run_id, seq, at, type, step, data)
        select e.run_id, e.seq, clock_timestamp(), e.type, e.step, e.data
        from unnest($1::uuid[], $2::int4[], $3::text[], $4::text[], $5::jsonb[]) as e(run_id, seq, type, step, data)
        """, events.parameters))
    statements.append(
      PostgresStatement(
        """
        insert into ready (step_id, run_id, tenant_id, step, attempt, job_type, due_at)
        select r.step_id, r.run_id, r.tenant_id, r.step, r.attempt, r.job_type,
          clock_timestamp() + r.delay_ms * interval '1 millisecond'
        from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::int4[], $6::text[], $7::int8[])
          as r(step_id, run_id, tenant_id, step, attempt, job_type, delay_ms)
        """, ready.parameters))
    statements.append(
      PostgresStatement(
        """
        insert into payload (tenant_id, sha256, body) select * from unnest($1::uuid[], $2::bytea[], $3::bytea[])
        on conflict do nothing
        """, [tenants, inputs, submissions.map(\.input.body)]))
    _ = try await pool.batch(statements)
  }

  // MARK: Transitions

  /// Writes transitions of different runs in one statement and returns the runs whose fence held; the others are
  /// unchanged.
  func apply(_ transitions: [Transition]) async throws -> Set<RunID> {
    var events = EventColumns()
    var ready = ReadyColumns()
    var payloads = PayloadColumns()
    for transition in transitions {
      events.append(transition.run, after: transition.after.sequence, transition.events)
      ready.append(transition.tenant, transition.run, transition.events, transition.after.workflow)
      payloads.append(transition.run, transition.tenant, transition.payloads)
    }
    let parameters = RunColumns(transitions).parameters + events.parameters + ready.parameters + payloads.parameters
    let rows = try await pool.query(RunStore.applySQL, parameters)
    var held: Set<RunID> = []
    for row in rows { held.insert(RunID(try row.decode(0, as: UUID.self))) }
    return held
  }

  /// Fence, history, queue, lease and payloads in one statement: the update of the run row decides, everything else
  /// joins it.
  private static let applySQL = """
    with input as materialized (
      select * from unnest(
        $1::uuid[], $2::int4[], $3::int4[], $4::text[], $5::bytea[], $6::jsonb[], $7::int8[], $8::int8[], $9::int8[],
        $10::int8[], $11::int8[], $12::uuid[], $13::uuid[], $14::bool[], $15::int8[], $16::bool[])
      as i(run_id, expected, version, status, output, failure, input_tokens, output_tokens, cost, unpriced, calls,
        step_id, token, released, extension_ms, lost)
    ), fenced as (
      update run r set version = i.version, status = i.status, output_sha256 = coalesce(i.output, r.output_sha256),
        failure = coalesce(i.failure, r.failure), input_tokens = i.input_tokens, output_tokens = i.output_tokens,
        cost_microusd = i.cost, unpriced_calls = i.unpriced, model_calls = i.calls,
        ended_at = case when i.status in ('succeeded', 'failed', 'cancelled') then clock_timestamp() end
      from input i
      where r.id = i.run_id and r.version = i.expected and r.ended_at is null
        and (i.token is null
          or exists (select 1 from lease l where l.step_id = i.step_id and l.token = i.token
            and (l.deadline > clock_timestamp()) = not i.lost))
      returning r.id, r.ended_at is not null as ended
    ), appended as (
      insert into event (run_id, seq, at, type, step, data)
      select e.run_id, e.seq, clock_timestamp(), e.type, e.step, e.data
      from unnest($17::uuid[], $18::int4[], $19::text[], $20::text[], $21::jsonb[]) as e(run_id, seq, type, step, data)
      join fenced f on f.id = e.run_id
    ), queued as (
      insert into ready (step_id, run_id, tenant_id, step, attempt, job_type, due_at)
      select q.step_id, q.run_id, q.tenant_id, q.step, q.attempt, q.job_type,
        clock_timestamp() + q.delay_ms * interval '1 millisecond'
      from unnest($22::uuid[], $23::uuid[], $24::uuid[], $25::text[], $26::int4[], $27::text[], $28::int8[])
        as q(step_id, run_id, tenant_id, step, attempt, job_type, delay_ms)
      join fenced f on f.id = q.run_id
    ), stored as (
      insert into payload (tenant_id, sha256, body)
      select distinct on (p.tenant_id, p.sha256) p.tenant_id, p.sha256, p.body
      from unnest($29::uuid[], $30::uuid[], $31::bytea[], $32::bytea[]) as p(run_id, tenant_id, sha256, body)
      join fenced f on f.id = p.run_id
      on conflict do nothing
    ), released as (
      delete from lease l using input i, fenced f
      where f.id = i.run_id and l.step_id = i.step_id and i.released
    ), extended as (
      update lease l set deadline = clock_timestamp() + i.extension_ms * interval '1 millisecond'
      from input i join fenced f on f.id = i.run_id
      where l.step_id = i.step_id and not i.released and l.token = i.token
    ), abandoned_leases as (
      delete from lease l using fenced f, input i
      where f.ended and l.run_id = f.id and i.run_id = f.id and (i.step_id is null or l.step_id <> i.step_id)
    ), abandoned_ready as (
      delete from ready q using fenced f where f.ended and q.run_id = f.id
    )
    select id from fenced
    """

  // MARK: Leases

  /// Leases up to `limit` due steps to `worker`: takes them off the queue, records the start in each history, returns
  /// them.
  func lease(jobTypes: [String], limit: Int, worker: String, milliseconds: Int64) async throws -> [LeasedStep] {
    let rows = try await pool.query(
      RunStore.leaseSQL, [jobTypes, Int64(limit), worker, milliseconds])
    return try rows.map { row in
      LeasedStep(
        step: StepID(try row.decode(0, as: UUID.self)), run: RunID(try row.decode(1, as: UUID.self)),
        tenant: TenantID(try row.decode(2, as: UUID.self)), key: try row.decode(3, as: String.self),
        attempt: Int(try row.decode(4, as: Int32.self)), token: try row.decode(5, as: UUID.self),
        deadline: try row.decode(6, as: Timestamp.self), version: Int(try row.decode(7, as: Int32.self)),
        task: TaskID(try row.decode(8, as: UUID.self)), input: try row.decode(9, as: [UInt8].self),
        traceparent: try row.decode(10, as: String?.self))
    }
  }

  /// The primary key of `event` makes two leases of one run in one statement impossible unless they are numbered here.
  private static let leaseSQL = """
    with picked as materialized (
      delete from ready q using (
        select step_id from ready where job_type = any($1) and due_at <= clock_timestamp()
        order by due_at limit $2 for update skip locked) d
      where q.step_id = d.step_id
      returning q.step_id, q.run_id, q.tenant_id, q.step, q.attempt
    ), numbered as materialized (
      select p.*, gen_random_uuid() as token, row_number() over (partition by run_id order by step) as position,
        count(*) over (partition by run_id) as siblings
      from picked p
    ), bumped as (
      update run r set version = r.version + n.siblings::int, status = 'running',
        started_at = coalesce(r.started_at, clock_timestamp())
      from (select distinct run_id, siblings from numbered) n
      where r.id = n.run_id and r.ended_at is null
      returning r.id, r.version - n.siblings::int as base, r.task_id, r.input_sha256, r.tenant_id, r.traceparent
    ), leased as (
      insert into lease (step_id, run_id, tenant_id, step, attempt, token, worker, leased_at, deadline)
      select n.step_id, n.run_id, n.tenant_id, n.step, n.attempt, n.token, $3, clock_timestamp(),
        clock_timestamp() + $4 * interval '1 millisecond'
      from numbered n join bumped b on b.id = n.run_id
      returning step_id, deadline
    ), appended as (
      insert into event (run_id, seq, at, type, step, data)
      select n.run_id, (b.base + n.position)::int, clock_timestamp(), 'step.started', n.step,
        jsonb_build_object('attempt', n.attempt, 'worker', $3::text)
      from numbered n join bumped b on b.id = n.run_id
    )
    select n.step_id, n.run_id, n.tenant_id, n.step, n.attempt, n.token, l.deadline,
      (b.base + n.position)::int, b.task_id, p.body, b.traceparent
    from numbered n join bumped b on b.id = n.run_id join leased l on l.step_id = n.step_id
    join payload p on p.tenant_id = b.tenant_id and p.sha256 = b.input_sha256
    """

  /// Prolongs leases that their holder still works on. Returns the steps whose lease is no longer the holder's.
  func heartbeat(_ held: [(step: StepID, token: UUID)], milliseconds: Int64) async throws -> Set<StepID> {
    let rows = try await pool.query(
      """
      update lease l set deadline = clock_timestamp() + $3 * interval '1 millisecond'
      from unnest($1::uuid[], $2::uuid[]) as h(step_id, token)
      where l.step_id = h.step_id and l.token = h.token and l.deadline > clock_timestamp()
      returning l.step_id
      """, [held.map(\.step.uuid), held.map(\.token), milliseconds])
    var lost = Set(held.map(\.step))
    for row in rows { lost.remove(StepID(try row.decode(0, as: UUID.self))) }
    return lost
  }

  /// Leases whose deadline has passed, oldest first.
  func overdueLeases(limit: Int) async throws -> [OverdueLease] {
    let rows = try await pool.query(
      """
      select step_id, run_id, tenant_id, step, attempt, token from lease
      where deadline < clock_timestamp() order by deadline limit $1
      """, [Int64(limit)])
    return try rows.map { row in
      OverdueLease(
        step: StepID(try row.decode(0, as: UUID.self)), run: RunID(try row.decode(1, as: UUID.self)),
        tenant: TenantID(try row.decode(2, as: UUID.self)), key: try row.decode(3, as: String.self),
        attempt: Int(try row.decode(4, as: Int32.self)), token: try row.decode(5, as: UUID.self))
    }
  }

  /// Milliseconds until the next delayed step is due; `nil` when none waits.
  func millisecondsToNextDue() async throws -> Int64? {
    let rows = try await pool.query(
      "select greatest(0, ceil(extract(epoch from min(due_at) - clock_timestamp()) * 1000))::int8 from ready", [])
    return try rows.first?.decode(0, as: Int64?.self)
  }
}

/// A step that was leased, with what its worker needs.
struct LeasedStep: Sendable {
  let step: StepID
  let run: RunID
  let tenant: TenantID
  let key: String
  let attempt: Int
  let token: UUID
  let deadline: Timestamp
  /// The run's version after the lease.
  let version: Int
  let task: TaskID
  /// The run's input document.
  let input: [UInt8]
  /// The trace of the submission.
  let traceparent: String?
}

/// A lease that its holder did not prolong.
struct OverdueLease: Sendable {
  let step: StepID
  let run: RunID
  let tenant: TenantID
  let key: String
  let attempt: Int
  let token: UUID
}

/// The memory of an idempotency key.
struct IdempotencyRow: Sendable {
  let tenant: TenantID
  let key: String
  let requestSHA256: [UInt8]
  let task: TaskID
  let run: RunID
}
