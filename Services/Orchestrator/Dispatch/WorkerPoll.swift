/// The long poll of a worker: it asks for up to `slots` steps of some job types, until a deadline.
package struct WorkerPoll: Sendable {
  package let worker: String
  package let jobTypes: [String]
  /// Steps that the worker has room for.
  package let slots: Int
  /// Life of the leases.
  package let leaseMilliseconds: Int64
  /// When the worker stops waiting, in monotonic nanoseconds.
  package let deadline: UInt64

  /// Makes a poll.
  package init(worker: String, jobTypes: [String], slots: Int, leaseMilliseconds: Int64, deadline: UInt64) {
    self.worker = worker
    self.jobTypes = jobTypes
    self.slots = slots
    self.leaseMilliseconds = leaseMilliseconds
    self.deadline = deadline
  }
}
