internal import Contracts
internal import Crypto
internal import Decider
internal import Primitives

/// One change of one run, ready to be written: the events that the decider made and what follows from them.
struct Transition: Sendable {
  /// The proof that a worker still holds its lease; checked in the same statement that writes.
  struct LeaseProof: Sendable {
    let step: StepID
    let token: UUID
    /// Whether the lease ends with this transition.
    let isReleased: Bool
    /// New life of a lease that goes on, in milliseconds from now.
    let extensionMilliseconds: Int64
    /// The transition is about a lease that has run out, not one that holds.
    let isLost: Bool
  }

  let tenant: TenantID
  let run: RunID
  /// Events before this transition; the write is refused when the run has moved on.
  let expectedVersion: Int
  /// Events after it.
  var version: Int
  var events: [RunEvent]
  var status: RunState.Status
  let isPaused: Bool
  let clearedAt: Int
  let usage: Usage
  /// Queue entries, leases and timers that go.
  let clearing: Effects.Clearing
  /// Steps for the queue.
  var work: [QueuedStep]
  /// Steps that go to workers directly.
  var handed: [HandedStep] = []
  var timers: [NewTimer]
  /// Steps that leave the queue although no worker took them.
  let unqueued: [StepID]
  let payloads: [Payload]
  let proofs: [LeaseProof]
  /// Timers that have done their work with this.
  let finishedTimers: [Int64]
  /// Time limits of the approvals that are asked for, by step, in milliseconds.
  let approvalLimits: [String: Int64?]
  /// The run that waits for this one; told when it ends.
  let parent: ParentStep?

  /// Whether the small form of the statement is enough.
  var isPlain: Bool {
    clearing == .nothing && timers.isEmpty && unqueued.isEmpty && finishedTimers.isEmpty
      && work.allSatisfy { $0.delayMilliseconds == 0 } && !(parent != nil && status.isEnded)
      && !events.contains { event in
        switch event {
        case .approvalRequested, .approvalDecided, .stepTimedOut, .runPaused, .runResumed: true
        default: false
        }
      }
  }
}

/// A step for the queue of workers.
struct QueuedStep: Sendable {
  let key: String
  let attempt: Int
  /// The version of the run that queued it.
  let version: Int
  let jobType: String
  let lane: String
  /// Whether locks by name are to be held.
  let hasLocks: Bool
  let priority: Int
  let delayMilliseconds: Int64
  let timeouts: StepTimeouts
  let inputSHA256: [UInt8]?
}

/// A timer to be set.
struct NewTimer: Sendable {
  let kind: TimerKind
  var step: String?
  var attempt: Int?
  /// The run that it is for; `nil` is the run that sets it.
  var run: RunID?
  var other: RunID?
  var delayMilliseconds: Int64 = 0
}

/// The step that a sub-run is for.
struct ParentStep: Hashable, Sendable {
  let run: RunID
  let step: String
  let attempt: Int
}

/// Bytes that are stored once under their digest.
struct Payload: Sendable {
  let sha256: [UInt8]
  let body: [UInt8]

  init(_ body: [UInt8]) {
    sha256 = Digest.sha256(body)
    self.body = body
  }

  var ref: PayloadRef { PayloadRef(sha256: Hex.encode(sha256), bytes: body.count) }
}

/// What the engine knows of a run beside its state; it never changes.
struct RunFacts: Sendable {
  let tenant: TenantID
  let task: TaskID
  let project: ProjectID?
  let priority: Int
  let parent: ParentStep?
  let depth: Int
  /// The trace of the submission, as a W3C header value.
  let traceparent: String?
}

/// A task that was accepted, with its run at its beginning.
struct Submission: Sendable {
  let run: RunID
  let facts: RunFacts
  /// What is written about the task; `nil` for a further run of a task.
  let task: NewTask?
  let principal: String
  let input: Payload
  var events: [RunEvent]
  /// Where the events up to this one were before: the run that this one is a fork of.
  let forkedFrom: RunID?
  var state: RunState
  /// Events before this place belong to the run that this one is a fork of; what they began is not begun again.
  var ownEvents = 0

  /// About what it has in bytes.
  var bytes: Int { input.body.count + 500 + events.count * 200 }
}

/// What a person says of a task.
struct NewTask: Sendable {
  var title: String?
  var description = ""
  var labels: [String] = []
  var assignee: String?
  var dueAt: Timestamp?
}

extension StepID {
  /// The id of a step of a run. Derived, so that no table has to remember it: the first half is the run's, the second
  /// half is the digest of run and key.
  static func of(_ run: RunID, step key: String) -> StepID {
    StepID(derived(from: run.uuid, key))
  }
}

extension RunID {
  /// The id of the sub-run of an attempt. Derived, so that beginning it twice makes one.
  static func of(_ parent: RunID, step key: String, attempt: Int) -> RunID {
    RunID(derived(from: parent.uuid, "\(key)#\(attempt)"))
  }

  /// The id of the run of a schedule at a time.
  static func of(_ schedule: ScheduleID, at time: Timestamp) -> RunID {
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
