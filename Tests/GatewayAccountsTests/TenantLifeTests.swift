import Contracts
import GatewayRequests
import HTTPWire
import JSON
import Postgres
import PostgresTestKit
import Primitives
import Reactor
import Tenancy
import Testing

@testable import GatewayAccounts

extension AccountTests {
  /// Suspensions, resumptions and deletions reach every service, whatever is away or ends meanwhile.
  @Suite(.serialized) struct TenantLife {
    private let services = FakeServices()

    private func made(_ gateway: AccountsGateway, _ name: String = "t") async throws -> TenantID {
      let made = try await gateway.send(.post, "/operator/v1/tenants", #"{"name": "\#(name)"}"#)
      return try #require(TenantID(made["id"]), "\(made.text)")
    }

    private func act(_ gateway: AccountsGateway, _ tenant: TenantID, _ word: String) async throws
      -> AccountsGateway
      .Answer
    {
      try await gateway.send(.post, "/operator/v1/tenants/\(tenant)/\(word)", "")
    }

    private func get(_ gateway: AccountsGateway, _ tenant: TenantID) async throws -> AccountsGateway.Answer {
      try await gateway.send(.get, "/operator/v1/tenants/\(tenant)")
    }

    private func isConfirmed(_ answer: AccountsGateway.Answer) -> Bool { answer.root?["confirmed"]?.bool ?? false }

    /// Has gateways work until a condition holds.
    private func work(
      _ gateways: [AccountsGateway], until what: String, _ isTrue: () async throws -> Bool
    ) async throws {
      try await gateways[0].eventually(what) {
        for gateway in gateways { try await gateway.orders?.round() }
        return try await isTrue()
      }
    }

    @Test func `a suspension is carried out everywhere before it is answered, and so is its end`() async throws {
      try await AccountsGateway.run(services: services) { gateways in
        let tenant = try await made(gateways[0])
        #expect(isConfirmed(try await get(gateways[0], tenant)), "no service has to follow a new one")
        let suspended = try await act(gateways[0], tenant, "suspend")
        #expect(suspended.status == 200 && isConfirmed(suspended), "\(suspended.text)")
        #expect(suspended.root?["services"]?.count == 2)
        #expect(services.agreed(tenant) == .suspended)
        let resumed = try await act(gateways[0], tenant, "resume")
        #expect(isConfirmed(resumed) && services.agreed(tenant) == .active)
        // What is confirmed is not asked for again.
        let asked = services.askedCount(tenant)
        try await gateways[0].orders?.round()
        #expect(services.askedCount(tenant) == asked)
      }
    }

    @Test func `a service that is away follows when it is back`() async throws {
      try await AccountsGateway.run(2, services: services) { gateways in
        let tenant = try await made(gateways[0])
        services.setAway("two", true)
        let suspended = try await act(gateways[0], tenant, "suspend")
        #expect(suspended.status == 200 && suspended["state"] == "suspended" && !isConfirmed(suspended))
        let failure = suspended.root?["services"]?.elements.first { $0["service"]?.string == "two" }
        #expect(failure?["confirmed"]?.bool == false && failure?["failure"]?.string == "it is away")
        #expect(services.followed(tenant, at: "one")?.state == .suspended)
        for gateway in gateways { try await gateway.orders?.round() }
        #expect(!isConfirmed(try await get(gateways[1], tenant)))
        services.setAway("two", false)
        try await work(gateways, until: "it is confirmed") { isConfirmed(try await get(gateways[1], tenant)) }
        #expect(services.agreed(tenant) == .suspended)
      }
    }

    @Test func `what a gateway had no time to say another one says`() async throws {
      try await AccountsGateway.run(2, services: services) { gateways in
        let tenant = try await made(gateways[0])
        // As a process that was killed behind its transaction.
        _ = try await gateways[0].accounts.storage.tenants.setState(tenant, .suspended, expected: nil)
        #expect(services.agreed(tenant) == nil)
        try await work([gateways[1]], until: "the other one says it") { services.agreed(tenant) == .suspended }
        #expect(isConfirmed(try await get(gateways[0], tenant)))
      }
    }

    @Test func `two gateways do not both ask, and one that ended in the midst is replaced`() async throws {
      try await AccountsGateway.run(2, services: services) { gateways in
        let tenant = try await made(gateways[0])
        let store = gateways[0].accounts.storage.tenants
        _ = try await store.setState(tenant, .suspended, expected: nil)
        #expect(try await store.claim(limit: 100).contains { $0.id == tenant })
        // The other one leaves it alone, for a time.
        try await gateways[1].orders?.round()
        #expect(services.askedCount(tenant) == 0)
        _ = try await gateways[0].accounts.pool.query(
          "update tenant set claimed_until = now() - interval '1 second' where tenant_id = $1", [tenant.uuid])
        try await gateways[1].orders?.round()
        #expect(services.askedCount(tenant) == 2 && services.agreed(tenant) == .suspended)
      }
    }

    @Test func `an order that was held up does not overtake a newer one`() async throws {
      try await AccountsGateway.run(2, services: services) { gateways in
        let tenant = try await made(gateways[0])
        services.hold(version: 2)
        async let suspended = act(gateways[0], tenant, "suspend")
        try await gateways[0].eventually("the order is under way") { services.heldCount == 2 }
        let resumed = try await act(gateways[1], tenant, "resume")
        #expect(isConfirmed(resumed) && services.agreed(tenant) == .active)
        services.release()
        _ = try await suspended
        try await work(gateways, until: "all is confirmed") { isConfirmed(try await get(gateways[0], tenant)) }
        #expect(services.agreed(tenant) == .active)
        #expect(try await get(gateways[0], tenant)["state"] == "active")
      }
    }

    @Test func `nothing is left of a deleted tenant but its id and times`() async throws {
      try await AccountsGateway.run(2, services: services) { gateways in
        let gateway = gateways[0]
        let (tenant, other) = (try await made(gateway, "leaving"), try await made(gateway, "staying"))
        let owner = try await gateway.user(.owner, in: tenant)
        let neighbour = try await gateway.user(.owner, in: other)
        let account = try await gateway.send(.post, "/api/v1/service-accounts", #"{"name": "ci"}"#, key: owner.key)
        #expect(account.status == 201, "\(account.text)")
        _ = try await gateway.send(.post, "/api/v1/invitations", #"{"email": "x@example.com"}"#, key: owner.key)
        services.setAway("two", true)
        let begun = try await gateway.send(.delete, "/operator/v1/tenants/\(tenant)")
        #expect(begun.status == 202 && begun["state"] == "deleting" && !isConfirmed(begun), "\(begun.text)")
        #expect(try await gateway.send(.get, "/api/v1/me", key: owner.key).status >= 401)
        // The gateway's own rows do not wait for the services.
        try await gateway.orders?.deletion.step()
        for gateway in gateways { try await gateway.orders?.round() }
        let waiting = try await get(gateway, tenant)
        #expect(waiting["state"] == "deleting", "a service has not answered")
        let own = waiting.root?["services"]?.elements.first { $0["service"]?.string == "gateway" }
        #expect(own?["total"]?.int == 0 && own?["deleted_at"]?.string != nil, "\(waiting.text)")
        services.setAway("two", false)
        // The end is noted before the row goes, so that a process that ends between the two is replaced.
        services.setAuditAway(true)
        try await gateway.eventually("the services are done") {
          for gateway in gateways { try? await gateway.orders?.round() }
          return services.names.allSatisfy { services.followed(tenant, at: $0)?.rows == 0 }
        }
        for gateway in gateways { try? await gateway.orders?.round() }
        #expect(try await get(gateway, tenant)["state"] == "deleting")
        services.setAuditAway(false)
        try await work(gateways, until: "it is deleted") { try await get(gateway, tenant)["state"] == "deleted" }
        #expect(Set(services.noted(tenant)) == ["begin", "end"])
        let ended = try await get(gateway, tenant)
        #expect(ended["name"] == "" && ended["created_by"] == "" && !ended["deleted_at"].isEmpty && isConfirmed(ended))
        #expect(ended.root?["services"]?.elements.allSatisfy { $0["total"]?.int == 0 } == true, "\(ended.text)")
        let listed = try await gateway.send(.get, "/operator/v1/tenants?limit=200")
        #expect(!listed.text.contains("\(tenant)") && listed.text.contains("\(other)"))
        for table in GatewayTenants.tables.map(\.name) {
          let left = try AccountsDatabase.shared.get().query(
            "select count(*) from \(table) where tenant_id = '\(tenant.uuid)'")
          #expect(left == "0", "\(table)")
        }
        // It stays deleted, and others are as they were.
        #expect(try await gateway.send(.delete, "/operator/v1/tenants/\(tenant)").status == 202)
        #expect(try await act(gateway, tenant, "resume").status == 404)
        #expect(try await gateway.send(.post, "/operator/v1/tenants/\(tenant)/invitations", "{}").status >= 400)
        #expect(try await gateway.send(.get, "/api/v1/me", key: neighbour.key).status == 200)
        #expect(try await gateway.accounts.storage.tenants.add(tenant, "again", by: "configuration") == nil)
        // Its names and addresses are free.
        let again = try await made(gateway, "leaving")
        #expect(try await gateway.user(.owner, in: again).key != owner.key)
      }
    }

    /// Rounds in which no claim and no pause keeps a gateway from a tenant.
    private func rounds(_ gateway: AccountsGateway, _ tenant: TenantID) async throws {
      for _ in 0..<5 {
        _ = try await gateway.accounts.pool.query(
          "update tenant set claimed_until = null where tenant_id = $1", [tenant.uuid])
        try await gateway.orders?.round()
      }
    }

    @Test func `a deletion does not end before the last service, nor before the gateway itself`() async throws {
      try await AccountsGateway.run(services: services) { gateways in
        let gateway = gateways[0]
        let (first, second) = (try await made(gateway, "service lags"), try await made(gateway, "gateway lags"))
        services.setAway("two", true)
        #expect(try await gateway.send(.delete, "/operator/v1/tenants/\(first)").status == 202)
        try await gateway.orders?.deletion.step()
        try await rounds(gateway, first)
        #expect(services.followed(first, at: "one")?.rows == 0)
        #expect(try await get(gateway, first)["state"] == "deleting")
        services.setAway("two", false)
        try await rounds(gateway, first)
        #expect(try await get(gateway, first)["state"] == "deleted")

        #expect(try await gateway.send(.delete, "/operator/v1/tenants/\(second)").status == 202)
        try await rounds(gateway, second)
        #expect(services.names.allSatisfy { services.followed(second, at: $0)?.rows == 0 })
        #expect(try await get(gateway, second)["state"] == "deleting")
        try await gateway.orders?.deletion.step()
        try await rounds(gateway, second)
        #expect(try await get(gateway, second)["state"] == "deleted")
      }
    }

    @Test func `a deletion that nobody could note does not begin, nor does one of another version`() async throws {
      try await AccountsGateway.run(services: services) { gateways in
        let tenant = try await made(gateways[0])
        services.setAuditAway(true)
        #expect(try await gateways[0].send(.delete, "/operator/v1/tenants/\(tenant)").status == 503)
        services.setAuditAway(false)
        let outdated = try await gateways[0].send(
          .delete, "/operator/v1/tenants/\(tenant)", headers: [("if-match", #""7""#)])
        #expect(outdated.status == 412)
        #expect(services.noted(tenant) == [])
        // Nor behind a race: the state of the row decides.
        _ = try await gateways[0].accounts.storage.tenants.setState(tenant, .deleting, expected: 7)
        try await gateways[0].orders?.deletion.step()
        #expect(try await get(gateways[0], tenant)["state"] == "active")
        let state = try await gateways[0].orders?.deletion.states.state(tenant.uuid)
        #expect(state?.deletionRequestedAt == nil)
      }
    }
  }
}
