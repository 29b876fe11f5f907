import Testing

@testable import AgentLoop

@Suite struct StorableTests {
  @Test func `failures hold no U+0000, and are within their limits`() {
    let failure = AgentFailure(code: "", message: String(repeating: "\0", count: 5000), isRetryable: false)
    #expect(failure.code == "unknown")
    #expect(failure.message.utf8.count <= 4000 && !failure.message.utf8.contains(0))
    #expect(
      AgentFailure(code: String(repeating: "c\0", count: 300), message: "", isRetryable: true).code.utf8.count <= 100)
  }
}
