import Testing

@testable import Redis

@Suite struct LifecycleTests {
  @Test func `placeholder`() {}
}
