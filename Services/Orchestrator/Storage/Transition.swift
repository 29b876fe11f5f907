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
  package let payloads: [Payload]
  package let proofs: [LeaseProof]
  /// Timers that have done their work with this.
  package let finishedTimers: [Int64]
  /// Time limits of the approvals that are asked for, by step, in milliseconds.
  package let approvalLimits: [String: Int64?]
  /// The run that waits for this one; told when it ends.
  package let parent: ParentStep?

  /// Whether the small form of the statement is enough.
  package var isPlain: Bool {
    clearing == .nothing && timers.isEmpty && unqueued.isEmpty && finishedTimers.isEmpty
      && work.allSatisfy { $0.delayMilliseconds == 0 } && !(parent != nil && status.isEnded)
      && !events.contains { event in
        switch event {
        case .approvalRequested, .approvalDecided, .stepTimedOut, .runPaused, .runResumed: true
        default: false
        }
      }
  }

  /// Every member.
  package init(
    tenant: TenantID, run: RunID, expectedVersion: Int, version: Int, events: [RunEvent], status: RunState.Status,
    isPaused: Bool, clearedAt: Int, usage: Usage, clearing: Effects.Clearing, work: [QueuedStep],
    dispatched: [DispatchedStep] = [], timers: [NewTimer], unqueued: [StepID], payloads: [Payload],
    proofs: [LeaseProof],
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
    self.payloads = payloads
    self.proofs = proofs
    self.finishedTimers = finishedTimers
    self.approvalLimits = approvalLimits
    self.parent = parent
  }
}

/// A step for the queue of workers.
package struct QueuedStep: Sendable {
  package let key: String
  package let attempt: Int
  /// The version of the run that queued it.
  package let version: Int
  package let jobType: String
  package let lane: String
  /// Whether locks by name are to be held.
  package let hasLocks: Bool
  package let priority: Int
  package let delayMilliseconds: Int64
  package let timeouts: StepTimeouts
  package let inputSHA256: [UInt8]?

  /// Every member.
  package init(
    key: String, attempt: Int, version: Int, jobType: String, lane: String, hasLocks: Bool, priority: Int,
    delayMilliseconds: Int64, timeouts: StepTimeouts, inputSHA256: [UInt8]?
  ) {
    self.key = key
    self.attempt = attempt
    self.version = version
    self.jobType = jobType
    self.lane = lane
    self.hasLocks = hasLocks
    self.priority = priority
    self.delayMilliseconds = delayMilliseconds
    self.timeouts = timeouts
    self.inputSHA256 = inputSHA256
  }
}

/// A step that is leased to a waiting worker in the transaction that makes it ready.
package struct DispatchedStep: Sendable {
  package let id: StepID
  package let step: QueuedStep
  package let token: UUID
  package let worker: String
  /// Life of the lease.
  package let milliseconds: Int64

  /// Every member.
  package init(id: StepID, step: QueuedStep, token: UUID, worker: String, milliseconds: Int64) {
    self.id = id
    self.step = step
    self.token = token
    self.worker = worker
    self.milliseconds = milliseconds
  }
}

/// A timer to be set.
package struct NewTimer: Sendable {
  package let kind: TimerKind
  package var step: String?
  package var attempt: Int?
  /// The run that it is for; `nil` is the run that sets it.
  package var run: RunID?
  package var other: RunID?
  package var delayMilliseconds: Int64 = 0

  /// Every member.
  package init(
    kind: TimerKind, step: String? = nil, attempt: Int? = nil, run: RunID? = nil, other: RunID? = nil,
    delayMilliseconds: Int64 = 0
  ) {
    self.kind = kind
    self.step = step
    self.attempt = attempt
    self.run = run
    self.other = other
    self.delayMilliseconds = delayMilliseconds
  }
}

/// The step that a sub-run is for.
package struct ParentStep: Hashable, Sendable {
  package let run: RunID
  package let step: String
  package let attempt: Int

  /// Every member.
  package init(run: RunID, step: String, attempt: Int) {
    self.run = run
    self.step = step
    self.attempt = attempt
  }
}

