import Testing

@testable import ServiceKit

@Suite struct DescriptorLimitTests {
  @Test(
    arguments: [
      (1024, 4096, 4096), (1024, 1 << 20, 1 << 20), (1024, UInt64.max, 1 << 20), (4096, 4096, 4096),
      (2 << 20, 4 << 20, 2 << 20),
    ] as [(UInt64, UInt64, UInt64)])
  func `it is raised to the hard limit, within reason, and never lowered`(
    soft: UInt64, hard: UInt64, expected: UInt64
  ) {
    #expect(DescriptorLimit.raised(soft: soft, hard: hard) == expected)
  }

  @Test func `raising it twice changes nothing more`() {
    let first = DescriptorLimit.raise()
    let second = DescriptorLimit.raise()
    #expect(first.current > 0 && second == DescriptorLimit(before: first.current, current: first.current))
  }

  @Test func `connections that do not fit are warned about, with what is needed`() {
    func warning(_ current: UInt64, connections: Int, calls: Int = 256) -> String? {
      DescriptorLimit(before: 0, current: current)
        .warning(connectionsMax: connections, adminConnectionsMax: 256, callsMax: calls)
    }
    #expect(warning(20_768, connections: 20_000) == nil)
    #expect(warning(20_767, connections: 20_000)?.contains("20768 descriptors may be needed") == true)
    #expect(warning(20_768, connections: 20_000, calls: 16_384)?.contains("36896") == true)
    // Each client makes one call at most.
    #expect(warning(1_000, connections: 100, calls: 16_384) == nil)
    #expect(warning(.max, connections: .max, calls: .max) == nil)
  }

  @Test(
    arguments: [
      // (limit, configured, calls, accepted)
      (1 << 20, 0, 16_384, 20_000), (36_896, 0, 16_384, 20_000), (36_895, 0, 16_384, 19_999), (36_895, 0, 256, 20_000),
      (4_096, 0, 16_384, 1_792), (4_096, 0, 256, 3_328), (1_024, 0, 16_384, 256), (512, 0, 256, 16), (0, 0, 256, 16),
      (.max, 0, .max, 20_000), (4_096, 1_000, 256, 1_000), (4_096, 30_000, 256, 30_000),
    ] as [(UInt64, Int, Int, Int)])
  func `without a setting as many clients may connect as have room`(
    limit: UInt64, configured: Int, calls: Int, accepted: Int
  ) {
    let limit = DescriptorLimit(before: 0, current: limit)
    let found = limit.connectionsMax(configured: configured, adminConnectionsMax: 256, callsMax: calls)
    #expect(found == accepted)
    let warns = limit.warning(connectionsMax: found, adminConnectionsMax: 256, callsMax: calls) != nil
    #expect(warns == (limit.current < 544 || configured == 30_000), "what is derived fits")
  }
}
