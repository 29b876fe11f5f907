package import Contracts
package import GatewayRequests
package import Postgres
internal import Primitives
internal import SystemSources

extension ServiceAccount {
  static let columns = ResultColumns<ServiceAccount> { column in
    let tenant = column("s.tenant_id", .uuid)
    let id = column("s.id", .uuid)
    let name = column("s.name", .text)
    let description = column("s.description", .text)
    let role = column("s.role", .text)
    let isOperator = column("s.is_operator", .bool)
    let version = column("s.version", .int4)
    let createdBy = column("s.created_by", .text)
    let createdAt = column("s.created_at", .timestamptz)
    let updatedAt = column("s.updated_at", .timestamptz)
    return { row in
      ServiceAccount(
        tenant: TenantID(try row[tenant]), id: ServiceAccountID(try row[id]), name: try row[name],
        description: try row[description], role: try StoredWords.role(try row[role]),
        isOperator: try row[isOperator], version: Int(try row[version]), createdBy: try row[createdBy],
        createdAt: try row[createdAt], updatedAt: try row[updatedAt])
    }
  }
}

/// A service account that is to be added.
package struct NewServiceAccount: Sendable {
  package let name: String
  package let description: String
  package let role: Role
  package let isOperator: Bool
  package let createdBy: String
}

/// A change of a service account; `nil` stays.
package struct ServiceAccountChange: Sendable {
  package let name: String?
  package let description: String?
  package let role: Role?
  package let isOperator: Bool?
}

