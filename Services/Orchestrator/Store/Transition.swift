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
  let events: [RunEvent]
  /// The state after the events.
  let after: RunState
  let payloads: [Payload]
  let lease: LeaseProof?
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

/// A task that was accepted, with its run at its beginning.
struct Submission: Sendable {
  let tenant: TenantID
  let task: TaskID
  let run: RunID
  let title: String?
  let principal: String
  /// The trace of the submission, as a W3C header value.
  let traceparent: String
  let input: Payload
  let events: [RunEvent]
  let after: RunState
}

extension StepID {
  /// The id of a step of a run. Derived, so that no table has to remember it: the first half is the run's, the second
  /// half is the digest of run and key.
  static func of(_ run: RunID, step key: String) -> StepID {
    let digest = Digest.sha256(run.uuid.bytes + Array(key.utf8))
    let low = digest.prefix(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    return StepID(UUID(high: run.uuid.high, low: 0x8000_0000_0000_0000 | low >> 2))
  }
}
