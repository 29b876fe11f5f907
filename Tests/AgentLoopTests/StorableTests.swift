import Contracts
import JSON
import Testing

@testable import AgentLoop

@Suite struct StorableTests {
  private static let family = "\u{1F468}\u{200D}\u{1F469}\u{200D}\u{1F467}\u{200D}\u{1F466}"

  @Test func `texts are cut by bytes at the border of a character`() {
    let long = String(repeating: StorableTests.family, count: 163)
    for bytesMax in [0, 1, 3, 4, 27, 28, 29, 100, 3999, 4000, 4001] {
      let cut = StorableText.make(long, bytesMax: bytesMax)
      #expect(cut.utf8.count <= bytesMax)
      #expect(cut.filter { $0 != "…" }.allSatisfy { String($0) == StorableTests.family } || bytesMax < 28)
    }
    #expect(StorableText.make("short", bytesMax: 5) == "short")
    // One character that is longer than everything that is allowed.
    let heap = "e" + String(repeating: "\u{301}", count: 5000)
    let cut = StorableText.make(heap, bytesMax: 100)
    #expect(cut.utf8.count <= 100 && cut.utf8.count > 90)
  }

  @Test func `no text holds U+0000, and none is empty where one is due`() {
    #expect(StorableText.make("a\0b", bytesMax: 10) == "a\u{FFFD}b")
    #expect(StorableText.make("", bytesMax: 10, fallback: "x") == "x")
    let failure = AgentFailure(code: "", message: String(repeating: "\0", count: 5000), isRetryable: false)
    #expect(failure.code == "unknown")
    #expect(failure.message.utf8.count <= 4000 && !failure.message.utf8.contains(0))
    #expect(
      AgentFailure(code: String(repeating: "c\0", count: 300), message: "", isRetryable: true).code.utf8.count <= 100)
  }

  @Test func `numbers of providers are brought within the protocol's limits`() throws {
    for number in [Int64.min, -1, 3_000_000_000, Int64.max] {
      let entry = CallEntry(
        isModel: true, index: 0, name: "", requestSHA256: "d", result: Array("null".utf8),
        usage: Usage(
          inputTokens: number, outputTokens: number, costMicroUSD: number, unpricedCalls: number, modelCalls: number),
        milliseconds: number)
      var writer = JSONWriter()
      entry.write(to: &writer)
      let root = try JSONDocument(parsing: writer.bytes).root
      #expect(root["name"]?.string == "unknown")
      for (member, limit) in [
        ("input_tokens", 1_000_000_000), ("output_tokens", 1_000_000_000), ("cost_microusd", 1_000_000_000_000),
        ("unpriced_calls", 1_000_000), ("model_calls", 1_000_000), ("duration_ms", 86_400_000),
      ] as [(String, Int64)] {
        #expect((0...limit).contains(root[member]?.int ?? -1), "\(member) of \(number)")
      }
    }
  }
}
