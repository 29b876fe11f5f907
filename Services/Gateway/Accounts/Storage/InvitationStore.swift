package import Contracts
package import GatewayRequests
package import Postgres
internal import Primitives

extension Invitation {
  static let columns = ResultColumns<Invitation> { column in
    let tenant = column("i.tenant_id", .uuid)
    let id = column("i.id", .uuid)
    let email = column("i.email", .text)
    let role = column("i.role", .text)
    let isOperator = column("i.is_operator", .bool)
    let expiresAt = column("i.expires_at", .timestamptz)
    let createdBy = column("i.created_by", .text)
    let createdAt = column("i.created_at", .timestamptz)
    return { row in
      Invitation(
        tenant: TenantID(try row[tenant]), id: InvitationID(try row[id]), email: try row[email],
        role: try StoredWords.role(try row[role]), isOperator: try row[isOperator], expiresAt: try row[expiresAt],
        createdBy: try row[createdBy], createdAt: try row[createdAt])
    }
  }
}

/// An invitation with what a presented text is compared with.
package struct StoredInvitation: Sendable {
  package let invitation: Invitation
  package let hash: KeyedHash
  package let tenantState: Tenant.State

  static let columns = ResultColumns<StoredInvitation> { column in
    let invitation = column.include(Invitation.columns)
    let hash = column("i.hash", .bytea)
    let secret = column("i.hash_secret", .text)
    let state = column("t.state", .text)
    return { row in
      StoredInvitation(
        invitation: try row[invitation], hash: KeyedHash(bytes: try row[hash], secret: try row[secret]),
        tenantState: try StoredWords.state(try row[state]))
    }
  }
}

/// An invitation that is to be added.
package struct NewInvitation: Sendable {
  package let id: InvitationID
  package let email: EmailAddress
  package let role: Role
  package let isOperator: Bool
  package let seconds: Int64
  package let hash: KeyedHash
  package let createdBy: String
}

/// Who accepts an invitation.
package struct AcceptedInvitation: Sendable {
  package let tenant: TenantID
  package let id: InvitationID
  package let hash: [UInt8]
  package let user: UserID
  package let name: String
  package let passwordHash: String?
}

