public import JSON

/// What a service has stored of what the gateway has delivered about policies.
public struct PolicyReceipt: Hashable, Sendable {
  /// The switches that it has.
  public let switches: PolicyRevision
  /// Up to here it has the data of tenants, without a gap.
  public let data: PolicyRevision
  /// Whether that is all that there was: what an earlier epoch had and this one has not is gone.
  public let isComplete: Bool

  /// A service that has never heard from a gateway.
  public static let none = PolicyReceipt(switches: .none, data: .none, isComplete: false)

  /// Makes a receipt.
  public init(switches: PolicyRevision, data: PolicyRevision, isComplete: Bool) {
    self.switches = switches
    self.data = data
    self.isComplete = isComplete
  }

  /// Reads a receipt; `nil` when it is none.
  public init?(_ view: JSONView) {
    guard let switches = PolicyRevision(view["switches"]), let data = PolicyRevision(view["data"]),
      let isComplete = view["is_complete"]?.bool
    else { return nil }
    self.init(switches: switches, data: data, isComplete: isComplete)
  }

  /// Writes its members.
  public func writeMembers(to writer: inout JSONWriter) {
    switches.write("switches", to: &writer)
    data.write("data", to: &writer)
    writer.member("is_complete", isComplete)
  }
}
