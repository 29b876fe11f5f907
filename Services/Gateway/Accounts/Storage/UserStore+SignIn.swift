package import Contracts
internal import Postgres
package import Primitives

extension UserStore: AccountReading, AccountWriting {
  package func accounts(email: String, in tenant: TenantID?) async throws -> [Account] {
    guard let email = EmailAddress(email) else { return [] }
    return try await pool.query(UserStore.findByEmail, (email.text, tenant))
  }

  static let findByEmail = Statement<(email: String, tenant: TenantID?), Account>(Account.columns) { parameter in
    let email = parameter("email", .text) { $0.email }
    let tenant = parameter("tenant", .uuid) { $0.tenant?.uuid }
    return """
      select \(Account.columns) from user_account u join tenant t on t.tenant_id = u.tenant_id
      where u.email = \(email) and (\(tenant) is null or u.tenant_id = \(tenant)) order by u.id limit \(accountsMax)
      """
  }

  package func account(_ tenant: TenantID, _ user: UserID) async throws -> Account? {
    try await pool.query(UserStore.findAccount, (tenant, user)).first
  }

  static let findAccount = Statement<(tenant: TenantID, id: UserID), Account>(Account.columns) { parameter in
    let tenant = parameter("tenant", .uuid) { $0.tenant.uuid }
    let id = parameter("id", .uuid) { $0.id.uuid }
    return """
      select \(Account.columns) from user_account u join tenant t on t.tenant_id = u.tenant_id
      where u.tenant_id = \(tenant) and u.id = \(id)
      """
  }

  package func setPasswordHash(
    _ tenant: TenantID, _ user: UserID, _ hash: String, replacing: String?
  ) async throws -> Bool {
    let results = try await database.batch(
      [
        UserStore.updatePassword.tenantCall((tenant, user, hash, replacing)),
        AccountChannel.send.tenantCall(.user(user)),
      ], of: tenant.scope)
    return results[0].affected > 0
  }

  static let updatePassword = Statement<(tenant: TenantID, id: UserID, hash: String, replacing: String?), Void> {
    parameter in
    let tenant = parameter("tenant", .uuid) { $0.tenant.uuid }
    let id = parameter("id", .uuid) { $0.id.uuid }
    let hash = parameter("hash", .text) { $0.hash }
    let replacing = parameter("replacing", .text) { $0.replacing }
    return """
      update user_account set password_hash = \(hash)
      where tenant_id = \(tenant) and id = \(id) and (\(replacing) is null or password_hash = \(replacing))
      """
  }

  package func setSecondFactor(_ tenant: TenantID, _ user: UserID, _ sealed: [UInt8]?) async throws -> Bool {
    let results = try await database.batch(
      [
        UserStore.updateSecondFactor.tenantCall((tenant, user, sealed)), AccountChannel.send.tenantCall(.user(user)),
      ], of: tenant.scope)
    return results[0].affected > 0
  }

  static let updateSecondFactor = Statement<(tenant: TenantID, id: UserID, sealed: [UInt8]?), Void> { parameter in
    let tenant = parameter("tenant", .uuid) { $0.tenant.uuid }
    let id = parameter("id", .uuid) { $0.id.uuid }
    let sealed = parameter("sealed", .bytea) { $0.sealed }
    return "update user_account set second_factor = \(sealed) where tenant_id = \(tenant) and id = \(id)"
  }

  package func replaceSecondFactor(
    _ tenant: TenantID, _ user: UserID, _ before: [UInt8]?, by sealed: [UInt8]
  ) async throws -> Bool {
    let results = try await database.batch(
      [
        UserStore.exchangeSecondFactor.tenantCall((tenant, user, before, sealed)),
        AccountChannel.send.tenantCall(.user(user)),
      ], of: tenant.scope)
    return results[0].affected > 0
  }

  static let exchangeSecondFactor = Statement<
    (tenant: TenantID, id: UserID, before: [UInt8]?, after: [UInt8]), Void
  > { parameter in
    let tenant = parameter("tenant", .uuid) { $0.tenant.uuid }
    let id = parameter("id", .uuid) { $0.id.uuid }
    let before = parameter("before", .bytea) { $0.before }
    let after = parameter("after", .bytea) { $0.after }
    return """
      update user_account set second_factor = \(after)
      where tenant_id = \(tenant) and id = \(id) and second_factor is not distinct from \(before)
      """
  }

  package func noteSignIn(_ tenant: TenantID, _ user: UserID, at time: Timestamp) async throws -> Bool {
    try await database.execute(UserStore.updateSignIn, (tenant, user, time), of: tenant.scope) > 0
  }

  static let updateSignIn = Statement<(tenant: TenantID, id: UserID, time: Timestamp), Void> { parameter in
    let tenant = parameter("tenant", .uuid) { $0.tenant.uuid }
    let id = parameter("id", .uuid) { $0.id.uuid }
    let time = parameter("time", .timestamptz) { $0.time }
    return """
      update user_account set last_sign_in_at = greatest(last_sign_in_at, \(time))
      where tenant_id = \(tenant) and id = \(id)
      """
  }
}