/// Bytes that are stored once under their digest.
package struct Payload: Sendable {
  package let sha256: [UInt8]
  package let body: [UInt8]

  package init(_ body: [UInt8]) {
    sha256 = Digest.sha256(body)
    self.body = body
  }

  package var ref: PayloadRef { PayloadRef(sha256: Hex.encode(sha256), bytes: body.count) }
}

/// What the engine knows of a run beside its state; it never changes.
package struct RunFacts: Sendable {
  package let tenant: TenantID
  package let task: TaskID
  package let project: ProjectID?
  package let priority: Int
  package let parent: ParentStep?
  package let depth: Int
  /// The trace of the submission, as a W3C header value.
  package let traceparent: String?

  /// Every member.
  package init(
    tenant: TenantID, task: TaskID, project: ProjectID?, priority: Int, parent: ParentStep?, depth: Int,
    traceparent: String?
  ) {
    self.tenant = tenant
    self.task = task
    self.project = project
    self.priority = priority
    self.parent = parent
    self.depth = depth
    self.traceparent = traceparent
  }
}

/// A task that was accepted, with its run at its beginning.
package struct Submission: Sendable {
  package let run: RunID
  package let facts: RunFacts
  /// What is written about the task; `nil` for a further run of a task.
  package let task: NewTask?
  package let principal: String
  package let input: Payload
  package var events: [RunEvent]
  /// Where the events up to this one were before: the run that this one is a fork of.
  package let forkedFrom: RunID?
  package var state: RunState
  /// Events before this place belong to the run that this one is a fork of; what they began is not begun again.
  package var ownEvents = 0

  /// About what it has in bytes.
  package var bytes: Int { input.body.count + 500 + events.count * 200 }

  /// Every member.
  package init(
    run: RunID, facts: RunFacts, task: NewTask?, principal: String, input: Payload, events: [RunEvent],
    forkedFrom: RunID?, state: RunState, ownEvents: Int = 0
  ) {
    self.run = run
    self.facts = facts
    self.task = task
    self.principal = principal
    self.input = input
    self.events = events
    self.forkedFrom = forkedFrom
    self.state = state
    self.ownEvents = ownEvents
  }
}

/// What a person says of a task.
package struct NewTask: Sendable {
  package var title: String?
  package var description = ""
  package var labels: [String] = []
  package var assignee: String?
  package var dueAt: Timestamp?

  /// Every member.
  package init(
    title: String? = nil, description: String = "", labels: [String] = [], assignee: String? = nil,
    dueAt: Timestamp? = nil
  ) {
    self.title = title
    self.description = description
    self.labels = labels
    self.assignee = assignee
    self.dueAt = dueAt
  }
}

extension StepID {
  /// The id of a step of a run. Derived, so that no table has to remember it: the first half is the run's, the second
  /// half is the digest of run and key.
  package static func of(_ run: RunID, step key: String) -> StepID {
    StepID(derived(from: run.uuid, key))
  }
}

extension RunID {
  /// The id of the sub-run of an attempt. Derived, so that beginning it twice makes one.
  package static func of(_ parent: RunID, step key: String, attempt: Int) -> RunID {
    RunID(derived(from: parent.uuid, "\(key)#\(attempt)"))
  }

  /// The id of the run of a schedule at a time.
  package static func of(_ schedule: ScheduleID, at time: Timestamp) -> RunID {
    let name = derived(from: schedule.uuid, "@\(time.unixMicroseconds)")
    return RunID(
      UUID(
        version7At: UInt64(clamping: time.unixMicroseconds / 1000),
        random: (name.low, name.low &* 0x9E37_79B9_7F4A_7C15)))
  }
}

private func derived(from base: UUID, _ name: String) -> UUID {
  let digest = Digest.sha256(base.bytes + Array(name.utf8))
  let low = digest.prefix(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
  return UUID(high: base.high, low: 0x8000_0000_0000_0000 | low >> 2)
}
