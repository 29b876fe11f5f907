public import JSON

/// What every worker gets to know about policies, however often it asks: small.
public struct WorkerPolicies: Hashable, Sendable {
  /// The switches.
  public let switches: DeliveredSwitches
  /// The last change of the data of any tenant: while it stays, nobody's data has changed.
  public let data: PolicyRevision

  /// Makes them.
  public init(switches: DeliveredSwitches, data: PolicyRevision) {
    self.switches = switches
    self.data = data
  }

  /// Reads them; `nil` when they are none.
  public init?(_ view: JSONView) {
    guard let switches = DeliveredSwitches(view["switches"]), let data = PolicyRevision(view["data"]) else {
      return nil
    }
    self.init(switches: switches, data: data)
  }

  /// Writes the members.
  public func writeMembers(to writer: inout JSONWriter) {
    switches.write("switches", to: &writer)
    data.write("data", to: &writer)
  }
}

/// What the policies see of the tenant of a step.
public struct StepPolicies: Hashable, Sendable {
  /// Which change it is. Without a document: up to here the tenant had none.
  public let revision: PolicyRevision
  /// Up to here whoever answers knows the data of all tenants. Behind a later change it is to be asked again.
  public let known: PolicyRevision
  /// `data.tenants[TENANT]` as JSON; `nil` when the tenant has none.
  public let document: String?

  /// Makes them.
  public init(revision: PolicyRevision, known: PolicyRevision, document: String?) {
    self.revision = revision
    self.known = known
    self.document = document
  }

  /// Reads them; `nil` when they are none.
  public init?(_ view: JSONView) {
    guard let revision = PolicyRevision(view["revision"]), let known = PolicyRevision(view["known"]) else { return nil }
    self.init(revision: revision, known: known, document: view["document"]?.string)
    guard (view["document"] == nil) == (document == nil) else { return nil }
  }

  /// Writes the members.
  public func writeMembers(to writer: inout JSONWriter) {
    revision.write("revision", to: &writer)
    known.write("known", to: &writer)
    writer.member("document", ifPresent: document)
  }
}