/// The table of invitations.
package struct InvitationStore: Sendable {
  private let pool: PostgresPool
  /// What a tenant asks for goes this way.
  private let database: TenantDatabase

  /// The invitations of a database.
  package init(pool: PostgresPool) {
    self.pool = pool
    database = TenantDatabase(pool: pool)
  }

  /// An invitation of the tenant.
  package func invitation(_ tenant: TenantID, _ id: InvitationID) async throws -> Invitation? {
    try await database.query(InvitationStore.find, (tenant, id), of: tenant.scope).first
  }

  static let find = Statement<(tenant: TenantID, id: InvitationID), Invitation>(Invitation.columns) { parameter in
    let tenant = parameter("tenant", .uuid) { $0.tenant.uuid }
    let id = parameter("id", .uuid) { $0.id.uuid }
    return "select \(Invitation.columns) from invitation i where i.tenant_id = \(tenant) and i.id = \(id)"
  }

  /// An invitation by its id alone, for whoever presents its text.
  package func stored(_ id: InvitationID) async throws -> StoredInvitation? {
    try await pool.query(InvitationStore.findStored, id).first
  }

  static let findStored = Statement<InvitationID, StoredInvitation>(StoredInvitation.columns) { parameter in
    """
    select \(StoredInvitation.columns) from invitation i join tenant t on t.tenant_id = i.tenant_id
    where i.id = \(parameter("id", .uuid) { $0.uuid }) limit 1
    """
  }

  /// Invitations of the tenant, newest first, before `cursor`.
  package func invitations(
    _ tenant: TenantID, before cursor: InvitationID?, limit: Int
  ) async throws -> [Invitation] {
    try await database.query(InvitationStore.list, (tenant, cursor, limit), of: tenant.scope)
  }

  static let list = Statement<(tenant: TenantID, cursor: InvitationID?, limit: Int), Invitation>(
    Invitation.columns
  ) { parameter in
    let tenant = parameter("tenant", .uuid) { $0.tenant.uuid }
    let cursor = parameter("cursor", .uuid) { $0.cursor?.uuid ?? .last }
    let limit = parameter("limit", .int8) { Int64($0.limit) }
    return """
      select \(Invitation.columns) from invitation i where i.tenant_id = \(tenant) and i.id < \(cursor)
      order by i.id desc limit \(limit)
      """
  }

  /// Adds an invitation, in place of an expired one to the same address. `nil` when somebody is a user with this
  /// address, when another invitation to it waits, or when the tenant has as many as it may have.
  package func add(_ tenant: TenantID, _ new: NewInvitation) async throws -> Invitation? {
    try await database.query(InvitationStore.insert, (tenant, new), of: tenant.scope).first
  }

  static let insert = Statement<(tenant: TenantID, new: NewInvitation), Invitation>(Invitation.columns) { parameter in
    let tenant = parameter("tenant", .uuid) { $0.tenant.uuid }
    let id = parameter("id", .uuid) { $0.new.id.uuid }
    let email = parameter("email", .text) { $0.new.email.text }
    let role = parameter("role", .text) { $0.new.role.rawValue }
    let isOperator = parameter("is_operator", .bool) { $0.new.isOperator }
    let hash = parameter("hash", .bytea) { $0.new.hash.bytes }
    let secret = parameter("hash_secret", .text) { $0.new.hash.secret }
    let seconds = parameter("seconds", .int8) { $0.new.seconds }
    let principal = parameter("principal", .text) { $0.new.createdBy }
    return """
      insert into invitation as i
        (tenant_id, id, email, role, is_operator, hash, hash_secret, expires_at, created_by)
      select \(tenant), \(id), \(email), \(role), \(isOperator), \(hash), \(secret),
        now() + \(seconds) * interval '1 second', \(principal)
      where not exists (select from user_account u where u.tenant_id = \(tenant) and u.email = \(email))
        and (select count(*) from user_account m where m.tenant_id = \(tenant)) < \(AccountLimits.usersMax)
        and (select count(*) from invitation c where c.tenant_id = \(tenant)) < \(AccountLimits.invitationsMax)
      on conflict (tenant_id, email) do update set id = excluded.id, role = excluded.role,
        is_operator = excluded.is_operator, hash = excluded.hash, hash_secret = excluded.hash_secret,
        expires_at = excluded.expires_at, created_by = excluded.created_by, created_at = now()
      where i.expires_at <= now() returning \(Invitation.columns)
      """
  }

  /// Revokes an invitation; `false` when there is none.
  package func revoke(_ tenant: TenantID, _ id: InvitationID) async throws -> Bool {
    try await database.execute(InvitationStore.delete, (tenant, id), of: tenant.scope) > 0
  }

  static let delete = Statement<(tenant: TenantID, id: InvitationID), Void> { parameter in
    let tenant = parameter("tenant", .uuid) { $0.tenant.uuid }
    let id = parameter("id", .uuid) { $0.id.uuid }
    return "delete from invitation where tenant_id = \(tenant) and id = \(id)"
  }

  /// Withdraws what `maker` has offered and could not offer any more: all of it when the maker is gone. Its batch has
  /// changed or removed the maker before.
  static let withdraw = Statement<KeySubject, Void> { parameter in
    let principal = parameter("principal", .text) { $0.description }
    let maker = parameter("maker", .uuid) { $0.uuid }
    return """
      delete from invitation i where i.created_by = \(principal) and not exists (
        select from (
          select role, is_operator from user_account where id = \(maker)
          union all select role, is_operator from service_account where id = \(maker)
        ) m
        where m.is_operator
          or not i.is_operator and (m.role = 'owner' or m.role = 'admin' and i.role <> 'owner')
      )
      """
  }

  /// Makes the user of an invitation, which ends with it. `nil` when it is not there any more or has expired. Throws
  /// `NameInUse`.
  package func accept(_ accepted: AcceptedInvitation) async throws -> User? {
    try await NameInUse.translating("user") {
      try await database.query(InvitationStore.take, accepted, of: accepted.tenant.scope).first
    }
  }

  static let take = Statement<AcceptedInvitation, User>(User.columns) { parameter in
    let tenant = parameter("tenant", .uuid) { $0.tenant.uuid }
    let id = parameter("id", .uuid) { $0.id.uuid }
    let hash = parameter("hash", .bytea) { $0.hash }
    let user = parameter("user", .uuid) { $0.user.uuid }
    let name = parameter("name", .text) { $0.name }
    let passwordHash = parameter("password_hash", .text) { $0.passwordHash }
    return """
      with taken as (
        delete from invitation i where i.tenant_id = \(tenant) and i.id = \(id) and i.hash = \(hash)
          and i.expires_at > now() returning i.*
      )
      insert into user_account as u (tenant_id, id, email, name, role, is_operator, password_hash, created_by)
      select tenant_id, \(user), email, \(name), role, is_operator, \(passwordHash), created_by from taken
      returning \(User.columns)
      """
  }
}
