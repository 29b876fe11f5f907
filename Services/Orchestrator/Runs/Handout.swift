internal import Contracts
internal import Decider
internal import Primitives
internal import SystemSources

/// A step that is leased to a waiting worker in the transaction that makes it ready.
struct HandedStep: Sendable {
  let id: StepID
  let step: QueuedStep
  let token: UUID
  let worker: String
  /// Life of the lease.
  let milliseconds: Int64
}

/// Slots of a waiting worker that a claim or commit has reserved, with the steps that it found for them.
struct SlotShare: Sendable {
  /// The waiting worker.
  let number: Int
  let worker: String
  var reserved: Int
  var steps: [LeasedStep] = []
}

extension [SlotShare] {
  /// Adds a slot to the share of its worker.
  mutating func reserve(_ slot: SlotBoard.Slot) {
    if let place = firstIndex(where: { $0.number == slot.number }) {
      self[place].reserved += 1
    } else {
      append(SlotShare(number: slot.number, worker: slot.worker, reserved: 1))
    }
  }

  /// Notes what was found for a slot.
  mutating func fill(_ slot: SlotBoard.Slot, with step: LeasedStep) {
    if let place = firstIndex(where: { $0.number == slot.number }) { self[place].steps.append(step) }
  }
}

/// What one commit gives directly to workers that wait: a step that becomes ready while somebody is free for it needs
/// neither the queue nor a claim. Only where nothing is overtaken and nothing is to be counted: steps with locks or
/// limits, repeated attempts, and steps behind a backlog go through the queue.
struct Handout {
  private let board: SlotBoard
  private let started = MonotonicClock.now()
  private var slots: [UUID: SlotBoard.Slot] = [:]
  private(set) var shares: [SlotShare] = []

  init(board: SlotBoard) { self.board = board }

  /// Gives the new steps of a transition to workers as far as some are free, and brings `state` and the transition
  /// forward to that.
  mutating func fill(_ transition: inout Transition, _ state: inout RunState) {
    guard !transition.work.isEmpty else { return }
    var queued: [QueuedStep] = []
    for step in transition.work {
      guard let handed = slot(for: step, of: transition) else {
        queued.append(step)
        continue
      }
      do throws(RunRefusal) {
        transition.events += try decide(&state, .lease(step: step.key, worker: handed.worker))
        transition.handed.append(handed)
      } catch {
        queued.append(step)
      }
    }
    transition.work = queued
    transition.version = state.sequence
    transition.status = state.status
  }

  /// A slot for the step; `nil` when it has to be queued.
  private mutating func slot(for step: QueuedStep, of transition: Transition) -> HandedStep? {
    guard step.delayMilliseconds == 0, step.attempt == 1, !step.hasLocks,
      let slot = board.reserve(step.jobType, for: transition.tenant)
    else { return nil }
    shares.reserve(slot)
    let handed = HandedStep(
      id: StepID.of(transition.run, step: step.key), step: step, token: UUID.random(), worker: slot.worker,
      milliseconds: slot.milliseconds)
    slots[handed.token] = slot
    return handed
  }

  /// Notes which leases of a transition are written, with the inputs of their steps where these are whole payloads.
  /// Returns the steps as their workers get them.
  mutating func written(
    _ transition: Transition, _ facts: RunFacts, _ leases: [StepID: WrittenLease]
  ) -> [LeasedStep] {
    var steps: [LeasedStep] = []
    for handed in transition.handed {
      guard let lease = leases[handed.id], let slot = slots.removeValue(forKey: handed.token) else { continue }
      let step = LeasedStep(
        step: handed.id, run: transition.run, tenant: transition.tenant, key: handed.step.key,
        attempt: handed.step.attempt,
        token: handed.token, deadline: lease.deadline, version: transition.version, task: facts.task,
        input: handed.step.inputSHA256 == nil ? nil : lease.input, traceparent: facts.traceparent,
        leaseMilliseconds: handed.step.timeouts.heartbeat ?? handed.milliseconds, slot: 0,
        waitedMicroseconds: Int64((MonotonicClock.now() &- started) / 1000), lane: handed.step.lane,
        jobType: handed.step.jobType)
      shares.fill(slot, with: step)
      steps.append(step)
    }
    return steps
  }
}
