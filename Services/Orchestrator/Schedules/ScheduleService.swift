internal import Contracts
internal import Cron
internal import Decider
internal import HTTP
internal import JSON
internal import Postgres
internal import Primitives
internal import Reactor
internal import RunStorage
internal import Telemetry

/// Submits the tasks of schedules when their times come. Every replica does it: the run of a schedule at a time has an
/// id that follows from both, so that one time gives one run.
final class ScheduleService: Sendable {
  private static let lookAgain = Duration.seconds(1)
  private static let schedulesMax = 100

  private let engine: RunEngine
  private let schedules: ScheduleStore
  private let zones: TimeZoneStore
  private let submitter: TaskSubmitter
  private let telemetry: Telemetry
  private var logger: Logger { telemetry.logger }

  init(
    engine: RunEngine, schedules: ScheduleStore, zones: TimeZoneStore, submitter: TaskSubmitter, telemetry: Telemetry
  ) {
    self.engine = engine
    self.schedules = schedules
    self.zones = zones
    self.submitter = submitter
    self.telemetry = telemetry
  }

  /// Works until cancelled.
  func run() async {
    while !Task.isCancelled {
      do {
        let due = try await schedules.due(limit: ScheduleService.schedulesMax)
        for schedule in due { await fire(schedule) }
        if due.count < ScheduleService.schedulesMax { try await EventLoop.sleep(for: ScheduleService.lookAgain) }
      } catch is CancellationError {
        return
      } catch {
        logger.warning("schedules could not be served", ["reason": .string("\(error)")])
        try? await EventLoop.sleep(for: ScheduleService.lookAgain)
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

  /// Does what is due of a schedule: its next time, or one that was kept while a run was open.
  func serve(_ schedule: ScheduleRow) async throws {
    let isOpen = try await isOpen(schedule.lastRun)
    if let kept = schedule.queuedAt, !isOpen {
      let run = try await submit(schedule, at: kept)
      _ = try await schedules.advance(
        schedule, next: schedule.nextAt, at: kept, run: run, queued: nil, skipped: run == nil)
      return
    }
    guard let time = schedule.nextAt, time <= schedule.now else { return }
    let window = schedule.now + .milliseconds(-schedule.catchUpMilliseconds)
    let isMissed = time < window
    let next = try await next(schedule, behind: isMissed ? max(time, window) : time)
    // Another replica may have served this very time before it could say so.
    let isServed = schedule.lastRun == RunID.of(schedule.id, at: time)
    var run: RunID?
    var queued = schedule.queuedAt
    if !isMissed, !isServed {
      switch schedule.overlap {
      case .allow: run = try await submit(schedule, at: time)
      case .skip: if !isOpen { run = try await submit(schedule, at: time) }
      case .queueOne: if isOpen { queued = queued ?? time } else { run = try await submit(schedule, at: time) }
      case .cancelOther:
        if isOpen, let last = schedule.lastRun {
          do {
            try await engine.apply(
              .cancel(
                by: "schedule \(schedule.name)", reason: "The next time of the schedule has come.", forces: false),
              to: last)
          } catch is RunEngine.Refused {}
        }
        run = try await submit(schedule, at: time)
      }
    }
    let isSkipped = run == nil && queued == schedule.queuedAt && !isServed
    if try await schedules.advance(
      schedule, next: next, at: time, run: run, queued: queued, skipped: isSkipped)
    {
      if run != nil { engine.metrics.firedSchedules.add() }
      if isSkipped { engine.metrics.skippedSchedules.add() }
    }
  }

  private func isOpen(_ run: RunID?) async throws -> Bool {
    guard let run, let end = try await engine.store.end(of: run) else { return false }
    return !end.status.isEnded
  }

  private func next(_ schedule: ScheduleRow, behind time: Timestamp) async throws -> Timestamp? {
    try await zones.next(try CronExpression(schedule.cron), after: time, zone: schedule.timeZone)
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
        run: run,
        task: TaskID(run.uuid))
      try await engine.accept(submission)
      return run
    } catch let problem as Problem {
      span.recordError(type: problem.code, message: problem.detail)
      logger.warning(
        "the task of a schedule was refused",
        ["schedule": .string(schedule.id.description), "reason": .string(problem.detail)])
      return nil
    }
  }
}
