import Contracts
import Primitives
import Schedules
import Testing

@testable import RunStorage

private let id = ScheduleID(UUID(high: 1, low: 1))
private let now = Timestamp(unixMicroseconds: 1_000_000_000_000)
private let lastRun = RunID(UUID(high: 2, low: 2))

private func schedule(
  _ overlap: ScheduleRow.Overlap = .skip, nextAt: Timestamp? = now, lastRun: RunID? = lastRun,
  queuedAt: Timestamp? = nil
) -> ScheduleRow {
  ScheduleRow(
    tenant: TenantID(UUID(high: 3, low: 3)), id: id, name: "nightly", cron: "0 3 * * *", timeZone: "UTC", task: [],
    overlap: overlap, catchUpMilliseconds: 60_000, isPaused: false, version: 1, createdBy: "somebody", createdAt: now,
    nextAt: nextAt, lastAt: nil, lastRun: lastRun, queuedAt: queuedAt, fired: 0, skipped: 0, now: now)
}

@Suite struct ScheduleDecisionTests {
  private func decision(_ schedule: ScheduleRow, isOpen: Bool = false) -> ScheduleDecision {
    ScheduleDecision(of: schedule, isLastRunOpen: isOpen)
  }

  @Test func `before its time nothing is due`() {
    #expect(decision(schedule(nextAt: now + .milliseconds(1))) == .nothing)
    #expect(decision(schedule(nextAt: nil)) == .nothing)
  }

  @Test(arguments: ScheduleRow.Overlap.allCases)
  func `at its time the task is submitted when no run is open`(overlap: ScheduleRow.Overlap) {
    #expect(decision(schedule(overlap)) == .serve(at: now, .submit, resumingAfter: now))
  }

  @Test func `while a run is open the overlap says what happens`() {
    let actions = ScheduleRow.Overlap.allCases.map { overlap -> ScheduleDecision.Action? in
      if case .serve(_, let action, _) = decision(schedule(overlap), isOpen: true) { action } else { nil }
    }
    #expect(actions == [.skip, .submit, .queue, .cancelAndSubmit(lastRun)])
  }

  @Test func `one time is queued at most, and used when the run has ended`() {
    let queued = schedule(.queueOne, queuedAt: now + .seconds(-30))
    #expect(decision(queued, isOpen: true) == .serve(at: now, .skip, resumingAfter: now))
    #expect(decision(queued) == .submitQueued(at: now + .seconds(-30)))
  }

  @Test func `a time that is too old is left out, and the next one comes behind the window`() {
    let old = schedule(nextAt: now + .milliseconds(-60_001))
    #expect(
      decision(old) == .serve(at: now + .milliseconds(-60_001), .skip, resumingAfter: now + .milliseconds(-60_000)))
    let justInTime = now + .milliseconds(-60_000)
    #expect(decision(schedule(nextAt: justInTime)) == .serve(at: justInTime, .submit, resumingAfter: justInTime))
  }

  @Test func `a time that another replica has served is not served again`() {
    let served = RunID.of(id, at: now)
    #expect(
      decision(schedule(.allow, lastRun: served), isOpen: true)
        == .serve(at: now, .alreadySubmitted, resumingAfter: now))
  }
}
