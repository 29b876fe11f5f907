package import Contracts
internal import Decider
internal import Postgres
internal import Primitives

/// The writing of transitions.
extension RunStore {
  /// What became of a transition.
  package enum Outcome: Sendable {
    /// It is written, with the leases of the steps that went to workers directly.
    case committed([StepID: WrittenLease])
    /// The run has moved on meanwhile; nothing is written.
    case conflict
    /// A limit applies to a step that was to go to a worker directly; nothing is written.
    case limited
    /// These proofs do not hold; nothing is written.
    case leaseLost(Set<StepID>)
  }

  /// Writes transitions of different runs in one statement.
  package func apply(_ unordered: [Transition]) async throws -> [RunID: Outcome] {
    // Two statements that write the same runs lock them in the same order and never wait for each other.
    let transitions = unordered.sorted { $0.run < $1.run }
    var events = EventColumns()
    var work = WorkColumns()
    var payloads = PayloadColumns()
    var handed = DispatchedColumns()
    for transition in transitions {
      events.append(transition.run, after: transition.version, transition.events)
      work.append(transition.work, of: transition.run, transition.tenant, home: home)
      payloads.append(transition.run, transition.tenant, transition.payloads)
      handed.append(transition.dispatched, of: transition.run, transition.tenant)
    }
    var parameters =
      RunColumns(transitions).parameters + ProofColumns(transitions).parameters + events.parameters + work.parameters
      + payloads.parameters + handed.parameters
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
    let rows = try await retrying { try await pool.query(sql, parameters, affinity: RunStore.writes) }
    var outcomes: [RunID: Outcome] = [:]
    for row in rows {
      let run = RunID(try row.decode(0, as: UUID.self))
      let isHeld = try row.decode(1, as: Bool.self)
      let unproven = try row.decode(2, as: UUID?.self)
      if isHeld {
        var leases: [StepID: WrittenLease] = [:]
        if case .committed(let others)? = outcomes[run] { leases = others }
        if let step = try row.decode(4, as: UUID?.self) {
          leases[StepID(step)] = WrittenLease(
            deadline: try row.decode(5, as: Timestamp.self), input: try row.decode(6, as: [UInt8]?.self))
        }
        outcomes[run] = .committed(leases)
      } else if try row.decode(3, as: Bool.self) {
        outcomes[run] = .limited
      } else if let unproven {
        var steps: Set<StepID> = [StepID(unproven)]
        if case .leaseLost(let others) = outcomes[run] { steps.formUnion(others) }
        outcomes[run] = .leaseLost(steps)
      } else if outcomes[run] == nil {
        outcomes[run] = .conflict
      }
    }
    return outcomes
  }

  /// Repeats what the database gave up for the sake of others, among them one who inserted the same run in that very
  /// moment; nothing of it was written.
  func retrying<Value>(_ body: () async throws -> Value) async throws -> Value {
    var tries = 0
    while true {
      do { return try await body() } catch let error as PostgresError
        where (["40P01", "40001"].contains(error.sqlState) || error.constraint == "run_pkey") && tries < 5
      {
        tries += 1
      }
    }
  }

  private static let plainSQL = applySQL("", "")
  private static let fullSQL = applySQL(fullCTEs, fullSets)

