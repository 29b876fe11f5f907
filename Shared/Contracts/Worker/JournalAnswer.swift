public import JSON

/// The calls are recorded and the lease goes on.
public struct JournalAnswer: Hashable, Sendable {
  /// How long the lease lasts from now without a heartbeat, in milliseconds.
  public let leaseMilliseconds: Int64
  /// What the worker may do for the step from now on; `nil` leaves it as it is.
  public let assertion: String?

  /// Makes an answer.
  public init(leaseMilliseconds: Int64, assertion: String?) {
    self.leaseMilliseconds = leaseMilliseconds
    self.assertion = assertion
  }

  /// Reads an answer.
  public init(_ view: JSONView) {
    let limits = WorkerLimits.leaseMilliseconds
    leaseMilliseconds = max(limits.lowerBound, min(view["lease_ms"]?.int ?? limits.lowerBound, limits.upperBound))
    assertion = view["assertion"]?.string
  }

  /// Writes its members.
  public func writeMembers(to writer: inout JSONWriter) {
    writer.member("lease_ms", leaseMilliseconds)
    writer.member("assertion", ifPresent: assertion)
  }
}
