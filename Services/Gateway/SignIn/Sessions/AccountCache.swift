internal import Contracts
internal import GatewayAccounts
internal import Synchronization
internal import SystemSources

/// Accounts as they were read lately: each request of a browser asks for one.
final class AccountCache: Sendable {
  private struct Entry {
    let account: Account?
    let readAt: UInt64
  }

  private struct State {
    var entries: [SessionOwner: Entry] = [:]
    /// Counts notices: what was read before one is not kept.
    var revision: UInt64 = 0
  }

  /// How long an account is believed without a notice.
  private static let ageNanosecondsMax: UInt64 = 10_000_000_000
  private static let entriesMax = 10_000

  private let accounts: any AccountReading
  private let state = Mutex(State())

  init(_ accounts: any AccountReading, notices: (any AccountNotifying)?) {
    self.accounts = accounts
    notices?.onNotice { [weak self] notice in self?.forget(notice) }
  }

  /// The account of a user; `nil` when it is not there. Throws when nobody can say.
  func account(_ owner: SessionOwner) async throws -> Account? {
    let now = MonotonicClock.now()
    let (entry, revision) = state.withLock { ($0.entries[owner], $0.revision) }
    if let entry, now &- entry.readAt < AccountCache.ageNanosecondsMax { return entry.account }
    let account = try await accounts.account(owner.tenant, owner.user)
    state.withLock { state in
      guard state.revision == revision else { return }
      if state.entries.count >= AccountCache.entriesMax { state.entries.removeAll() }
      state.entries[owner] = Entry(account: account, readAt: now)
    }
    return account
  }

  /// Forgets what a notice is about.
  func forget(_ notice: AccountNotice) {
    state.withLock { state in
      state.revision &+= 1
      switch notice {
      case .user(let user): state.entries = state.entries.filter { $0.key.user != user }
      case .tenant(let tenant): state.entries = state.entries.filter { $0.key.tenant != tenant }
      case .all: state.entries.removeAll()
      case .key, .serviceAccount: break
      }
    }
  }
}
