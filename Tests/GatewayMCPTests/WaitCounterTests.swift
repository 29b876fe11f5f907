import Contracts
import Primitives
import Testing

@testable import GatewayMCP

@Suite struct WaitCounterTests {
  private static let tenants = (1...3).map { TenantID(UUID(high: 0x7000, low: 0x8000_0000_0000_0000 | UInt64($0))) }

  @Test func `a tenant has half of the places, and all together no more than there are`() {
    let counter = WaitCounter(countMax: 3)
    let (first, second, third) = (Self.tenants[0], Self.tenants[1], Self.tenants[2])
    #expect([1, 2, 3].map { _ in counter.begin(first) } == [true, true, false])
    #expect(counter.begin(second) && !counter.begin(third) && counter.count == 3)
    counter.end(first)
    #expect(counter.begin(third) && !counter.begin(first))
    for tenant in [first, second, third] { counter.end(tenant) }
    #expect(counter.count == 0 && counter.begin(first))
  }

  @Test func `without places nobody waits, and one place is for anybody`() {
    #expect(!WaitCounter(countMax: 0).begin(Self.tenants[0]))
    #expect(WaitCounter(countMax: 1).begin(Self.tenants[0]))
  }
}
