package import Contracts
package import Primitives

/// A step that was leased, with what its worker needs.
package struct LeasedStep: Sendable {
  package let step: StepID
  package let run: RunID
  package let tenant: TenantID
  package let key: String
  package let attempt: Int
  package let token: UUID
  package let deadline: Timestamp
  /// The run's version after the lease.
  package let version: Int
  package let task: TaskID
  /// The input when it is a whole payload; `nil` when it has to be rendered.
  package var input: [UInt8]?
  /// The trace of the submission.
  package let traceparent: String?
  package let leaseMilliseconds: Int64
  /// Which of the workers has it.
  package let slot: Int
  /// How long it stood in the queue.
  package let waitedMicroseconds: Int64
  /// What the limits know of it.
  package let lane: String
  package let jobType: String

  /// The part of the lane behind a prefix.
  package func named(_ prefix: String) -> String? { Lane.named(prefix, in: lane) }

  /// Every member.
  package init(
    step: StepID, run: RunID, tenant: TenantID, key: String, attempt: Int, token: UUID, deadline: Timestamp,
    version: Int, task: TaskID, input: [UInt8]? = nil, traceparent: String?, leaseMilliseconds: Int64, slot: Int,
    waitedMicroseconds: Int64, lane: String, jobType: String
  ) {
    self.step = step
    self.run = run
    self.tenant = tenant
    self.key = key
    self.attempt = attempt
    self.token = token
    self.deadline = deadline
    self.version = version
    self.task = task
    self.input = input
    self.traceparent = traceparent
    self.leaseMilliseconds = leaseMilliseconds
    self.slot = slot
    self.waitedMicroseconds = waitedMicroseconds
    self.lane = lane
    self.jobType = jobType
  }
}
