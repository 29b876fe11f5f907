package import Contracts
package import Decider
internal import Primitives
package import RunStorage
internal import SystemSources

/// Eager dispatch: what one commit leases directly to workers that wait. A step that becomes ready while somebody is
/// free for it needs neither the ready queue nor a claim. Only where nothing is overtaken and nothing is to be counted:
/// steps with locks or limits, repeated attempts, and steps behind a backlog go through the queue.
package struct EagerDispatch {
  private let registry: WorkerSlotRegistry
  private let now: @Sendable () -> UInt64
  private let startedAt: UInt64
  private var slots: [UUID: ReservedSlot] = [:]
  /// The slots that were reserved, with the steps that were leased for them.
  package private(set) var grants = SlotGrants()

  /// Begins a commit. `now` gives monotonic nanoseconds.
  package init(registry: WorkerSlotRegistry, now: @escaping @Sendable () -> UInt64 = { MonotonicClock.now() }) {
    self.registry = registry
    self.now = now
    startedAt = now()
  }

  /// Assigns the new steps of a transition to workers as far as some are free, and advances `state` and the transition
  /// to that.
  package mutating func assign(_ transition: inout Transition, _ state: inout RunState) {
    guard !transition.work.isEmpty else { return }
    var queued: [QueuedStep] = []
    for step in transition.work {
      guard let dispatched = dispatch(step, of: transition) else {
        queued.append(step)
        continue
      }
      do throws(RunRefusal) {
        transition.events += try decide(&state, .lease(step: step.key, worker: dispatched.worker))
        transition.dispatched.append(dispatched)
      } catch {
        queued.append(step)
      }
    }
    transition.work = queued
    transition.version = state.sequence
    transition.status = state.status
  }

  /// The lease of a step that goes to a worker directly; `nil` when it has to be queued.
  private mutating func dispatch(_ step: QueuedStep, of transition: Transition) -> DispatchedStep? {
    guard step.delayMilliseconds == 0, step.attempt == 1, !step.hasLocks,
      let slot = registry.reserve(step.jobType, for: transition.tenant)
    else { return nil }
    grants.reserve(slot)
    let dispatched = DispatchedStep(
      id: StepID.of(transition.run, step: step.key), step: step, token: UUID.random(), worker: slot.worker,
      milliseconds: slot.leaseMilliseconds)
    slots[dispatched.token] = slot
    return dispatched
  }

  /// The transition was committed with these leases. Returns the steps as their workers get them.
  package mutating func committed(
    _ transition: Transition, _ facts: RunFacts, _ leases: [StepID: WrittenLease]
  ) -> [LeasedStep] {
    var steps: [LeasedStep] = []
    for dispatched in transition.dispatched {
      guard let lease = leases[dispatched.id], let slot = slots.removeValue(forKey: dispatched.token) else { continue }
      let step = LeasedStep(
        step: dispatched.id, run: transition.run, tenant: transition.tenant, key: dispatched.step.key,
        attempt: dispatched.step.attempt, token: dispatched.token, deadline: lease.deadline,
        version: transition.version, task: facts.task,
        input: dispatched.step.inputSHA256 == nil ? nil : lease.input, traceparent: facts.traceparent,
        leaseMilliseconds: dispatched.step.timeouts.heartbeat ?? dispatched.milliseconds, slot: 0,
        waitedMicroseconds: Int64(clamping: (now() &- startedAt) / 1000), lane: dispatched.step.lane,
        jobType: dispatched.step.jobType)
      grants.fill(slot, with: step)
      steps.append(step)
    }
    return steps
  }
}
