import Contracts
import GatewayAccess
import HTTP
import HTTPWire
import JSON
import PolicyDecisions
import Postgres
import PostgresTestKit
import Primitives
import Reactor
import Synchronization
import Telemetry
import Testing

@testable import GatewayPolicyControl

/// A service that stores pages as the real ones do, and fails on demand.
private final class ScriptedService: PolicyReceiving {
  struct State {
    var receipt = PolicyReceipt.none
    var isHalted: Bool?
    var rows: [TenantID: (revision: PolicyRevision, document: String)] = [:]
    var pages = 0
    var isAway = false
    /// Pages are lost on their way.
    var isLosing = false
  }

  let name = "scripted"
  let state = Mutex(State())

  func receipt() async throws -> PolicyReceipt {
    try state.withLock { state in
      guard !state.isAway else { throw Problem(.upstreamUnavailable, "away") }
      return state.receipt
    }
  }

  func take(_ page: PolicyDelivery) async throws -> PolicyReceipt {
    try state.withLock { state in
      guard !state.isLosing else { throw Problem(.upstreamUnavailable, "lost") }
      state.pages += 1
      let old = state.receipt
      var (switches, data, isComplete) = (old.switches, old.data, old.isComplete)
      if page.switches.revision > switches {
        switches = page.switches.revision
        state.isHalted = page.switches.isHalted
      }
      if page.epoch == data.epoch ? data.number >= page.after : page.epoch > data.epoch && page.after == 0 {
        isComplete = page.isLast || (isComplete && page.epoch == data.epoch)
        data = PolicyRevision(
          epoch: page.epoch, number: max(page.through, page.epoch == data.epoch ? data.number : 0))
        for row in page.rows {
          state.rows[row.tenant] = (PolicyRevision(epoch: page.epoch, number: row.number), row.document)
        }
        if page.isLast { state.rows = state.rows.filter { $0.value.revision.epoch == page.epoch } }
      }
      state.receipt = PolicyReceipt(switches: switches, data: data, isComplete: isComplete)
      return state.receipt
    }
  }

  func reads<Value: Sendable>(_ body: (State) -> Value) -> Value { state.withLock { body($0) } }
}

extension PolicyControlTests {
  /// What is stored is delivered to services.
  @Suite(.serialized) struct Deliveries {
    private func set(_ gateway: PolicyGateway, _ tenant: TenantID, _ name: String) async throws {
      let answer = try await gateway.send(
        .put, "/operator/v1/tenants/\(tenant)/policy-data", #"{"data": {"tools": {"deny": ["\#(name)"]}}}"#,
        as: PolicyGateway.operator)
      #expect(answer.status == 200, "\(answer.text)")
    }

    private func epoch() throws -> String { try PolicyCluster.shared.get().query("select epoch from policy_switch") }

