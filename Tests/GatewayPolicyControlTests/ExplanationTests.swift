import Contracts
import HTTP
import Primitives
import Testing

@testable import GatewayPolicyControl

@Suite struct ExplanationTests {
  private static func tenant(_ number: UInt64) -> TenantID { TenantID(UUID(high: number, low: 1)) }

  @Test func `a tenant has one place for explanations at a time`() async throws {
    let places = ExplanationPlaces()
    let (first, second, third) = (Self.tenant(1), Self.tenant(2), Self.tenant(3))
    try await places.within(first) {
      await #expect(throws: Problem.self) { try await places.within(first) { () } }
      try await places.within(second) {
        // More than two threads are never held.
        _ = await #expect(throws: Problem.self) { try await places.within(third) { () } }
      }
      try await places.within(third) {}
    }
    try await places.within(first) {}
  }
}
