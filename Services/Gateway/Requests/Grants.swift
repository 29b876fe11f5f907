package import Contracts

/// What a credential may be used for, whatever the role of whom it stands for. Policies read the names.
package struct Grants: OptionSet, Hashable, Sendable {
  /// One bit for each grant.
  package let rawValue: UInt8

  /// Makes a set from its bits.
  package init(rawValue: UInt8) { self.rawValue = rawValue }

  /// Reading what the tenant has.
  package static let read = Grants(rawValue: 1)
  /// Submitting and changing work.
  package static let write = Grants(rawValue: 2)
  /// Calls of models.
  package static let models = Grants(rawValue: 4)
  /// Answering approvals.
  package static let approve = Grants(rawValue: 8)
  /// Members, keys and settings of the tenant.
  package static let admin = Grants(rawValue: 16)
  /// Configuration of the installation.
  package static let `operator` = Grants(rawValue: 32)

  /// All that a tenant can give.
  package static let ofTenant: Grants = [.read, .write, .models, .approve, .admin]

  private static let named: [(name: String, grant: Grants)] = [
    ("read", .read), ("write", .write), ("models", .models), ("approve", .approve), ("admin", .admin),
    ("operator", .operator),
  ]

  /// Every name, in the order of the documentation.
  package static let allNames = named.map(\.name)

  /// The grant with a name.
  package init?(name: String) {
    guard let found = Grants.named.first(where: { $0.name == name }) else { return nil }
    self = found.grant
  }

  /// The names of its members.
  package var names: [String] { Grants.named.filter { contains($0.grant) }.map(\.name) }

  /// The most that somebody with a role can have.
  package static func most(of role: Role) -> Grants {
    switch role {
    case .owner, .admin: .ofTenant
    case .operator, .member: [.read, .write, .models, .approve]
    case .viewer: .read
    }
  }

  /// What the services are told in assertions.
  package var scopes: Scopes {
    var scopes: Scopes = []
    if !isDisjoint(with: [.read, .write, .approve, .admin]) { scopes.insert(.api) }
    if contains(.models) { scopes.insert(.models) }
    if contains(.operator) { scopes.insert(.operator) }
    return scopes
  }
}
