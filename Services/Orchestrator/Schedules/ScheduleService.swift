internal import Contracts
internal import Cron
internal import Decider
internal import JSON
internal import Primitives
internal import Reactor
package import RunEngine
package import RunStorage
package import Telemetry

/// Submits the tasks of schedules when their times come. Every replica does it: the run of a schedule at a time has an
/// id that follows from both, so that one time gives one run.
package final class ScheduleService: Sendable {
  private static let pollInterval = Duration.seconds(1)
  private static let schedulesMax = 100

  private let engine: Engine
  private let runs: RunStore
  private let schedules: ScheduleStore
  private let zones: TimeZoneStore
  private let submitter: TaskSubmitter
  private let telemetry: Telemetry
  private var logger: Logger { telemetry.logger }

  /// Makes the service.
  package init(
    engine: Engine, runs: RunStore, schedules: ScheduleStore, zones: TimeZoneStore, submitter: TaskSubmitter,
    telemetry: Telemetry
  ) {
    self.engine = engine
    self.runs = runs
    self.schedules = schedules
    self.zones = zones
    self.submitter = submitter
    self.telemetry = telemetry
  }

  /// Works until cancelled.
  package func run() async {
    while !Task.isCancelled {
      do {
        let due = try await schedules.due(limit: ScheduleService.schedulesMax)
        for schedule in due { await fire(schedule) }
        if due.count < ScheduleService.schedulesMax { try await EventLoop.sleep(for: ScheduleService.pollInterval) }
      } catch is CancellationError {
        return
      } catch {
        logger.warning("schedules could not be served", ["reason": .string("\(error)")])
        try? await EventLoop.sleep(for: ScheduleService.pollInterval)
      }
    }
  }

  /// One schedule must not keep others from their times.
  private func fire(_ schedule: ScheduleRow) async {
    do {
      try await serve(schedule)
    } catch {
      logger.warning(
        "a schedule could not be served", ["schedule": .string(schedule.id.description), "reason": .string("\(error)")])
    }
  }

  /// Does what is due of a schedule.
  package func serve(_ schedule: ScheduleRow) async throws {
    switch ScheduleDecision(of: schedule, isLastRunOpen: try await isOpen(schedule.lastRun)) {
    case .nothing: break
    case .submitQueued(let time):
      let run = try await submit(schedule, at: time)
      _ = try await schedules.advance(
        schedule, next: schedule.nextAt, at: time, run: run, queued: nil, skipped: run == nil)
    case .serve(let time, let action, let last):
      let next = try await zones.next(try CronExpression(schedule.cron), after: last, zone: schedule.timeZone)
      try await perform(action, schedule, at: time, next: next)
    }
  }

  private func perform(
    _ action: ScheduleDecision.Action, _ schedule: ScheduleRow, at time: Timestamp, next: Timestamp?
  ) async throws {
    var run: RunID?
    var queued = schedule.queuedAt
    var isSkipped = false
    switch action {
    case .submit:
      run = try await submit(schedule, at: time)
      isSkipped = run == nil
    case .cancelAndSubmit(let last):
      do {
        try await engine.apply(
          .cancel(by: "schedule \(schedule.name)", reason: "The next time of the schedule has come.", forces: false),
          to: last)
      } catch is ChangeRefusal {}
      run = try await submit(schedule, at: time)
      isSkipped = run == nil
    case .queue: queued = time
    case .skip: isSkipped = true
    case .alreadySubmitted: break
    }
    if try await schedules.advance(schedule, next: next, at: time, run: run, queued: queued, skipped: isSkipped) {
      if run != nil { engine.metrics.firedSchedules.add() }
      if isSkipped { engine.metrics.skippedSchedules.add() }
    }
  }

  private func isOpen(_ run: RunID?) async throws -> Bool {
    guard let run, let end = try await runs.end(of: run) else { return false }
    return !end.status.isEnded
  }

  /// Submits the task. `nil` when it cannot be: its workflow or project has gone.
  private func submit(_ schedule: ScheduleRow, at time: Timestamp) async throws -> RunID? {
    let run = RunID.of(schedule.id, at: time)
    // The trace of the run begins here.
    let span = telemetry.tracer.startSpan("schedule")
    defer { span.end() }
    if span.isRecording {
      span.setAttribute("cadre.schedule.id", .string(schedule.id.description))
      span.setAttribute("cadre.run.id", .string(run.description))
    }
    do {
      let request = try TaskRequest(JSONDocument(parsing: schedule.task).root)
      let submission = try await submitter.prepare(
        request, schedule.tenant, principal: "schedule \(schedule.name)", traceparent: span.context.traceparent,
        run: run, task: TaskID(run.uuid))
      try await engine.accept(submission)
      return run
    } catch let refusal as TaskRefusal {
      span.recordError(type: refusal.code.name, message: refusal.message)
      logger.warning(
        "the task of a schedule was refused",
        ["schedule": .string(schedule.id.description), "reason": .string(refusal.message)])
      return nil
    }
  }
}
