internal import Contracts
internal import Decider
internal import Postgres
internal import Primitives

/// Queue entries, leases and timers of several runs, as one statement writes them.
struct QueueRows: Sendable {
  /// A step for the queue. A class, as the one below: each column takes one member, and must not copy the others.
  final class QueuedRow: Sendable {
    let id: UUID
    let run: UUID
    let tenant: UUID
    let step: QueuedStep
    /// The replica that queues it.
    let replica: Int32

    init(_ step: QueuedStep, of transition: Transition, replica: Int32) {
      id = StepID.of(transition.run, step: step.key).uuid
      run = transition.run.uuid
      tenant = transition.tenant.uuid
      self.step = step
      self.replica = replica
    }
  }

  /// A step that goes to a worker directly.
  final class DispatchedRow: Sendable {
    let run: UUID
    let tenant: UUID
    let step: DispatchedStep

    init(_ step: DispatchedStep, of transition: Transition) {
      run = transition.run.uuid
      tenant = transition.tenant.uuid
      self.step = step
    }
  }

  /// A timer that is set when the run is written.
  struct TimerRow: Sendable {
    let run: UUID
    let tenant: UUID
    let timer: NewTimer
  }

  /// Events that were appended together.
  struct EventsRow: Sendable {
    let run: UUID
    /// The number of the last of them.
    let sequence: Int32
    let body: [UInt8]
  }

  private(set) var queued: [QueuedRow] = []
  private(set) var dispatched: [DispatchedRow] = []
  private(set) var timers: [TimerRow] = []
  private(set) var events: [EventsRow] = []

  /// Adds steps and timers of a transition.
  mutating func append(_ transition: Transition, replica: Int32) {
    for step in transition.work { queued.append(QueuedRow(step, of: transition, replica: replica)) }
    for step in transition.dispatched { dispatched.append(DispatchedRow(step, of: transition)) }
    for timer in transition.timers {
      timers.append(TimerRow(run: transition.run.uuid, tenant: transition.tenant.uuid, timer: timer))
    }
  }

  /// Adds events that bring a run to `sequence`.
  mutating func append(_ run: RunID, _ sequence: Int, _ body: [UInt8]) {
    events.append(EventsRow(run: run.uuid, sequence: Int32(clamping: sequence), body: body))
  }
}

/// The parts of statements that write queue entries, leases and timers of runs. A part joins the rows of a common table
/// expression, the fence: only runs that stand there are written.
enum QueueWriting {
  /// Steps for the queue, and their ids as an array.
  static func queued<Input>(
    _ parameter: StatementBuilder<Input>, _ rows: @escaping @Sendable (Input) -> [QueueRows.QueuedRow]
  ) -> (rows: StatementRows<Input, QueueRows.QueuedRow>, ids: String) {
    let queued = parameter.rows("q", rows)
    let ids = queued("step_id", .uuid) { $0.id }
    queued("run_id", .uuid) { $0.run }
    queued("tenant_id", .uuid) { $0.tenant }
    queued("step", .text) { $0.step.key }
    queued("attempt", .int4) { Int32(clamping: $0.step.attempt) }
    queued("version", .int4) { Int32(clamping: $0.step.version) }
    queued("job_type", .text) { $0.step.jobType }
    queued("lane", .text) { $0.step.lane }
    queued("priority", .int4) { Int32(clamping: $0.step.priority) }
    queued("delay_ms", .int8) { $0.step.delayMilliseconds }
    queued("start_ms", .int8) { $0.step.timeouts.scheduleToStart }
    queued("heartbeat_ms", .int8) { $0.step.timeouts.heartbeat }
    queued("close_ms", .int8) { $0.step.timeouts.startToClose }
    queued("input", .bytea) { $0.step.inputSHA256 }
    queued("home", .int4) { $0.replica }
    return (queued, ids)
  }

  /// The insertion of steps without a delay into the queue.
  static func enqueue(_ queued: some CustomStringConvertible, joining fence: String) -> String {
    insertion(
      of: queued, into: "ready", joining: fence, where: "q.delay_ms = 0", column: "", value: "",
      update: ", blocked_on = null")
  }

  /// The insertion of steps with a delay among those that wait for their time.
  static func delay(_ queued: some CustomStringConvertible, joining fence: String) -> String {
    insertion(
      of: queued, into: "delayed", joining: fence, where: "q.delay_ms > 0", column: ", due_at", value: ", \(dueAt)",
      update: "")
  }

  private static let dueAt = "clock_timestamp() + q.delay_ms * interval '1 millisecond'"

  private static func insertion(
    of queued: some CustomStringConvertible, into table: String, joining fence: String, where condition: String,
    column: String, value: String, update: String
  ) -> String {
    """
    insert into \(table) (step_id, run_id, tenant_id, step, attempt, queued_version, job_type, lane, rank_at,
        queued_at, expires_at, heartbeat_ms, close_ms, input_sha256, home, bucket\(column))
      select q.step_id, q.run_id, q.tenant_id, q.step, q.attempt, q.version, q.job_type, q.lane,
        \(dueAt) - q.priority * interval '1 minute', \(dueAt),
        \(dueAt) + q.start_ms * interval '1 millisecond', q.heartbeat_ms, q.close_ms, q.input, q.home,
        (extract(epoch from \(dueAt)) / 2)::int\(value)
      from \(queued) join \(fence) f on f.id = q.run_id where \(condition)
      on conflict (step_id) do update set attempt = excluded.attempt, queued_version = excluded.queued_version,
        lane = excluded.lane, input_sha256 = excluded.input_sha256, expires_at = excluded.expires_at,
        home = excluded.home\(update)
    """
  }

