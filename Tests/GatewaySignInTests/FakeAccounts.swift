import Contracts
import GatewayRequests
import HTTP
import Primitives
import Synchronization
import SystemSources

@testable import GatewayAccounts

/// Accounts in memory.
final class FakeAccounts: AccountReading, AccountWriting, AccountNotifying, TenantAdmitting {
  struct Failure: Error {}

  struct State {
    var accounts: [UserID: Account] = [:]
    var listeners: [@Sendable (AccountNotice) -> Void] = []
    var isAway = false
    var signIns = 0
    var beforeReplacement: (@Sendable () async throws -> Void)?
  }

  private let state = Mutex(State())

  /// A tenant by a small number.
  static func tenant(_ number: UInt64) -> TenantID {
    TenantID(UUID(high: 0x7000, low: 0x8000_0000_0000_0000 | number))
  }

  /// Adds a user.
  @discardableResult
  func add(
    _ email: String, tenant: TenantID = tenant(1), role: Role = .member, passwordHash: String? = nil,
    isOperator: Bool = false, tenantState: Tenant.State = .active
  ) -> UserID {
    let id = UserID.make()
    let now = Timestamp(unixMicroseconds: 0)
    let user = User(
      tenant: tenant, id: id, email: email, name: "Somebody", role: role, isOperator: isOperator,
      hasPassword: passwordHash != nil, hasSecondFactor: false, lastSignInAt: nil, version: 1, createdBy: "test",
      createdAt: now, updatedAt: now)
    state.withLock {
      $0.accounts[id] = Account(
        user: user, passwordHash: passwordHash, sealedSecondFactor: nil, tenantState: tenantState)
    }
    return id
  }

  /// Changes an account, and makes it known.
  func change(_ id: UserID, _ body: (Account) -> Account?) {
    let listeners = state.withLock { state in
      state.accounts[id] = state.accounts[id].flatMap(body)
      return state.listeners
    }
    for listener in listeners { listener(.user(id)) }
  }

  func setAway(_ isAway: Bool) {
    let listeners = state.withLock { state in
      state.isAway = isAway
      return state.listeners
    }
    for listener in listeners { listener(.all) }
  }

  var signIns: Int { state.withLock { $0.signIns } }
  subscript(_ id: UserID) -> Account? { state.withLock { $0.accounts[id] } }

  func accounts(email: String, in tenant: TenantID?) async throws -> [Account] {
    try state.withLock { state in
      if state.isAway { throw Failure() }
      return state.accounts.values.filter { $0.user.email == email && (tenant ?? $0.user.tenant) == $0.user.tenant }
        .sorted { "\($0.user.id)" < "\($1.user.id)" }
    }
  }

  func account(_ tenant: TenantID, _ user: UserID) async throws -> Account? {
    try state.withLock { state in
      if state.isAway { throw Failure() }
      return state.accounts[user].flatMap { $0.user.tenant == tenant ? $0 : nil }
    }
  }

  func setPasswordHash(_ tenant: TenantID, _ user: UserID, _ hash: String, replacing: String?) async throws -> Bool {
    guard let old = self[user], replacing == nil || old.passwordHash == replacing else { return false }
    change(user) {
      Account(
        user: $0.user, passwordHash: hash, sealedSecondFactor: $0.sealedSecondFactor, tenantState: $0.tenantState)
    }
    return true
  }

  func setSecondFactor(_ tenant: TenantID, _ user: UserID, _ sealed: [UInt8]?) async throws -> Bool {
    guard self[user] != nil else { return false }
    change(user) {
      Account(user: $0.user, passwordHash: $0.passwordHash, sealedSecondFactor: sealed, tenantState: $0.tenantState)
    }
    return true
  }

  /// Runs `body` once, when a second factor is about to be replaced.
  func beforeReplacement(_ body: @escaping @Sendable () async throws -> Void) {
    state.withLock { $0.beforeReplacement = body }
  }

  func replaceSecondFactor(
    _ tenant: TenantID, _ user: UserID, _ before: [UInt8]?, by sealed: [UInt8]
  ) async throws -> Bool {
    let body = state.withLock { state in
      defer { state.beforeReplacement = nil }
      return state.beforeReplacement
    }
    try await body?()
    guard self[user]?.sealedSecondFactor == before else { return false }
    return try await setSecondFactor(tenant, user, sealed)
  }

  func secondFactors(
    after place: (tenant: TenantID, user: UserID)?, limit: Int
  ) async throws -> [StoredSecondFactor] {
    let accounts = state.withLock { Array($0.accounts.values) }
    let all = accounts.compactMap { account in
      account.sealedSecondFactor.map {
        StoredSecondFactor(tenant: account.user.tenant, user: account.user.id, sealed: $0)
      }
    }
    func key(_ tenant: TenantID, _ user: UserID) -> String { "\(tenant).\(user)" }
    let behind = all.filter { one in place.map { key(one.tenant, one.user) > key($0.tenant, $0.user) } ?? true }
    return Array(behind.sorted { key($0.tenant, $0.user) < key($1.tenant, $1.user) }.prefix(limit))
  }

  func reseal(_ stored: StoredSecondFactor, _ sealed: [UInt8]) async throws -> Bool {
    guard self[stored.user]?.sealedSecondFactor == stored.sealed else { return false }
    return try await setSecondFactor(stored.tenant, stored.user, sealed)
  }

  func noteSignIn(_ tenant: TenantID, _ user: UserID, at time: Timestamp) async throws -> Bool {
    state.withLock { $0.signIns += 1 }
    return true
  }

  func onNotice(_ body: @escaping @Sendable (AccountNotice) -> Void) { state.withLock { $0.listeners.append(body) } }

  func admit(_ tenant: TenantID) async throws(Problem) {
    guard tenant == FakeAccounts.tenant(1) || tenant == FakeAccounts.tenant(2) else { throw Problem(.accessDenied) }
  }
}
