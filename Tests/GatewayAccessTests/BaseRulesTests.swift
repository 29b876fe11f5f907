import Contracts
import HTTPWire
import Testing

@testable import GatewayRequests

/// What holds whatever the policies say.
struct BaseRulesTests {
  private func identity(_ role: Role, _ grants: Grants) throws -> Identity {
    let tenant = try #require(TenantID("tenant_00000000000070008000000000000001"))
    return Identity(
      kind: .apiKey,
      caller: Caller(issuer: .gateway, tenant: tenant, principal: "user_1", scopes: grants.scopes, role: role.rawValue),
      role: role, subject: "user_1", credential: "key_1", grants: grants)
  }

  private func allows(_ identity: Identity, _ route: RouteSpecification) -> Bool {
    do {
      try BaseRules.check(identity, route)
      return true
    } catch { return false }
  }

  @Test func `addresses of operators are for operators, without policies too`() throws {
    let owner = try identity(.owner, .ofTenant)
    let operating = try identity(.viewer, [.read, .operator])
    let routes = Routes.all.filter { $0.access == .operator && $0.isPublic }
    #expect(routes.count > 15)
    for route in routes {
      #expect(!allows(owner, route), "\(route)")
      #expect(allows(operating, route), "\(route)")
    }
  }

  @Test func `who may only read changes nothing, without policies too`() throws {
    for reader in [try identity(.viewer, .ofTenant), try identity(.owner, [.read]), try identity(.member, [.models])] {
      for route in Routes.all where route.access == .tenant {
        let reads =
          route.method == .get
          || ["validate", "preview", "compatibility", "replay", "explain"].contains {
            route.pattern.hasSuffix("/" + $0)
          }
        #expect(allows(reader, route) == reads, "\(route)")
      }
      #expect(allows(reader, Routes.mcp))
    }
    let member = try identity(.member, [.read, .write])
    for route in Routes.all where route.access == .tenant { #expect(allows(member, route), "\(route)") }
  }
}