  /// The steps that go to workers directly, as the table `dispatched`, and as `limited` the runs of which some may not
  /// because of a limit.
  static func dispatched<Input>(
    _ parameter: StatementBuilder<Input>, _ rows: @escaping @Sendable (Input) -> [QueueRows.DispatchedRow]
  ) -> String {
    let dispatched = parameter.rows("h", rows)
    dispatched("step_id", .uuid) { $0.step.id.uuid }
    dispatched("run_id", .uuid) { $0.run }
    dispatched("tenant_id", .uuid) { $0.tenant }
    dispatched("step", .text) { $0.step.step.key }
    dispatched("attempt", .int4) { Int32(clamping: $0.step.step.attempt) }
    dispatched("token", .uuid) { $0.step.token }
    dispatched("worker", .text) { $0.step.worker }
    dispatched("lease_ms", .int8) { $0.step.milliseconds }
    dispatched("lane", .text) { $0.step.step.lane }
    dispatched("heartbeat_ms", .int8) { $0.step.step.timeouts.heartbeat }
    dispatched("close_ms", .int8) { $0.step.step.timeouts.startToClose }
    dispatched("input", .bytea) { $0.step.step.inputSHA256 }
    return """
      dispatched as materialized (
        select h.* from \(dispatched)
      ), limited as materialized (
        select distinct d.run_id from dispatched d join concurrency_limit c on c.tenant_id = d.tenant_id
        where c.key = 'tenant' or c.key = any(string_to_array(d.lane, E'\\x1f'))
        union select d.run_id from dispatched d join tenant_state z on z.tenant_id = d.tenant_id
        where z.suspended_at is not null
      )
      """
  }

  /// The leases of the steps in `dispatched`.
  static func lease(joining fence: String) -> String {
    """
    insert into lease (step_id, run_id, tenant_id, step, attempt, token, worker, lane, heartbeat_ms,
        closes_at, deadline)
      select d.step_id, d.run_id, d.tenant_id, d.step, d.attempt, d.token, d.worker, d.lane,
        d.heartbeat_ms, clock_timestamp() + d.close_ms * interval '1 millisecond',
        clock_timestamp() + least(coalesce(d.heartbeat_ms, d.lease_ms), d.close_ms) * interval '1 millisecond'
      from dispatched d join \(fence) f on f.id = d.run_id
      returning step_id, run_id, deadline
    """
  }

  /// The insertion of timers.
  static func timers<Input>(
    _ parameter: StatementBuilder<Input>, joining fence: String,
    _ rows: @escaping @Sendable (Input) -> [QueueRows.TimerRow]
  ) -> String {
    let timers = parameter.rows("due", rows)
    timers("tenant_id", .uuid) { $0.tenant }
    timers("run_id", .uuid) { $0.run }
    timers("for_run", .uuid) { $0.timer.run?.uuid ?? $0.run }
    timers("kind", .text) { $0.timer.kind.rawValue }
    timers("step", .text) { $0.timer.step }
    timers("attempt", .int4) { $0.timer.attempt.map { Int32(clamping: $0) } }
    timers("other", .uuid) { $0.timer.other?.uuid }
    timers("ask", .text) { $0.timer.ask }
    timers("delay_ms", .int8) { $0.timer.delayMilliseconds }
    return """
      insert into timer (tenant_id, run_id, kind, step, attempt, other_run, ask, due_at)
      select due.tenant_id, due.for_run, due.kind, due.step, due.attempt, due.other, due.ask,
        clock_timestamp() + due.delay_ms * interval '1 millisecond'
      from \(timers) join \(fence) f on f.id = due.run_id
      """
  }

  /// The insertion of events.
  static func events<Input>(
    _ parameter: StatementBuilder<Input>, joining fence: String,
    _ rows: @escaping @Sendable (Input) -> [QueueRows.EventsRow]
  ) -> String {
    let events = parameter.rows("e", rows)
    events("run_id", .uuid) { $0.run }
    events("seq", .int4) { $0.sequence }
    events("body", .bytea) { $0.body }
    return """
      insert into history (run_id, seq, at, body)
      select e.run_id, e.seq, clock_timestamp(), e.body from \(events) join \(fence) f on f.id = e.run_id
      """
  }

  /// Whether a payload has to be stored or touched: one that many store at the same time is looked up, not fought over.
  static func isStale(_ tenant: String, _ sha256: String) -> String {
    """
    not exists (select 1 from payload x where x.tenant_id = \(tenant) and x.sha256 = \(sha256)
          and x.used_at > now() - interval '12 hours')
    """
  }

  /// What the insertion of a payload does with one that is there.
  static let touch = "on conflict (tenant_id, sha256) do update set used_at = now()"
}
