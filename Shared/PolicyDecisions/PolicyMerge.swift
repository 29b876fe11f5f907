public import Contracts

/// Which of the changes that arrive are taken: never an older one over a newer one, whatever their order and however
/// often they come. Pure.
public struct PolicyMerge: Sendable, Equatable {
  /// The switches that are in force; `nil` while those of the settings are.
  public private(set) var switches: PolicyRevision?
  /// The change of each tenant's data that is in force.
  public private(set) var tenants: [String: PolicyRevision] = [:]

  /// Nothing was taken.
  public init() {}

  /// Whether switches are to be put in force. Epoch 0 says that nobody has ever set any.
  public mutating func takesSwitches(_ revision: PolicyRevision) -> Bool {
    guard revision.epoch > 0, revision > switches ?? .none else { return false }
    switches = revision
    return true
  }

  /// Whether the data of a tenant, or that it has none, is to be put in force.
  public mutating func takesData(of tenant: String, _ revision: PolicyRevision) -> Bool {
    guard let known = tenants[tenant] else {
      tenants[tenant] = revision
      return true
    }
    guard revision > known else { return false }
    tenants[tenant] = revision
    return true
  }

  /// Lets go of a tenant: what comes next is taken, whatever it is.
  public mutating func forget(_ tenant: String) { tenants[tenant] = nil }

  /// Begins anew, because what was taken came from a state that is no more. Returns the tenants that had data.
  public mutating func restart() -> Set<String> {
    defer { self = PolicyMerge() }
    return Set(tenants.keys)
  }
}
