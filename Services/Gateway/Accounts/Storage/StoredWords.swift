internal import GatewayRequests
internal import Postgres
internal import Primitives

/// Words of the tables that stand for cases of ours.
enum StoredWords {
  static func role(_ text: String) throws(PostgresError) -> Role {
    guard let role = Role(rawValue: text) else { throw PostgresError(.decoding, detail: "no role") }
    return role
  }

  static func state(_ text: String) throws(PostgresError) -> Tenant.State {
    guard let state = Tenant.State(rawValue: text) else { throw PostgresError(.decoding, detail: "no state") }
    return state
  }

  static func grants(_ bits: Int32) -> Grants { Grants(rawValue: UInt8(truncatingIfNeeded: bits)) }
}

/// What became of a change.
package enum ChangeOutcome<Row: Sendable>: Sendable {
  /// It was made; the row as it is now.
  case changed(Row)
  /// There is no such row.
  case gone
  /// Its version is another one than was expected.
  case outdated
  /// The tenant would have no owner any more.
  case lastOwner
}

extension UUID {
  /// Behind every id, for lists from the newest on.
  static let last = UUID(high: .max, low: .max)
}
