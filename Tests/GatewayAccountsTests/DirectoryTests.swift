import Contracts
import GatewayRequests
import HTTP
import HTTPWire
import Primitives
import Synchronization
import Telemetry
import Testing

@testable import GatewayAccounts

/// Without a database: what happens while it does not answer.
@Suite struct DirectoryTests {
  /// A source that can be switched off, with a clock that is set by hand.
  final class Source: AccountSource {
    struct State {
      var keys: [APIKeyID: StoredKey] = [:]
      var tenants: [TenantID: Tenant.State] = [:]
      var isAway = false
      var questions = 0
      var now: UInt64 = 1_000_000_000_000
    }

    struct Away: Error {}

    let state = Mutex(State())

    func key(_ id: APIKeyID) async throws -> StoredKey? { try asked { $0.keys[id] } }
    func state(_ tenant: TenantID) async throws -> Tenant.State? { try asked { $0.tenants[tenant] } }
    func noteUses(_ uses: [KeyUse]) async throws { _ = try asked { _ in () } }

    private func asked<Value: Sendable>(_ read: (State) -> Value) throws -> Value {
      try state.withLock { state in
        state.questions += 1
        if state.isAway { throw Away() }
        return read(state)
      }
    }

    func later(seconds: UInt64) { state.withLock { $0.now += seconds * 1_000_000_000 } }
    var questions: Int { state.withLock { $0.questions } }
  }

  private let source = Source()
  private let hasher: SecretHasher
  private let directory: AccountDirectory
  private let text = SecretText(.key, id: UUID(high: 1, low: 1), random: Array(repeating: 7, count: 24))

  init() throws {
    hasher = SecretHasher(try KeyList("a:" + String(repeating: "s", count: 32), named: "keys"))
    let source = source
    directory = AccountDirectory(
      source: source, hasher: hasher, listener: nil, telemetry: .disabled(),
      clock: { source.state.withLock { $0.now } }, wallClock: { Timestamp(unixMicroseconds: 1_000_000) })
    let stored = StoredKey(record: Sample.key(), hash: hasher.hash(text.text), previous: nil)
    source.state.withLock {
      $0.keys[stored.record.id] = stored
      $0.tenants[Sample.tenant] = .active
    }
  }

  private func status() async -> Int {
    do {
      _ = try await directory.identity(of: text)
      return 200
    } catch { return Int(error.status.code) }
  }

  @Test func `a known key stays good for ten seconds without the database, an unknown one never is`() async {
    #expect(await status() == 200)
    source.state.withLock { $0.isAway = true }
    let other = SecretText(.key, id: UUID(high: 1, low: 2), random: Array(repeating: 7, count: 24))
    await #expect(throws: Problem.self) { try await directory.identity(of: other) }
    do { _ = try await directory.identity(of: other) } catch { #expect(error.status.code == 503) }
    source.later(seconds: 9)
    #expect(await status() == 200)
    source.later(seconds: 1)
    #expect(await status() == 503)
    source.state.withLock { $0.isAway = false }
    #expect(await status() == 200)
  }

  @Test func `while nothing is heard of, no key is believed for longer than a second without asking`() async {
    #expect(await status() == 200)
    #expect(await status() == 200)
    #expect(source.questions == 1)
    source.state.withLock { $0.keys = [:] }
    source.later(seconds: 1)
    #expect(await status() == 401)
  }

  @Test func `a notice ends what is remembered, and reaches those who watch`() async {
    let heard = Mutex<[AccountNotice]>([])
    directory.onNotice { notice in heard.withLock { $0.append(notice) } }
    let user = UserID(UUID(high: 99, low: 99))
    for notice in [
      AccountNotice.key(APIKeyID(text.id)), .user(Sample.user), .tenant(Sample.tenant), .all, .user(user),
    ] {
      #expect(await status() == 200)
      let before = source.questions
      directory.apply(notice)
      #expect(await status() == 200)
      #expect(source.questions == before + (notice == .user(user) ? 0 : 1), "\(notice)")
    }
    #expect(heard.withLock { $0.count } == 5)
  }

  @Test func `a tenant that is suspended, or not there, is not admitted`() async throws {
    try await directory.admit(Sample.tenant)
    source.state.withLock { $0.isAway = true }
    source.later(seconds: 3000)
    try await directory.admit(Sample.tenant)
    source.later(seconds: 600)
    await #expect(throws: Problem.self) { try await directory.admit(Sample.tenant) }
    source.state.withLock {
      $0.isAway = false
      $0.tenants[Sample.tenant] = .suspended
    }
    do { try await directory.admit(Sample.tenant) } catch { #expect(error.code == "tenant_not_active") }
    await #expect(throws: Problem.self) { try await directory.admit(TenantID(UUID(high: 0, low: 0))) }
  }
}