  /// A lease holds as long as its row stands with the holder's token and its attempt is not closed: who takes it back
  /// removes the row. A deadline that has passed only allows that.
  ///
  /// Fence, history, queue, leases and payloads in one statement: the update of the run row decides, everything else
  /// joins it. Rows of tables are found through arrays and not by joins, which the planner may nest in each other.
  private static func applySQL(_ more: String, _ sets: String) -> String {
    """
    with \(handedSQL(from: 43)), input as materialized (
      select * from unnest(
        $1::uuid[], $2::int4[], $3::int4[], $4::text[], $5::bool[], $6::int4[], $7::int4[], $8::bytea[], $9::jsonb[],
        $10::int8[], $11::int8[], $12::int8[], $13::int8[], $14::int8[])
      as i(run_id, expected, version, status, is_paused, cleared, clearing, output, failure, input_tokens, output_tokens,
        cost, unpriced, calls)
    ), proof as materialized (
      select p.*, l.step_id is not null and case when p.lost then l.deadline <= clock_timestamp()
          else coalesce(l.closes_at > clock_timestamp(), true) end as holds
      from unnest($15::uuid[], $16::uuid[], $17::uuid[], $18::bool[], $19::int8[], $20::bool[])
        as p(run_id, step_id, token, released, extension_ms, lost)
      left join (select step_id, token, deadline, closes_at from lease where step_id = any($16::uuid[])) l
        on l.step_id = p.step_id and l.token = p.token
    ), fenced as (
      update run r set version = i.version, status = i.status, output_sha256 = coalesce(i.output, r.output_sha256),
        failure = coalesce(i.failure, r.failure), input_tokens = i.input_tokens, output_tokens = i.output_tokens,
        cost_microusd = i.cost, unpriced_calls = i.unpriced, model_calls = i.calls\(sets),
        started_at = coalesce(r.started_at, case when i.status = 'running' then clock_timestamp() end),
        ended_at = case when i.status in ('succeeded', 'failed', 'cancelled') then clock_timestamp() end
      from input i
      where r.id = i.run_id and r.version = i.expected and r.ended_at is null
        and not exists (select 1 from proof p where p.run_id = i.run_id and not p.holds)
        and not exists (select 1 from limited m where m.run_id = i.run_id)
      returning r.id, r.ended_at, r.tenant_id, r.parent_run, r.parent_step, r.parent_attempt
    ), appended as (
      insert into history (run_id, seq, at, body)
      select e.run_id, e.seq, clock_timestamp(), e.body
      from unnest($21::uuid[], $22::int4[], $23::bytea[]) as e(run_id, seq, body)
      join fenced f on f.id = e.run_id
    ), queued as (
      \(queueSQL(from: 24, joining: "fenced", into: "ready", "q.delay_ms = 0"))
    ), stored as (
      insert into payload (tenant_id, sha256, body)
      select distinct on (p.tenant_id, p.sha256) p.tenant_id, p.sha256, p.body
      from unnest($39::uuid[], $40::uuid[], $41::bytea[], $42::bytea[]) as p(run_id, tenant_id, sha256, body)
      join fenced f on f.id = p.run_id where \(isStale("p.tenant_id", "p.sha256"))
      \(touch)
    ), released as (
      delete from lease l where l.step_id = any(array(
        select p.step_id from proof p join fenced f on f.id = p.run_id where p.released))
    ), extended as (
      update lease l set deadline = least(
        clock_timestamp() + coalesce(l.heartbeat_ms, (select max(extension_ms) from proof)) * interval '1 millisecond',
        coalesce(l.closes_at, 'infinity'))
      where l.step_id = any(array(select p.step_id from proof p join fenced f on f.id = p.run_id where not p.released))
    ), leased as (
      \(leasedSQL(joining: "fenced"))
    )\(more)
    select i.run_id, f.id is not null, p.step_id, i.run_id in (select m.run_id from limited m), l.step_id, l.deadline,
      x.body
    from input i left join fenced f on f.id = i.run_id
    left join proof p on p.run_id = i.run_id and not p.holds
    left join leased l on l.run_id = i.run_id
    left join handed h on h.step_id = l.step_id
    left join payload x on x.tenant_id = h.tenant_id and x.sha256 = h.input
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
      \(queueSQL(from: 24, joining: "fenced", into: "delayed", "q.delay_ms > 0"))
    ), timed as (
      \(timerSQL(from: 55, joining: "fenced"))
    ), done as (
      delete from timer t where t.id = any($63::int8[]) and t.run_id in (select id from fenced)
    ), unqueued as (
      delete from ready q using unnest($64::uuid[], $65::uuid[]) as u(run_id, step_id), fenced f
      where q.step_id = u.step_id and f.id = u.run_id
    ), told as (
      insert into timer (tenant_id, run_id, kind, step, attempt, other_run, due_at)
      select f.tenant_id, f.parent_run, 'child_ended', f.parent_step, f.parent_attempt, f.id, clock_timestamp()
      from fenced f where f.ended_at is not null and f.parent_run is not null
    ), cleared as materialized (
      select f.id, i.clearing from fenced f join input i on i.run_id = f.id where i.clearing > 0
    ), cleared_ready as (
      delete from ready q where q.step_id in (
        select c.step_id from cleared k join ready c on c.step_id between steps_from(k.id) and steps_to(k.id)
          and c.run_id = k.id for update of c skip locked)
        and not q.step_id = any($24::uuid[])
    ), cleared_delayed as (
      delete from delayed d using cleared k
      where d.step_id between steps_from(k.id) and steps_to(k.id) and d.run_id = k.id and not d.step_id = any($24::uuid[])
    ), cleared_leases as (
      delete from lease l using cleared k
      where k.clearing = 2 and l.step_id between steps_from(k.id) and steps_to(k.id) and l.run_id = k.id
        and l.step_id not in (select step_id from proof)
    ), cleared_timers as (
      delete from timer t where t.run_id in (select id from cleared where clearing = 2)
        and not t.id = any($63::int8[])
    ), asked as (
      insert into approval (tenant_id, id, run_id, step, attempt, subject_sha256, status, requested_at, expires_at)
      select f.tenant_id, a.step_id, a.run_id, a.step, a.attempt, a.subject, 'pending', clock_timestamp(),
        clock_timestamp() + a.close_ms * interval '1 millisecond'
      from unnest($66::uuid[], $67::uuid[], $68::text[], $69::int4[], $70::bytea[], $71::int8[])
        as a(run_id, step_id, step, attempt, subject, close_ms)
      join fenced f on f.id = a.run_id
      on conflict (tenant_id, id) do update set attempt = excluded.attempt, subject_sha256 = excluded.subject_sha256,
        status = 'pending', requested_at = excluded.requested_at, expires_at = excluded.expires_at, decided_at = null,
        decided_by = null, comment = null
    ), answered as (
      update approval a set status = d.status, decided_at = clock_timestamp(), decided_by = d.decided_by,
        comment = d.comment
      from unnest($72::uuid[], $73::uuid[], $74::text[], $75::text[], $76::text[])
        as d(run_id, step_id, status, decided_by, comment)
      join fenced f on f.id = d.run_id
      where a.id = d.step_id and a.run_id = d.run_id and a.status = 'pending'
    ), withdrawn as (
      update approval a set status = 'withdrawn', decided_at = clock_timestamp()
      where a.run_id in (select id from cleared where clearing = 2) and a.status = 'pending'
        and not a.id = any($73::uuid[])
    )
    """
}
