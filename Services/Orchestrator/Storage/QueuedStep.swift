package import Contracts
package import Decider
package import Primitives

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

  package init(id: StepID, step: QueuedStep, token: UUID, worker: String, milliseconds: Int64) {
    self.id = id
    self.step = step
    self.token = token
    self.worker = worker
    self.milliseconds = milliseconds
  }
}
