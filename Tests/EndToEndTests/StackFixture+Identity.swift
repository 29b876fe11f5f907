import Contracts
import Foundation
import JSON
import LocalStack
import Primitives
import SystemSources
import Testing

/// Identity as the services of the installation prove it; for tests that call a service itself.
extension StackFixture {
  static let tenant = "tenant_00000000000070008000000000000001"
  static let otherTenant = "tenant_00000000000070008000000000000002"

  /// The header of a request that the gateway makes for a caller.
  func gatewayHeaders(
    _ scopes: Scopes = [.api, .models, .operator], tenant: String = StackFixture.tenant,
    to audience: Audience = .orchestrator
  ) throws -> [String: String] {
    let keys = try SigningKeys(issuer: .gateway, setting: stack.keys.list(.gateway), named: "gateway")
    let caller = Caller(
      issuer: .gateway, tenant: try #require(TenantID(tenant)), principal: "test", scopes: scopes, role: "owner")
    let text = CallerAssertions(AssertionSigner(keys)).text(for: caller, to: audience, now: WallClock.now())
    return ["X-Cadre-Assertion": text]
  }

  /// The header of a worker that asks for steps.
  func workerHeaders() -> [String: String] {
    ["Authorization": "Bearer \(stack.keys.list(.worker).replacing(":", with: "."))"]
  }

  /// The header of a worker that reports about a leased step.
  func stepHeaders(_ lease: JSONView) -> [String: String] {
    ["X-Cadre-Assertion": lease["assertion"]?.string ?? ""]
  }
}
