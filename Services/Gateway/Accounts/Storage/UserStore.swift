package import Contracts
package import GatewayRequests
package import Postgres
internal import Primitives

extension User {
  static let columns = ResultColumns<User> { column in
    let tenant = column("u.tenant_id", .uuid)
    let id = column("u.id", .uuid)
    let email = column("u.email", .text)
    let name = column("u.name", .text)
    let role = column("u.role", .text)
    let isOperator = column("u.is_operator", .bool)
    let hasPassword = column("u.password_hash is not null", .bool)
    let hasSecondFactor = column("u.second_factor is not null", .bool)
    let lastSignInAt = column(nullable: "u.last_sign_in_at", .timestamptz)
    let version = column("u.version", .int4)
    let createdBy = column("u.created_by", .text)
    let createdAt = column("u.created_at", .timestamptz)
    let updatedAt = column("u.updated_at", .timestamptz)
    return { row in
      User(
        tenant: TenantID(try row[tenant]), id: UserID(try row[id]), email: try row[email], name: try row[name],
        role: try StoredWords.role(try row[role]), isOperator: try row[isOperator], hasPassword: try row[hasPassword],
        hasSecondFactor: try row[hasSecondFactor], lastSignInAt: try row[lastSignInAt],
        version: Int(try row[version]), createdBy: try row[createdBy], createdAt: try row[createdAt],
        updatedAt: try row[updatedAt])
    }
  }
}

extension Account {
  static let columns = ResultColumns<Account> { column in
    let user = column.include(User.columns)
    let passwordHash = column(nullable: "u.password_hash", .text)
    let secondFactor = column(nullable: "u.second_factor", .bytea)
    let state = column("t.state", .text)
    return { row in
      Account(
        user: try row[user], passwordHash: try row[passwordHash], sealedSecondFactor: try row[secondFactor],
        tenantState: try StoredWords.state(try row[state]))
    }
  }
}

/// The table of users.
package struct UserStore: Sendable {
  /// Accounts that one e-mail address leads to.
  static let accountsMax = 16

  let pool: PostgresPool
  /// What a tenant asks for goes this way.
  let database: TenantDatabase

  /// The users of a database.
  package init(pool: PostgresPool) {
    self.pool = pool
    database = TenantDatabase(pool: pool)
  }

  /// A user of the tenant.
  package func user(_ tenant: TenantID, _ id: UserID) async throws -> User? {
    try await database.query(UserStore.find, (tenant, id), of: tenant.scope).first
  }

  static let find = Statement<(tenant: TenantID, id: UserID), User>(User.columns) { parameter in
    let tenant = parameter("tenant", .uuid) { $0.tenant.uuid }
    let id = parameter("id", .uuid) { $0.id.uuid }
    return "select \(User.columns) from user_account u where u.tenant_id = \(tenant) and u.id = \(id)"
  }

  /// Users of the tenant, newest first, before `cursor`.
  package func users(_ tenant: TenantID, before cursor: UserID?, limit: Int) async throws -> [User] {
    try await database.query(UserStore.list, (tenant, cursor, limit), of: tenant.scope)
  }

  static let list = Statement<(tenant: TenantID, cursor: UserID?, limit: Int), User>(User.columns) { parameter in
    let tenant = parameter("tenant", .uuid) { $0.tenant.uuid }
    let cursor = parameter("cursor", .uuid) { $0.cursor?.uuid ?? .last }
    let limit = parameter("limit", .int8) { Int64($0.limit) }
    return """
      select \(User.columns) from user_account u where u.tenant_id = \(tenant) and u.id < \(cursor)
      order by u.id desc limit \(limit)
      """
  }

  /// Changes a user; `nil` stays. A tenant keeps at least one owner. Invitations that it could not make any more end.
  package func change(
    _ tenant: TenantID, _ id: UserID, name: String?, role: Role?, isOperator: Bool?, expected: Int?
  ) async throws -> ChangeOutcome<User> {
    let results = try await database.batch(
      [
        UserStore.find.tenantCall((tenant, id)),
        UserStore.update.tenantCall((tenant, id, name, role, isOperator, expected)),
        InvitationStore.withdraw.tenantCall(.user(id)), AccountChannel.send.tenantCall(.user(id)),
      ], after: [TenantStore.lock.call(tenant)], of: tenant.scope)
    return try UserStore.outcome(results[0], try UserStore.update.rows(results[1]).first, expected)
  }

  static let update = Statement<
    (tenant: TenantID, id: UserID, name: String?, role: Role?, isOperator: Bool?, expected: Int?), User
  >(User.columns) { parameter in
    let tenant = parameter("tenant", .uuid) { $0.tenant.uuid }
    let id = parameter("id", .uuid) { $0.id.uuid }
    let name = parameter("name", .text) { $0.name }
    let role = parameter("role", .text) { $0.role?.rawValue }
    let isOperator = parameter("is_operator", .bool) { $0.isOperator }
    let expected = parameter("expected", .int4) { $0.expected.map { Int32(clamping: $0) } }
    return """
      update user_account u set name = coalesce(\(name), u.name), role = coalesce(\(role), u.role),
        is_operator = coalesce(\(isOperator), u.is_operator), version = u.version + 1, updated_at = now()
      where u.tenant_id = \(tenant) and u.id = \(id) and (\(expected) is null or u.version = \(expected))
        and (u.role <> 'owner' or coalesce(\(role), 'owner') = 'owner' or \(anotherOwner(tenant, id)))
      returning \(User.columns)
      """
  }

  /// Removes a user with its keys and invitations. A tenant keeps at least one owner.
  package func remove(_ tenant: TenantID, _ id: UserID, expected: Int?) async throws -> ChangeOutcome<User> {
    let results = try await database.batch(
      [
        UserStore.find.tenantCall((tenant, id)), UserStore.delete.tenantCall((tenant, id, expected)),
        InvitationStore.withdraw.tenantCall(.user(id)), AccountChannel.send.tenantCall(.user(id)),
      ], after: [TenantStore.lock.call(tenant)], of: tenant.scope)
    return try UserStore.outcome(results[0], try UserStore.delete.rows(results[1]).first, expected)
  }

  static let delete = Statement<(tenant: TenantID, id: UserID, expected: Int?), User>(User.columns) { parameter in
    let tenant = parameter("tenant", .uuid) { $0.tenant.uuid }
    let id = parameter("id", .uuid) { $0.id.uuid }
    let expected = parameter("expected", .int4) { $0.expected.map { Int32(clamping: $0) } }
    return """
      delete from user_account u
      where u.tenant_id = \(tenant) and u.id = \(id) and (\(expected) is null or u.version = \(expected))
        and (u.role <> 'owner' or \(anotherOwner(tenant, id)))
      returning \(User.columns)
      """
  }

  private static func anotherOwner(_ tenant: String, _ id: String) -> String {
    "exists (select from user_account o where o.tenant_id = \(tenant) and o.role = 'owner' and o.id <> \(id))"
  }

  private static func outcome(_ before: PostgresRows, _ after: User?, _ expected: Int?) throws -> ChangeOutcome<User> {
    if let after { return .changed(after) }
    guard let before = try find.rows(before).first else { return .gone }
    if let expected, before.version != expected { return .outdated }
    return .lastOwner
  }
}
