package import Contracts
internal import GatewayRequests
package import Postgres
package import Primitives

/// The table of keys.
package struct APIKeyStore: Sendable {
  private let pool: PostgresPool
  /// What a tenant asks for goes this way.
  private let database: TenantDatabase

  /// The keys of a database.
  package init(pool: PostgresPool) {
    self.pool = pool
    database = TenantDatabase(pool: pool)
  }

  /// A key by its id alone: a request names its key before anybody knows the tenant.
  package func stored(_ id: APIKeyID) async throws -> StoredKey? {
    try await pool.query(APIKeyStore.findStored, id).first
  }

  static let findStored = Statement<APIKeyID, StoredKey>(StoredKey.columns) { parameter in
    """
    select \(StoredKey.columns) from \(APIKeyRecord.source) where k.id = \(parameter("id", .uuid) { $0.uuid }) limit 1
    """
  }

  /// A key of the tenant.
  package func key(_ tenant: TenantID, _ id: APIKeyID) async throws -> APIKeyRecord? {
    try await database.query(APIKeyStore.find, (tenant, id), of: tenant.scope).first
  }

  static let find = Statement<(tenant: TenantID, id: APIKeyID), APIKeyRecord>(APIKeyRecord.columns) { parameter in
    let tenant = parameter("tenant", .uuid) { $0.tenant.uuid }
    let id = parameter("id", .uuid) { $0.id.uuid }
    return """
      select \(APIKeyRecord.columns) from \(APIKeyRecord.source) where k.tenant_id = \(tenant) and k.id = \(id)
      """
  }

  /// Keys of the tenant, or of somebody there, newest first, before `cursor`.
  package func keys(
    _ tenant: TenantID, of subject: KeySubject?, before cursor: APIKeyID?, limit: Int
  ) async throws -> [APIKeyRecord] {
    try await database.query(APIKeyStore.list, (tenant, subject, cursor, limit), of: tenant.scope)
  }

  static let list = Statement<
    (tenant: TenantID, subject: KeySubject?, cursor: APIKeyID?, limit: Int), APIKeyRecord
  >(APIKeyRecord.columns) { parameter in
    let tenant = parameter("tenant", .uuid) { $0.tenant.uuid }
    let user = parameter("user", .uuid) { $0.subject?.user?.uuid }
    let serviceAccount = parameter("service_account", .uuid) { $0.subject?.serviceAccount?.uuid }
    let cursor = parameter("cursor", .uuid) { $0.cursor?.uuid ?? .last }
    let limit = parameter("limit", .int8) { Int64($0.limit) }
    return """
      select \(APIKeyRecord.columns) from \(APIKeyRecord.source)
      where k.tenant_id = \(tenant) and k.id < \(cursor) and (\(user) is null or k.user_id = \(user))
        and (\(serviceAccount) is null or k.service_account_id = \(serviceAccount))
      order by k.id desc limit \(limit)
      """
  }

  /// Adds a key; `false` when whom it stands for has as many as it may have, or is not there.
  package func add(_ tenant: TenantID, _ key: NewAPIKey) async throws -> Bool {
    do {
      return try await database.execute(APIKeyStore.insert, (tenant, key), of: tenant.scope) > 0
    } catch let error as PostgresError where error.sqlState == "23503" { return false }
  }

  static let insert = Statement<(tenant: TenantID, key: NewAPIKey), Void> { parameter in
    let tenant = parameter("tenant", .uuid) { $0.tenant.uuid }
    let id = parameter("id", .uuid) { $0.key.id.uuid }
    let name = parameter("name", .text) { $0.key.name }
    let user = parameter("user", .uuid) { $0.key.subject.user?.uuid }
    let serviceAccount = parameter("service_account", .uuid) { $0.key.subject.serviceAccount?.uuid }
    let grants = parameter("grants", .int4) { Int32($0.key.grants.rawValue) }
    let project = parameter("project", .text) { $0.key.project }
    let expiresAt = parameter("expires_at", .timestamptz) { $0.key.expiresAt }
    let hash = parameter("hash", .bytea) { $0.key.hash.bytes }
    let secret = parameter("hash_secret", .text) { $0.key.hash.secret }
    let principal = parameter("principal", .text) { $0.key.createdBy }
    return """
      insert into api_key
        (tenant_id, id, name, user_id, service_account_id, grants, project, expires_at, hash, hash_secret, created_by)
      select \(tenant), \(id), \(name), \(user), \(serviceAccount), \(grants), \(project), \(expiresAt), \(hash),
        \(secret), \(principal)
      where (select count(*) from api_key c where c.tenant_id = \(tenant)
          and (c.user_id = \(user) or c.service_account_id = \(serviceAccount))) < \(AccountLimits.keysOfSubjectMax)
      """
  }

  /// Gives a key a new secret; the one before stays good for `overlap` seconds, the one before that ends.
  package func rotate(
    _ tenant: TenantID, _ id: APIKeyID, to hash: KeyedHash, overlap: Int64, expected: Int?
  ) async throws -> ChangeOutcome<APIKeyRecord> {
    let results = try await database.batch(
      [
        APIKeyStore.update.tenantCall((tenant, id, hash, overlap, expected)), APIKeyStore.find.tenantCall((tenant, id)),
        AccountChannel.send.tenantCall(.key(id)),
      ], of: tenant.scope)
    guard let now = try APIKeyStore.find.rows(results[1]).first else { return .gone }
    return results[0].affected > 0 ? .changed(now) : .outdated
  }

  static let update = Statement<
    (tenant: TenantID, id: APIKeyID, hash: KeyedHash, overlap: Int64, expected: Int?), Void
  > { parameter in
    let tenant = parameter("tenant", .uuid) { $0.tenant.uuid }
    let id = parameter("id", .uuid) { $0.id.uuid }
    let hash = parameter("hash", .bytea) { $0.hash.bytes }
    let secret = parameter("hash_secret", .text) { $0.hash.secret }
    let overlap = parameter("overlap", .int8) { $0.overlap }
    let expected = parameter("expected", .int4) { $0.expected.map { Int32(clamping: $0) } }
    return """
      update api_key set previous_hash = case when \(overlap) > 0 then hash end,
        previous_hash_secret = case when \(overlap) > 0 then hash_secret end,
        previous_until = case when \(overlap) > 0 then now() + \(overlap) * interval '1 second' end,
        hash = \(hash), hash_secret = \(secret), rotated_at = now(), version = version + 1
      where tenant_id = \(tenant) and id = \(id) and (\(expected) is null or version = \(expected))
      """
  }

  /// Removes a key: it is good nowhere any more.
  package func revoke(_ tenant: TenantID, _ id: APIKeyID, expected: Int?) async throws -> ChangeOutcome<APIKeyRecord> {
    let results = try await database.batch(
      [
        APIKeyStore.find.tenantCall((tenant, id)), APIKeyStore.delete.tenantCall((tenant, id, expected)),
        AccountChannel.send.tenantCall(.key(id)),
      ], of: tenant.scope)
    guard let before = try APIKeyStore.find.rows(results[0]).first else { return .gone }
    return results[1].affected > 0 ? .changed(before) : .outdated
  }

  static let delete = Statement<(tenant: TenantID, id: APIKeyID, expected: Int?), Void> { parameter in
    let tenant = parameter("tenant", .uuid) { $0.tenant.uuid }
    let id = parameter("id", .uuid) { $0.id.uuid }
    let expected = parameter("expected", .int4) { $0.expected.map { Int32(clamping: $0) } }
    return """
      delete from api_key
      where tenant_id = \(tenant) and id = \(id) and (\(expected) is null or version = \(expected))
      """
  }

  /// Notes when keys were last used, many at once.
  package func noteUses(_ uses: [KeyUse]) async throws { try await pool.execute(APIKeyStore.updateUses, uses) }

  static let updateUses = Statement<[KeyUse], Void> { parameter in
    let used = parameter.rows("used") { $0 }
    used("tenant_id", .uuid) { $0.tenant.uuid }
    used("id", .uuid) { $0.id.uuid }
    used("at", .timestamptz) { $0.at }
    return """
      update api_key k set last_used_at = used.at from \(used)
      where k.tenant_id = used.tenant_id and k.id = used.id
        and (k.last_used_at is null or k.last_used_at < used.at)
      """
  }
}

/// A key and when it was used.
package struct KeyUse: Sendable, Equatable {
  package let tenant: TenantID
  package let id: APIKeyID
  package let at: Timestamp
}

extension KeySubject {
  /// The user.
  package var user: UserID? { if case .user(let id) = self { id } else { nil } }
  /// The service account.
  package var serviceAccount: ServiceAccountID? { if case .serviceAccount(let id) = self { id } else { nil } }
}
