package import Contracts
package import Primitives
package import RunStorage

/// What is due of a schedule. Pure: `ScheduleService` does it.
package enum ScheduleDecision: Equatable, Sendable {
  /// No time has come.
  case nothing
  /// A time that was queued while a run was open can be used now.
  case submitQueued(at: Timestamp)
  /// A time has come; the next one is the first behind `resumingAfter`.
  case serve(at: Timestamp, Action, resumingAfter: Timestamp)

  /// What is done at a time that has come.
  package enum Action: Equatable, Sendable {
    /// The task is submitted.
    case submit
    /// The last run, which is open, is cancelled, and the task is submitted.
    case cancelAndSubmit(RunID)
    /// The time is used when the open run has ended.
    case queue
    /// The time is left out: a run is open, or the time is too old.
    case skip
    /// Another replica has submitted the task of this time, but could not note it.
    case alreadySubmitted
  }

  /// Decides on a schedule as it was read from the database, and whether its last run is open.
  package init(of schedule: ScheduleRow, isLastRunOpen isOpen: Bool) {
    if let queued = schedule.queuedAt, !isOpen {
      self = .submitQueued(at: queued)
      return
    }
    guard let time = schedule.nextAt, time <= schedule.now else {
      self = .nothing
      return
    }
    let window = schedule.now + .milliseconds(-schedule.catchUpMilliseconds)
    if time < window {
      let action: Action = schedule.lastRun == RunID.of(schedule.id, at: time) ? .alreadySubmitted : .skip
      self = .serve(at: time, action, resumingAfter: window)
    } else {
      self = .serve(at: time, ScheduleDecision.action(schedule, time, isOpen), resumingAfter: time)
    }
  }

  private static func action(_ schedule: ScheduleRow, _ time: Timestamp, _ isOpen: Bool) -> Action {
    if schedule.lastRun == RunID.of(schedule.id, at: time) { return .alreadySubmitted }
    guard isOpen else { return .submit }
    switch schedule.overlap {
    case .allow: return .submit
    case .skip: return .skip
    // One time is queued at most.
    case .queueOne: return schedule.queuedAt == nil ? .queue : .skip
    case .cancelOther: return schedule.lastRun.map { .cancelAndSubmit($0) } ?? .submit
    }
  }
}