    @Test func `a service gets all, page by page, then what changes, and later what it has missed`() async throws {
      try await PolicyGateway.run { gateways in
        let (gateway, service) = (gateways[0], ScriptedService())
        let deliveries = PolicyDeliveries(gateway.store, to: [service], pageRows: 1, telemetry: .disabled())
        try await set(gateway, PolicyGateway.a, "one")
        try await set(gateway, PolicyGateway.b, "two")
        #expect(deliveries.now[0].lacksSince != nil)
        await deliveries.update(0)
        #expect(service.reads { $0.rows.count } == 2 && service.reads { $0.receipt.isComplete })
        #expect(service.reads { $0.pages } == 3, "a row each, and one that says that there are no more")
        #expect(deliveries.now[0].lacksSince == nil && deliveries.now[0].confirmedAt != nil)
        await deliveries.update(0)
        #expect(service.reads { $0.pages } == 3, "it has all")

        service.state.withLock { $0.isAway = true }
        try await gateway.send(.put, "/operator/v1/policy", #"{"halted": true}"#, as: PolicyGateway.operator)
        await deliveries.update(0)
        #expect(deliveries.now[0].fault != nil && deliveries.now[0].lacksSince != nil)
        service.state.withLock { ($0.isAway, $0.isLosing) = (false, true) }
        await deliveries.update(0)
        #expect(deliveries.now[0].fault != nil && service.reads { $0.isHalted } == nil)
        service.state.withLock { $0.isLosing = false }
        await deliveries.update(0)
        #expect(service.reads { $0.isHalted } == true && deliveries.now[0].fault == nil)
        try await gateway.send(.put, "/operator/v1/policy", #"{"halted": false}"#, as: PolicyGateway.operator)
        try await set(gateway, PolicyGateway.a, "three")
        await deliveries.update(0)
        #expect(service.reads { $0.rows[PolicyGateway.a]?.document.contains("three") } == true)
      }
    }

    @Test func `a gateway whose database was set back begins an epoch and delivers all again`() async throws {
      try await PolicyGateway.run { gateways in
        let (gateway, service) = (gateways[0], ScriptedService())
        let deliveries = PolicyDeliveries(gateway.store, to: [service], telemetry: .disabled())
        let before = try epoch()
        try await set(gateway, PolicyGateway.a, "kept")
        let kept = try PolicyCluster.shared.get().query(
          "create table kept_switch as table policy_switch; create table kept_data as table policy_data; select 1")
        #expect(kept.hasSuffix("1"))
        try await set(gateway, PolicyGateway.b, "lost")
        try await gateway.send(.put, "/operator/v1/policy", #"{"halted": true}"#, as: PolicyGateway.operator)
        await deliveries.update(0)
        #expect(service.reads { $0.rows.count } == 2 && service.reads { $0.isHalted } == true)
        try PolicyCluster.shared.get().query(
          """
          alter table policy_data disable trigger user; delete from policy_data; delete from policy_switch;
          insert into policy_switch (version, mode, canary_percent, is_halted, data_revision, updated_at, updated_by, epoch)
            select version, mode, canary_percent, is_halted, data_revision, updated_at, updated_by, epoch from kept_switch;
          insert into policy_data select * from kept_data; alter table policy_data enable trigger user;
          drop table kept_switch, kept_data; select 1
          """)
        await deliveries.update(0)
        #expect(try Int(epoch()) == Int(before).map { $0 + 1 })
        #expect(service.reads { $0.isHalted } == nil, "nobody had halted in what was restored")
        #expect(service.reads { Set($0.rows.keys) } == [PolicyGateway.a] && service.reads { $0.receipt.isComplete })
        #expect(deliveries.now[0].lacksSince == nil)
        // What is said now counts.
        try await gateway.eventually("released") {
          await gateway.stored.refresh()
          return !gateway.engine.control.switches.isHalted
        }
        try await set(gateway, PolicyGateway.b, "again")
        await deliveries.update(0)
        #expect(service.reads { $0.rows.count } == 2)
      }
    }

    @Test func `changes wake the deliveries, and the status says what a service has`() async throws {
      let service = ScriptedService()
      try await PolicyGateway.run(services: [service]) { gateways in
        let gateway = gateways[0]
        let deliveries = try #require(gateway.deliveries)
        let loop = try #require(EventLoop.current)
        let task = loop.task { await deliveries.run() }
        defer { task.cancel() }
        try await gateway.send(.put, "/operator/v1/policy", #"{"halted": true}"#, as: PolicyGateway.operator)
        try await gateway.eventually("delivered") { service.reads { $0.isHalted } == true }
        try await gateway.eventually("shown") {
          let root = try await gateway.send(.get, "/operator/v1/policy", as: PolicyGateway.operator).root
          let shown = root?["services"]?[0]
          return shown?["has_all"]?.bool == true && shown?["version"]?.int == root?["version"]?.int
            && shown?["service"]?.string == "scripted" && shown?["confirmed_at"]?.string != nil
        }
        service.state.withLock { $0.isAway = true }
        try await gateway.send(.put, "/operator/v1/policy", #"{"halted": false}"#, as: PolicyGateway.operator)
        try await gateway.eventually("not there") {
          let root = try await gateway.send(.get, "/operator/v1/policy", as: PolicyGateway.operator).root
          return root?["services"]?[0]?["has_all"]?.bool == false && root?["services"]?[0]?["fault"]?.string != nil
        }
      }
    }

    @Test func `what is delivered next follows from what it has confirmed`() {
      func stored(_ epoch: Int64, _ version: Int, _ data: Int64) -> StoredSwitches {
        StoredSwitches(
          epoch: epoch, version: version, mode: nil, canaryPercent: nil, isHalted: nil, dataRevision: data,
          updatedAt: nil, updatedBy: nil)
      }
      func plan(_ switches: (Int64, Int64), _ data: (Int64, Int64), _ isComplete: Bool = true) -> DeliveryPlan {
        DeliveryPlan(
          for: PolicyReceipt(
            switches: PolicyRevision(epoch: switches.0, number: switches.1),
            data: PolicyRevision(epoch: data.0, number: data.1), isComplete: isComplete), stored: stored(2, 5, 50))
      }
      #expect(plan((0, 0), (0, 0), false) == .page(after: 0))
      #expect(plan((2, 5), (2, 50)) == .nothing)
      #expect(plan((2, 4), (2, 50)) == .page(after: 50))
      #expect(plan((2, 5), (2, 20), false) == .page(after: 20))
      #expect(plan((2, 5), (2, 50), false) == .page(after: 50))
      #expect(plan((2, 5), (1, 90)) == .page(after: 0))
      #expect(plan((2, 6), (2, 50)) == .newEpoch(seen: 2))
      #expect(plan((2, 5), (2, 51)) == .newEpoch(seen: 2))
      #expect(plan((4, 1), (3, 1)) == .newEpoch(seen: 4))
    }

    @Test func `a page is cut before it is too large`() {
      let row = StoredPolicyData(
        tenant: PolicyGateway.a, version: 1, document: String(repeating: "x", count: 64 << 10), isSuspended: false,
        revision: 1, updatedAt: Timestamp(unixMicroseconds: 0), updatedBy: "")
      let rows = Array(repeating: row, count: 100)
      let stored = StoredSwitches(
        epoch: 1, version: 1, mode: nil, canaryPercent: nil, isHalted: nil, dataRevision: 9, updatedAt: nil,
        updatedBy: nil)
      let page = DeliveryPlan.page(after: 0, rows, limit: 200, of: stored)
      #expect(page.rows.count == 16 && !page.isLast && page.through == 1)
      #expect(page.document().count < PolicyDelivery.bodyBytesMax)
      let whole = DeliveryPlan.page(after: 0, Array(rows.prefix(3)), limit: 200, of: stored)
      #expect(whole.isLast && whole.through == 9)
    }
  }
}
