import Contracts
import GatewayRequests
import HTTP
import Primitives
import Synchronization
import SystemSources
import Testing

@testable import GatewayAccounts

/// Services in memory that follow orders as the real ones do: the highest version counts.
final class FakeServices: TenantServices, TenantAuditing {
  struct Away: Error, CustomStringConvertible {
    var description: String { "it is away" }
  }

  /// A call of a test's.
  struct Followed: Sendable, Equatable {
    var state = Tenant.State.active
    var version = 0
    var rows: Int64 = 3
  }

  private struct State {
    var followed: [String: [TenantID: Followed]] = [:]
    var away: Set<String> = []
    var asked: [TenantID: Int] = [:]
    /// Orders of this version wait here until they are let go.
    var heldVersion: Int?
    var held: [CheckedContinuation<Void, Never>] = []
    var noted: [String] = []
    var isAuditAway = false
  }

  let names = ["one", "two"]
  private let state = Mutex(State())

  func setAway(_ name: String, _ isAway: Bool) {
    state.withLock { state in
      if isAway { state.away.insert(name) } else { state.away.remove(name) }
    }
  }

  func hold(version: Int) { state.withLock { $0.heldVersion = version } }
  var heldCount: Int { state.withLock { $0.held.count } }

  func release() {
    let held = state.withLock { state in
      state.heldVersion = nil
      defer { state.held = [] }
      return state.held
    }
    for continuation in held { continuation.resume() }
  }

  func followed(_ tenant: TenantID, at name: String) -> Followed? {
    state.withLock { $0.followed[name]?[tenant] }
  }

  /// What a tenant is to all services: `nil` when they do not agree.
  func agreed(_ tenant: TenantID) -> Tenant.State? {
    let all = Set(names.map { followed(tenant, at: $0)?.state })
    return all.count == 1 ? all.first ?? nil : nil
  }

  /// How often the services were asked about a tenant.
  func askedCount(_ tenant: TenantID) -> Int { state.withLock { $0.asked[tenant] ?? 0 } }

  func apply(_ order: TenantOrder, at service: String) async throws -> TenantReport {
    let (isAway, isHeld) = state.withLock { state in
      state.asked[order.tenant, default: 0] += 1
      return (state.away.contains(service), state.heldVersion == order.version)
    }
    if isAway { throw Away() }
    if isHeld { await withCheckedContinuation { held in state.withLock { $0.held.append(held) } } }
    return state.withLock { state in
      var followed = state.followed[service]?[order.tenant] ?? Followed()
      defer { state.followed[service, default: [:]][order.tenant] = followed }
      if order.version > followed.version {
        followed.state = order.state
        followed.version = order.version
      }
      guard order.state == .deleting, order.isConfirmed else { return TenantReport() }
      // One row less with each look.
      followed.rows = max(0, followed.rows - 1)
      return TenantReport(
        counts: #"{"run":\#(followed.rows)}"#, total: followed.rows,
        deletedAt: followed.rows == 0 ? WallClock.now() : nil)
    }
  }

  // MARK: Audit

  func setAuditAway(_ isAway: Bool) { state.withLock { $0.isAuditAway = isAway } }
  func noted(_ tenant: TenantID) -> [String] {
    state.withLock { $0.noted.filter { $0.contains("\(tenant)") }.map { String($0.prefix { $0 != " " }) } }
  }

  func begin(deletionOf tenant: TenantID, by identity: Identity, _ request: HTTPRequest) async throws(Problem) {
    let isAway = state.withLock { state in
      if !state.isAuditAway { state.noted.append("begin \(tenant)") }
      return state.isAuditAway
    }
    if isAway { throw Problem(.auditUnavailable) }
  }

  func end(deletionOf tenant: TenantID) async throws {
    let isAway = state.withLock { state in
      if !state.isAuditAway { state.noted.append("end \(tenant)") }
      return state.isAuditAway
    }
    if isAway { throw Away() }
  }
}