/// The table of service accounts.
package struct ServiceAccountStore: Sendable {
  private let database: TenantDatabase

  /// The service accounts of a database.
  package init(pool: PostgresPool) { database = TenantDatabase(pool: pool) }

  /// A service account of the tenant.
  package func account(_ tenant: TenantID, _ id: ServiceAccountID) async throws -> ServiceAccount? {
    try await database.query(ServiceAccountStore.find, (tenant, id), of: tenant.scope).first
  }

  static let find = Statement<(tenant: TenantID, id: ServiceAccountID), ServiceAccount>(ServiceAccount.columns) {
    parameter in
    let tenant = parameter("tenant", .uuid) { $0.tenant.uuid }
    let id = parameter("id", .uuid) { $0.id.uuid }
    return """
      select \(ServiceAccount.columns) from service_account s where s.tenant_id = \(tenant) and s.id = \(id)
      """
  }

  /// Service accounts of the tenant, newest first, before `cursor`.
  package func accounts(
    _ tenant: TenantID, before cursor: ServiceAccountID?, limit: Int
  ) async throws -> [ServiceAccount] {
    try await database.query(ServiceAccountStore.list, (tenant, cursor, limit), of: tenant.scope)
  }

  static let list = Statement<(tenant: TenantID, cursor: ServiceAccountID?, limit: Int), ServiceAccount>(
    ServiceAccount.columns
  ) { parameter in
    let tenant = parameter("tenant", .uuid) { $0.tenant.uuid }
    let cursor = parameter("cursor", .uuid) { $0.cursor?.uuid ?? .last }
    let limit = parameter("limit", .int8) { Int64($0.limit) }
    return """
      select \(ServiceAccount.columns) from service_account s where s.tenant_id = \(tenant) and s.id < \(cursor)
      order by s.id desc limit \(limit)
      """
  }

  /// Adds a service account; `nil` when the tenant has as many as it may have. Throws `NameInUse`.
  package func add(_ tenant: TenantID, _ new: NewServiceAccount) async throws -> ServiceAccount? {
    try await NameInUse.translating("service account") {
      try await database.query(ServiceAccountStore.insert, (tenant, .make(), new), of: tenant.scope).first
    }
  }

  static let insert = Statement<
    (tenant: TenantID, id: ServiceAccountID, new: NewServiceAccount), ServiceAccount
  >(ServiceAccount.columns) { parameter in
    let tenant = parameter("tenant", .uuid) { $0.tenant.uuid }
    let id = parameter("id", .uuid) { $0.id.uuid }
    let name = parameter("name", .text) { $0.new.name }
    let description = parameter("description", .text) { $0.new.description }
    let role = parameter("role", .text) { $0.new.role.rawValue }
    let isOperator = parameter("is_operator", .bool) { $0.new.isOperator }
    let principal = parameter("principal", .text) { $0.new.createdBy }
    return """
      insert into service_account as s (tenant_id, id, name, description, role, is_operator, created_by)
      select \(tenant), \(id), \(name), \(description), \(role), \(isOperator), \(principal)
      where (select count(*) from service_account c where c.tenant_id = \(tenant)) < \(AccountLimits.serviceAccountsMax)
      returning \(ServiceAccount.columns)
      """
  }

  /// Changes a service account. Invitations that it could not make any more end.
  package func change(
    _ tenant: TenantID, _ id: ServiceAccountID, _ change: ServiceAccountChange, expected: Int?
  ) async throws -> ChangeOutcome<ServiceAccount> {
    let results = try await NameInUse.translating("service account") {
      try await database.batch(
        [
          ServiceAccountStore.find.tenantCall((tenant, id)),
          ServiceAccountStore.update.tenantCall((tenant, id, change, expected)),
          InvitationStore.withdraw.tenantCall(.serviceAccount(id)), AccountChannel.send.tenantCall(.serviceAccount(id)),
        ], of: tenant.scope)
    }
    return try ServiceAccountStore.outcome(results[0], try ServiceAccountStore.update.rows(results[1]).first)
  }

  static let update = Statement<
    (tenant: TenantID, id: ServiceAccountID, change: ServiceAccountChange, expected: Int?), ServiceAccount
  >(ServiceAccount.columns) { parameter in
    let tenant = parameter("tenant", .uuid) { $0.tenant.uuid }
    let id = parameter("id", .uuid) { $0.id.uuid }
    let name = parameter("name", .text) { $0.change.name }
    let description = parameter("description", .text) { $0.change.description }
    let role = parameter("role", .text) { $0.change.role?.rawValue }
    let isOperator = parameter("is_operator", .bool) { $0.change.isOperator }
    let expected = parameter("expected", .int4) { $0.expected.map { Int32(clamping: $0) } }
    return """
      update service_account s set name = coalesce(\(name), s.name),
        description = coalesce(\(description), s.description), role = coalesce(\(role), s.role),
        is_operator = coalesce(\(isOperator), s.is_operator), version = s.version + 1, updated_at = now()
      where s.tenant_id = \(tenant) and s.id = \(id) and (\(expected) is null or s.version = \(expected))
      returning \(ServiceAccount.columns)
      """
  }

  /// Removes a service account with its keys and invitations.
  package func remove(
    _ tenant: TenantID, _ id: ServiceAccountID, expected: Int?
  ) async throws -> ChangeOutcome<ServiceAccount> {
    let results = try await database.batch(
      [
        ServiceAccountStore.find.tenantCall((tenant, id)),
        ServiceAccountStore.delete.tenantCall((tenant, id, expected)),
        InvitationStore.withdraw.tenantCall(.serviceAccount(id)), AccountChannel.send.tenantCall(.serviceAccount(id)),
      ], of: tenant.scope)
    return try ServiceAccountStore.outcome(results[0], try ServiceAccountStore.delete.rows(results[1]).first)
  }

  static let delete = Statement<(tenant: TenantID, id: ServiceAccountID, expected: Int?), ServiceAccount>(
    ServiceAccount.columns
  ) { parameter in
    let tenant = parameter("tenant", .uuid) { $0.tenant.uuid }
    let id = parameter("id", .uuid) { $0.id.uuid }
    let expected = parameter("expected", .int4) { $0.expected.map { Int32(clamping: $0) } }
    return """
      delete from service_account s
      where s.tenant_id = \(tenant) and s.id = \(id) and (\(expected) is null or s.version = \(expected))
      returning \(ServiceAccount.columns)
      """
  }

  private static func outcome(
    _ before: PostgresRows, _ after: ServiceAccount?
  ) throws -> ChangeOutcome<ServiceAccount> {
    if let after { return .changed(after) }
    return try find.rows(before).isEmpty ? .gone : .outdated
  }
}
