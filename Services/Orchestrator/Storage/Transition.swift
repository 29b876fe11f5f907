package import Contracts
internal import Crypto
package import Decider
package import Primitives

/// One change of one run, ready to be written: the events that the decider made and what follows from them.
package struct Transition: Sendable {
  /// The proof that a worker still holds its lease; checked in the same statement that writes.
  package struct LeaseProof: Sendable {
    package let step: StepID
    package let token: UUID
    /// Whether the lease ends with this transition.
    package let isReleased: Bool
    /// New life of a lease that goes on, in milliseconds from now.
    package let extensionMilliseconds: Int64
    /// The transition is about a lease that has run out, not one that holds.
    package let isLost: Bool

    /// Every member.
    package init(step: StepID, token: UUID, isReleased: Bool, extensionMilliseconds: Int64, isLost: Bool) {
      self.step = step
      self.token = token
      self.isReleased = isReleased
      self.extensionMilliseconds = extensionMilliseconds
      self.isLost = isLost
    }
  }

  package let tenant: TenantID
  package let run: RunID
  /// Events before this transition; the write is refused when the run has moved on.
  package let expectedVersion: Int
  /// Events after it.
  package var version: Int
  package var events: [RunEvent]
  package var status: RunState.Status
  package let isPaused: Bool
  package let clearedAt: Int
  package let usage: Usage
  /// Queue entries, leases and timers that go.
  package let clearing: Effects.Clearing
  /// Steps for the queue.
  package var work: [QueuedStep]
  /// Steps that go to workers directly.
  package var dispatched: [DispatchedStep] = []
  package var timers: [NewTimer]
  /// Steps that leave the queue although no worker took them.
  package let unqueued: [StepID]
  /// Sub-runs that nobody waits for any more: the timers that would begin them go.
  package let unbegun: [Effects.Orphan]
  package let payloads: [Payload]
  package let proofs: [LeaseProof]
  /// Timers that have done their work with this.
  package let finishedTimers: [Int64]
  /// Time limits of the approvals that are asked for, by step, in milliseconds.
  package let approvalLimits: [String: Int64?]
  /// The run that waits for this one; notified when it ends.
  package let parent: ParentStep?

  /// Whether the small form of the statement is enough.
  package var isPlain: Bool {
    clearing == .nothing && timers.isEmpty && unqueued.isEmpty && finishedTimers.isEmpty
      && work.allSatisfy { $0.delayMilliseconds == 0 } && !(parent != nil && status.isEnded)
      && !events.contains { event in
        switch event {
        case .approvalRequested, .approvalDecided, .stepSuspended, .askAnswered, .askExpired, .stepTimedOut,
          .runPaused, .runResumed:
          true
        default: false
        }
      }
  }

  package init(
    tenant: TenantID, run: RunID, expectedVersion: Int, version: Int, events: [RunEvent], status: RunState.Status,
    isPaused: Bool, clearedAt: Int, usage: Usage, clearing: Effects.Clearing, work: [QueuedStep],
    dispatched: [DispatchedStep] = [], timers: [NewTimer], unqueued: [StepID],
    unbegun: [Effects.Orphan] = [], payloads: [Payload], proofs: [LeaseProof],
    finishedTimers: [Int64], approvalLimits: [String: Int64?], parent: ParentStep?
  ) {
    self.tenant = tenant
    self.run = run
    self.expectedVersion = expectedVersion
    self.version = version
    self.events = events
    self.status = status
    self.isPaused = isPaused
    self.clearedAt = clearedAt
    self.usage = usage
    self.clearing = clearing
    self.work = work
    self.dispatched = dispatched
    self.timers = timers
    self.unqueued = unqueued
    self.unbegun = unbegun
    self.payloads = payloads
    self.proofs = proofs
    self.finishedTimers = finishedTimers
    self.approvalLimits = approvalLimits
    self.parent = parent
  }
}
