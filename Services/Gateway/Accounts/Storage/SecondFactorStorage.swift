package import Contracts
internal import Postgres
internal import Primitives

/// The sealed second factor of a user.
package struct StoredSecondFactor: Sendable {
  /// The tenant of the user.
  package let tenant: TenantID
  /// The user.
  package let user: UserID
  /// As it is stored.
  package let sealed: [UInt8]

  /// Makes one.
  package init(tenant: TenantID, user: UserID, sealed: [UInt8]) {
    self.tenant = tenant
    self.user = user
    self.sealed = sealed
  }

  static let columns = ResultColumns<StoredSecondFactor> { column in
    let tenant = column("u.tenant_id", .uuid)
    let user = column("u.id", .uuid)
    let sealed = column("u.second_factor", .bytea)
    return { row in
      StoredSecondFactor(tenant: TenantID(try row[tenant]), user: UserID(try row[user]), sealed: try row[sealed])
    }
  }
}

extension UserStore {
  package func secondFactors(
    after place: (tenant: TenantID, user: UserID)?, limit: Int
  ) async throws -> [StoredSecondFactor] {
    try await pool.query(UserStore.listSecondFactors, (place?.tenant.uuid, place?.user.uuid, limit))
  }

  static let listSecondFactors = Statement<(tenant: UUID?, user: UUID?, limit: Int), StoredSecondFactor>(
    StoredSecondFactor.columns
  ) { parameter in
    let tenant = parameter("tenant", .uuid) { $0.tenant ?? UUID(high: 0, low: 0) }
    let user = parameter("id", .uuid) { $0.user ?? UUID(high: 0, low: 0) }
    let limit = parameter("limit", .int8) { Int64($0.limit) }
    return """
      select \(StoredSecondFactor.columns) from user_account u
      where u.second_factor is not null and (u.tenant_id, u.id) > (\(tenant), \(user))
      order by u.tenant_id, u.id limit \(limit)
      """
  }

  package func reseal(_ stored: StoredSecondFactor, _ sealed: [UInt8]) async throws -> Bool {
    try await pool.execute(UserStore.replaceSecondFactor, (stored, sealed)) > 0
  }

  static let replaceSecondFactor = Statement<(stored: StoredSecondFactor, sealed: [UInt8]), Void> { parameter in
    let tenant = parameter("tenant", .uuid) { $0.stored.tenant.uuid }
    let id = parameter("id", .uuid) { $0.stored.user.uuid }
    let before = parameter("before", .bytea) { $0.stored.sealed }
    let after = parameter("after", .bytea) { $0.sealed }
    return """
      update user_account u set second_factor = \(after)
      where u.tenant_id = \(tenant) and u.id = \(id) and u.second_factor = \(before)
      """
  }
}
