package import Contracts
package import GatewayRequests
package import HTTP
package import Primitives

/// What signing in reads of accounts.
package protocol AccountReading: Sendable {
  /// The users with an e-mail address: at most one in each tenant, at most 16 at all, oldest first. With a tenant, that
  /// of the tenant only.
  func accounts(email: String, in tenant: TenantID?) async throws -> [Account]
  /// A user of a tenant.
  func account(_ tenant: TenantID, _ user: UserID) async throws -> Account?
}

/// What signing in changes of accounts. Each returns `false` when the user is not there.
package protocol AccountWriting: Sendable {
  /// Sets the hash of the password. With `replacing`, only while the stored hash is that one.
  func setPasswordHash(_ tenant: TenantID, _ user: UserID, _ hash: String, replacing: String?) async throws -> Bool
  /// Sets the sealed secret of the second factor, or removes it.
  func setSecondFactor(_ tenant: TenantID, _ user: UserID, _ sealed: [UInt8]?) async throws -> Bool
  /// Sets the sealed secret of the second factor only while the stored one is `before`; `nil` for none. Returns
  /// `false`, and changes nothing, when somebody else was faster.
  func replaceSecondFactor(
    _ tenant: TenantID, _ user: UserID, _ before: [UInt8]?, by sealed: [UInt8]
  ) async throws -> Bool
  /// Sealed second factors of all tenants, in the order of tenants and users, behind a user.
  func secondFactors(after place: (tenant: TenantID, user: UserID)?, limit: Int) async throws -> [StoredSecondFactor]
  /// Stores a second factor that was sealed anew. Returns `false` when it was changed meanwhile.
  func reseal(_ stored: StoredSecondFactor, _ sealed: [UInt8]) async throws -> Bool
  /// Notes a sign-in.
  func noteSignIn(_ tenant: TenantID, _ user: UserID, at time: Timestamp) async throws -> Bool
}

/// Hashes passwords, on threads of its own.
package protocol PasswordHashing: Sendable {
  /// The hash as it is stored. Throws a 422 `Problem` for a password that is not accepted, 503 when too many wait.
  func hash(_ password: String) async throws(Problem) -> String
}

/// A change of accounts that whoever caches them must hear of.
package enum AccountNotice: Hashable, Sendable {
  /// A key was revoked, rotated or changed.
  case key(APIKeyID)
  /// A user was changed or removed: role, password.
  case user(UserID)
  /// A service account was changed or removed.
  case serviceAccount(ServiceAccountID)
  /// A tenant was suspended, resumed or is being deleted.
  case tenant(TenantID)
  /// Something may have been missed: all that is cached is in doubt.
  case all
}

/// Makes known what changes, on every replica within a second.
package protocol AccountNotifying: Sendable {
  /// Calls `body` for every notice until the process ends; soon, on any thread, without waiting for it.
  func onNotice(_ body: @escaping @Sendable (AccountNotice) -> Void)
}

/// The services that keep something of tenants.
package protocol TenantServices: Sendable {
  /// Their names.
  var names: [String] { get }
  /// Has a service follow the state of a tenant, and returns how far it is. Orders may overtake each other: a service
  /// follows the one with the highest version. Throws when it has not answered, or not as it should.
  func apply(_ order: TenantOrder, at service: String) async throws -> TenantReport
}

/// Notes deletions of tenants where they stay.
package protocol TenantAuditing: Sendable {
  /// A deletion begins; this is durable when the call returns. Throws a 503 `Problem`.
  func begin(deletionOf tenant: TenantID, by identity: Identity, _ request: HTTPRequest) async throws(Problem)
  /// Nothing is left. May be called again.
  func end(deletionOf tenant: TenantID) async throws
}

/// Exports all that a tenant has.
package protocol TenantExporting: Sendable {
  /// The export as an answer.
  func export(_ tenant: TenantID) async throws -> HTTPResponse
}
