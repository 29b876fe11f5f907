import Primitives
import SystemSources
import Testing

@Suite struct FreshIdentifierTests {
  private struct Wrapped: UUIDWrapper {
    let uuid: UUID
    init(_ uuid: UUID) { self.uuid = uuid }
  }

  @Test func `fresh identifiers differ and carry the time`() {
    let before = UInt64(clamping: WallClock.now().unixMicroseconds / 1000)
    let made = (0..<1000).map { _ in UUID.version7() }
    #expect(Set(made).count == 1000)
    #expect(made.allSatisfy { $0.unixMilliseconds >= before })
    #expect(Set((0..<1000).map { _ in UUID.random() }).count == 1000)
  }

  @Test func `version and variant are those of RFC 9562`() {
    #expect(UUID.version7().high >> 12 & 0xF == 7)
    #expect(UUID.random().high >> 12 & 0xF == 4)
    #expect(UUID.version7().low >> 62 == 2)
    #expect(UUID.random().low >> 62 == 2)
  }

  @Test func `what wraps an identifier is made with a fresh one`() {
    #expect(Wrapped.make().uuid != Wrapped.make().uuid)
  }
}

@Suite struct RandomBytesTests {
  @Test func `bytes differ and have the asked length`() {
    #expect(SystemRandom.bytes(32) != SystemRandom.bytes(32))
    #expect(SystemRandom.bytes(0).isEmpty && SystemRandom.bytes(1000).count == 1000)
  }
}

@Suite struct ClockTests {
  @Test func `the monotonic clock does not go back`() {
    let first = MonotonicClock.now()
    #expect(MonotonicClock.now() >= first)
  }
}
