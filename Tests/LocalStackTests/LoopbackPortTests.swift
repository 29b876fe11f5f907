import LocalStack
import Testing

@Suite struct LoopbackPortTests {
  @Test func `ports are given once, and none that the system may take for a connection`() {
    let ports = (0..<200).map { _ in LoopbackPort.free() }
    #expect(Set(ports).count == ports.count)
    #expect(ports.allSatisfy { (10_240..<32_768).contains($0) && LoopbackPort.isFree($0) })
  }
}
