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
    /// These leases are not their workers' any more; nothing is written.
    case leaseLost(Set<StepID>)
  }

  /// Writes transitions of different runs in one statement.
  package func apply(_ transitions: [Transition]) async throws -> [RunID: Outcome] {
    // Two statements that write the same runs lock them in the same order and never wait for each other.
    let rows = TransitionRows(transitions.sorted { $0.run < $1.run }, replica: replica)
    let written = try await retrying {
      try await pool.query(
        rows.isPlain ? RunStore.applyPlain : RunStore.applyFull, rows, affinity: RunStore.writes)
    }
    var outcomes: [RunID: Outcome] = [:]
    for row in written { row.merge(into: &outcomes[row.run]) }
    return outcomes
  }

  /// A row of the statement's result: a run, or one of several leases or lost leases of a run.
  struct AppliedRow: Sendable {
    let run: RunID
    let isWritten: Bool
    let lostLease: StepID?
    let isLimited: Bool
    let lease: (step: StepID, written: WrittenLease)?

    static let columns = ResultColumns<AppliedRow> { column in
      let run = column("i.run_id", .uuid)
      let isWritten = column("f.id is not null", .bool)
      let lostLease = column(nullable: "o.step_id", .uuid)
      let isLimited = column("i.run_id in (select m.run_id from limited m)", .bool)
      let step = column(nullable: "l.step_id", .uuid)
      let deadline = column(nullable: "l.deadline", .timestamptz)
      let input = column(nullable: "x.body", .bytea)
      return { row in
        var lease: (step: StepID, written: WrittenLease)?
        if let step = try row[step], let deadline = try row[deadline] {
          lease = (StepID(step), WrittenLease(deadline: deadline, input: try row[input]))
        }
        return AppliedRow(
          run: RunID(try row[run]), isWritten: try row[isWritten], lostLease: try row[lostLease].map { StepID($0) },
          isLimited: try row[isLimited], lease: lease)
      }
    }

    func merge(into outcome: inout Outcome?) {
      if isWritten {
        var leases: [StepID: WrittenLease] = [:]
        if case .committed(let others)? = outcome { leases = others }
        if let (step, written) = lease { leases[step] = written }
        outcome = .committed(leases)
      } else if isLimited {
        outcome = .limited
      } else if let lostLease {
        var steps: Set<StepID> = [lostLease]
        if case .leaseLost(let others)? = outcome { steps.formUnion(others) }
        outcome = .leaseLost(steps)
      } else if outcome == nil {
        outcome = .conflict
      }
    }
  }

  /// What only some transitions need.
  private struct Further {
    var tables = ""
    var assignments = ""
  }

  static let applyPlain = apply { _, _, _, _ in Further() }
  static let applyFull = apply(further)

  /// A lease holds as long as its row stands with the worker's token and its attempt is not closed: who takes it back
  /// removes the row. A deadline that has passed only allows that.
  ///
  /// Fence, history, queue, leases and payloads in one statement: the update of the run row decides, everything else
  /// joins it. Rows of tables are found through arrays and not by joins, which the planner may nest in each other.
  private static func apply(
    _ further: (
      StatementBuilder<TransitionRows>, StatementRows<TransitionRows, TransitionRows.RunRow>,
      StatementRows<TransitionRows, QueueRows.QueuedRow>, String
    ) -> Further
  ) -> Statement<TransitionRows, AppliedRow> {
    Statement(AppliedRow.columns) { parameter in
      let runs = TransitionRows.runs(parameter)
      let (proofs, provenSteps) = TransitionRows.proofs(parameter)
      let events = QueueWriting.events(parameter, joining: "fenced") { $0.queue.events }
      let (queued, queuedIDs) = QueueWriting.queued(parameter) { $0.queue.queued }
      let payloads = TransitionRows.payloads(parameter)
      let dispatched = QueueWriting.dispatched(parameter) { $0.queue.dispatched }
      let more = further(parameter, runs, queued, queuedIDs)
      return """
        with \(dispatched), input as materialized (
          select i.* from \(runs)
        ), proof as materialized (
          select p.*, l.step_id is not null and case when p.lost then l.deadline <= clock_timestamp()
              else coalesce(l.closes_at > clock_timestamp(), true) end as holds
          from \(proofs)
          left join (
            select step_id, token, deadline, closes_at from lease where step_id = any(\(provenSteps))) l
            on l.step_id = p.step_id and l.token = p.token
        ), fenced as (
          update run r set version = i.version, status = i.status, output_sha256 = coalesce(i.output, r.output_sha256),
            failure = coalesce(i.failure, r.failure), input_tokens = i.input_tokens, output_tokens = i.output_tokens,
            cost_microusd = i.cost, unpriced_calls = i.unpriced, model_calls = i.calls\(more.assignments),
            started_at = coalesce(r.started_at, case when i.status = 'running' then clock_timestamp() end),
            ended_at = case when i.status in ('succeeded', 'failed', 'cancelled') then clock_timestamp() end
          from input i
          where r.id = i.run_id and r.version = i.expected and r.ended_at is null
            and not exists (select 1 from proof o where o.run_id = i.run_id and not o.holds)
            and not exists (select 1 from limited m where m.run_id = i.run_id)
          returning r.id, r.ended_at, r.tenant_id, r.parent_run, r.parent_step, r.parent_attempt
        ), appended as (
          \(events)
        ), queued as (
          \(QueueWriting.enqueue(queued, joining: "fenced"))
        ), stored as (
          insert into payload (tenant_id, sha256, body)
          select distinct on (y.tenant_id, y.sha256) y.tenant_id, y.sha256, y.body
          from \(payloads) join fenced f on f.id = y.run_id where \(QueueWriting.isStale("y.tenant_id", "y.sha256"))
          \(QueueWriting.touch)
        ), released as (
          delete from lease l where l.step_id = any(array(
            select o.step_id from proof o join fenced f on f.id = o.run_id where o.released))
        ), extended as (
          update lease l set deadline = least(
            clock_timestamp()
              + coalesce(l.heartbeat_ms, (select max(o.extension_ms) from proof o)) * interval '1 millisecond',
            coalesce(l.closes_at, 'infinity'))
          where l.step_id = any(array(
            select o.step_id from proof o join fenced f on f.id = o.run_id where not o.released))
        ), leased as (
          \(QueueWriting.lease(joining: "fenced"))
        )\(more.tables)
        select \(AppliedRow.columns)
        from input i left join fenced f on f.id = i.run_id
        left join proof o on o.run_id = i.run_id and not o.holds
        left join leased l on l.run_id = i.run_id
        left join dispatched d on d.step_id = l.step_id
        left join payload x on x.tenant_id = d.tenant_id and x.sha256 = d.input
        """
    }
  }

  /// Waits, timers, approvals, the end of a sub-run, and the clearing of what a run had.
  private static func further(
    _ parameter: StatementBuilder<TransitionRows>, _ runs: StatementRows<TransitionRows, TransitionRows.RunRow>,
    _ queued: StatementRows<TransitionRows, QueueRows.QueuedRow>, _ queuedIDs: String
  ) -> Further {
    runs("is_paused", .bool) { $0.transition.isPaused }
    runs("cleared", .int4) { Int32(clamping: $0.transition.clearedAt) }
    runs("clearing", .int4) { Int32(clamping: $0.transition.clearing.rawValue) }
    let timers = QueueWriting.timers(parameter, joining: "fenced") { $0.queue.timers }
    let finished = parameter.array("finished timers", of: .int8) { $0.finishedTimers }
    let unqueued = TransitionRows.unqueued(parameter)
    let unbegun = TransitionRows.unbegun(parameter)
    let requests = TransitionRows.requests(parameter)
    let (decisions, decided) = TransitionRows.decisions(parameter)
    let assignments = """
      ,
            is_paused = i.is_paused, cleared_version = i.cleared
      """
    let tables = """
      , waiting as (
          \(QueueWriting.delay(queued, joining: "fenced"))
        ), timed as (
          \(timers)
        ), finished as (
          delete from timer t where t.id = any(\(finished)) and t.run_id in (select id from fenced)
        ), unbegun as (
          delete from timer t using \(unbegun), fenced f
          where f.id = w.run_id and t.run_id = w.run_id and t.kind = 'own' and t.step = w.step and t.attempt = w.attempt
        ), unqueued as (
          delete from ready r using \(unqueued), fenced f where r.step_id = u.step_id and f.id = u.run_id
        ), parents_notified as (
          insert into timer (tenant_id, run_id, kind, step, attempt, other_run, due_at)
          select f.tenant_id, f.parent_run, 'child_ended', f.parent_step, f.parent_attempt, f.id, clock_timestamp()
          from fenced f where f.ended_at is not null and f.parent_run is not null
        ), cleared as materialized (
          select f.id, i.clearing from fenced f join input i on i.run_id = f.id where i.clearing > 0
        ), cleared_ready as (
          delete from ready r where r.step_id in (
            select c.step_id from cleared k join ready c on c.step_id between steps_from(k.id) and steps_to(k.id)
              and c.run_id = k.id for update of c skip locked)
            and not r.step_id = any(\(queuedIDs))
        ), cleared_delayed as (
          delete from delayed d using cleared k
          where d.step_id between steps_from(k.id) and steps_to(k.id) and d.run_id = k.id
            and not d.step_id = any(\(queuedIDs))
        ), cleared_leases as (
          delete from lease l using cleared k
          where k.clearing = 2 and l.step_id between steps_from(k.id) and steps_to(k.id) and l.run_id = k.id
            and l.step_id not in (select o.step_id from proof o)
        ), cleared_timers as (
          delete from timer t where t.run_id in (select id from cleared where clearing = 2)
            and not t.id = any(\(finished))
        ), requested as (
          insert into approval (tenant_id, id, run_id, step, attempt, subject_sha256, status, requested_at, expires_at,
            kind, is_question, ask, tool, step_id)
          select f.tenant_id, a.step_id, a.run_id, a.step, a.attempt, a.subject, 'pending', clock_timestamp(),
            clock_timestamp() + a.close_ms * interval '1 millisecond', a.kind, a.is_question, a.ask, a.tool,
            a.asking_step
          from \(requests) join fenced f on f.id = a.run_id
          on conflict (tenant_id, id) do update set attempt = excluded.attempt, subject_sha256 = excluded.subject_sha256,
            status = 'pending', requested_at = excluded.requested_at, expires_at = excluded.expires_at,
            decided_at = null, decided_by = null, comment = null
        ), decided as (
          update approval b set status = v.status, decided_at = clock_timestamp(), decided_by = v.decided_by,
            comment = v.comment, answer_sha256 = v.answer
          from \(decisions) join fenced f on f.id = v.run_id
          where b.id = v.step_id and b.run_id = v.run_id and b.status = 'pending'
        ), withdrawn as (
          update approval b set status = 'withdrawn', decided_at = clock_timestamp()
          where b.run_id in (select id from cleared where clearing = 2) and b.status = 'pending'
            and not b.id = any(\(decided))
        )
      """
    return Further(tables: tables, assignments: assignments)
  }
}
