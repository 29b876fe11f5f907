internal import Contracts
internal import Primitives

/// A step that was leased, with what its worker needs.
struct LeasedStep: Sendable {
  let step: StepID
  let run: RunID
  let tenant: TenantID
  let key: String
  let attempt: Int
  let token: UUID
  let deadline: Timestamp
  /// The run's version after the lease.
  let version: Int
  let task: TaskID
  /// The input when it is a whole payload; `nil` when it has to be rendered.
  var input: [UInt8]?
  /// The trace of the submission.
  let traceparent: String?
  let leaseMilliseconds: Int64
  /// Which of the workers has it.
  let slot: Int
  /// How long it stood in the queue.
  let waitedMicroseconds: Int64
  /// What the limits know of it.
  let lane: String
  let jobType: String

  /// The part of the lane behind a prefix.
  func named(_ prefix: String) -> String? {
    lane.isEmpty
      ? nil
      : lane.split(separator: Dispatching.laneSeparator).first { $0.hasPrefix(prefix) }
        .map { String($0.dropFirst(prefix.utf8.count)) }
  }
}
