/// One call of a statement: its text and the values of its parameters.
public struct PostgresStatement: Sendable {
  let text: StatementText
  /// Appends the binary form of the parameter at an index; `false` means NULL.
  let encode: @Sendable (Int, inout [UInt8]) -> Bool

  /// A statement; values only ever travel as parameters.
  public init(_ sql: String, _ parameters: [any PostgresEncodable] = []) { self.init(sql, parameters, role: .service) }

  init(_ sql: String, _ parameters: [any PostgresEncodable], role: StatementText.Role) {
    text = StatementText(sql: sql, types: parameters.map(\.postgresType), role: role)
    encode = { parameters[$0].encode(to: &$1) }
  }

  init(_ text: StatementText, encode: @escaping @Sendable (Int, inout [UInt8]) -> Bool) {
    self.text = text
    self.encode = encode
  }

  var parameterCount: Int { text.types.count }
}

/// The text of a statement and the types of its parameters: what a connection prepares once. Hashed once, because texts
/// are long and every call looks its own up.
final class StatementText: Hashable, Sendable {
  /// On whose behalf a statement is run. The server plans it for one role: prepared once for both, it would be planned
  /// anew whenever they take turns.
  enum Role {
    case service
    case tenant
  }

  let sql: String
  /// Object ids in `pg_type`.
  let types: [UInt32]
  let role: Role
  private let hash: Int

  init(sql: String, types: [UInt32], role: Role = .service) {
    self.sql = sql
    self.types = types
    self.role = role
    var hasher = Hasher()
    hasher.combine(role)
    hasher.combine(sql)
    hasher.combine(types)
    hash = hasher.finalize()
  }

  static func == (left: StatementText, right: StatementText) -> Bool {
    left === right
      || (left.hash == right.hash && left.role == right.role && left.sql == right.sql && left.types == right.types)
  }

  func hash(into hasher: inout Hasher) { hasher.combine(hash) }
}
