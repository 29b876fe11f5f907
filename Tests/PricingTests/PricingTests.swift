import JSON
import Pricing
import Testing

@Suite struct PricingTests {
  private func parse(_ text: String) throws -> JSONView { try JSONDocument(parsing: text).root }

  @Test func `the same call counts the same in every dialect`() throws {
    let chat = TokenUsage(
      chat: try parse(
        #"{"prompt_tokens":100,"completion_tokens":7,"prompt_tokens_details":{"cached_tokens":60,"cache_write_tokens":30},"completion_tokens_details":{"reasoning_tokens":3}}"#
      ))
    let message = TokenUsage(
      messages: try parse(
        #"{"input_tokens":10,"cache_read_input_tokens":60,"cache_creation_input_tokens":30,"output_tokens":7}"#))
    let response = TokenUsage(
      responses: try parse(
        #"{"input_tokens":100,"output_tokens":7,"input_tokens_details":{"cached_tokens":60,"cache_write_tokens":30}}"#))
    #expect(chat == TokenUsage(input: 10, cacheRead: 60, cacheWrite: 30, output: 7, reasoning: 3))
    #expect(message == TokenUsage(input: 10, cacheRead: 60, cacheWrite: 30, output: 7))
    #expect(response == message)
    #expect(message?.prompt == 100 && message?.total == 107)
  }

  @Test func `an hour's cache is counted apart`() throws {
    let usage = TokenUsage(
      messages: try parse(
        #"{"input_tokens":1,"cache_creation_input_tokens":50,"cache_creation":{"ephemeral_5m_input_tokens":20,"ephemeral_1h_input_tokens":30},"output_tokens":2}"#
      ))
    #expect(usage == TokenUsage(input: 1, cacheWrite: 20, cacheWriteLong: 30, output: 2))
  }

  @Test func `each kind has its price`() {
    let price = Price(input: 3_000_000, output: 15_000_000, cacheRead: 300_000, cacheWrite: 3_750_000)
    let usage = TokenUsage(input: 1000, cacheRead: 10_000, cacheWrite: 2000, output: 500)
    // 3,000 + 3,000 + 7,500 + 7,500 millionths of a dollar.
    #expect(price.nanoUSD(usage) == 21_000_000)
    #expect(price.nanoUSD(TokenUsage(cacheWriteLong: 1000)) == 3_750_000)
  }

  @Test func `without a price of its own the cache costs as the prompt, never nothing`() {
    let price = Price(input: 1_000_000, output: 0)
    #expect(price.nanoUSD(TokenUsage(cacheRead: 5)) == price.nanoUSD(TokenUsage(input: 5)))
    #expect(Price(input: 1, output: 1).nanoUSD(TokenUsage(input: 1)) == 1)
  }

  @Test func `the largest numbers do not overflow`() {
    let price = Price(input: Price.max, output: Price.max)
    let all = TokenUsage.tokensMax
    #expect(price.nanoUSD(TokenUsage(input: all, output: all)) > 0)
    #expect(price.nanoUSDMax(prompt: .max, output: .max) == .max)
  }

  @Test func `no split of a prompt costs more than was reserved`() {
    var random = SystemRandomNumberGenerator()
    for _ in 0..<2000 {
      let price = Price(
        input: .random(in: 0...9_000_000, using: &random), output: .random(in: 0...9_000_000, using: &random),
        cacheRead: Bool.random() ? .random(in: 0...900_000) : nil,
        cacheWrite: Bool.random() ? .random(in: 0...9_000_000) : nil,
        cacheWriteLong: Bool.random() ? .random(in: 0...9_000_000) : nil)
      guard (price.cacheRead ?? 0) <= price.input else { continue }
      let usage = TokenUsage(
        input: .random(in: 0...5000), cacheRead: .random(in: 0...5000), cacheWrite: .random(in: 0...5000),
        cacheWriteLong: .random(in: 0...5000), output: .random(in: 0...5000))
      #expect(price.nanoUSD(usage) <= price.nanoUSDMax(prompt: usage.prompt, output: usage.output))
    }
  }

  @Test func `an estimate is near and above for words, and an image is no novel`() throws {
    let words = String(repeating: "The quick brown fox jumps over the lazy dog. ", count: 100)
    let estimate = TokenEstimate.prompt(
      try parse(#"{"model":"m","messages":[{"role":"user","content":"\#(words)"}]}"#))
    // These are 1,001 tokens to cl100k.
    #expect(estimate >= 1001 && estimate < 1700, "\(estimate)")
    let picture = String(repeating: "QUJD", count: 50_000)
    let image = TokenEstimate.prompt(
      try parse(
        #"{"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,\#(picture)"}}]}]}"#
      ))
    #expect(image < 2200)
    #expect(TokenEstimate.prompt(try parse("{}")) < 20)
  }
}

@Suite struct PriceTableTests {
  private static let head =
    "kind,model,input,output,cache_read,cache_write,cache_write_1h,context,output_max,capabilities,long_above,long_input,long_output,long_cache_read\n"

  @Test func `reads prices, and dates at the end of names stand for the name`() throws {
    let table = try PriceTable(
      csv: "# as_of 2026-01-02\n" + Self.head + "openai,m-1,2.5,10,1.25,,,128000,16384,tools+vision\n\n# end\n")
    #expect(table.asOf == "2026-01-02" && table.count == 1)
    let entry = try #require(table.find(kind: "openai", model: "m-1"))
    #expect(entry.price == Price(input: 2_500_000, output: 10_000_000, cacheRead: 1_250_000))
    #expect(entry.contextTokens == 128_000 && entry.capabilities == ["tools", "vision"])
    #expect(table.find(kind: "openai", model: "m-1-2025-08-07") == entry)
    #expect(table.find(kind: "openai", model: "m-1-20250807") == entry)
    #expect(table.find(kind: "openai", model: "m-1-mini") == nil)
    #expect(table.find(kind: "anthropic", model: "m-1") == nil)
  }

  @Test(arguments: [
    "a,b\n", head + "openai,m\n", head + "openai,m,x,1\n", head + "openai,m,-1,1\n", head + "openai,,1,1\n",
  ])
  func `a faulty table is refused`(_ text: String) {
    #expect(throws: PriceTable.Fault.self) { try PriceTable(csv: text) }
  }

  @Test func `a long prompt has its own price for the whole call`() {
    let price = Price(
      input: 2_000_000, output: 8_000_000, cacheRead: 500_000,
      longPrompt: LongPromptPrice(above: 1000, input: 4_000_000, output: 12_000_000))
    #expect(price.nanoUSD(TokenUsage(input: 1000, output: 10)) == 1000 * 2000 + 10 * 8000)
    #expect(price.nanoUSD(TokenUsage(input: 1001, output: 10)) == 1001 * 4000 + 10 * 12000)
    // What the table does not name rises as fresh tokens do.
    #expect(price.nanoUSD(TokenUsage(input: 1, cacheRead: 1000)) == 4000 + 1000 * 1000)
    #expect(price.nanoUSDMax(prompt: 600, output: 1) == 600 * 4000 + 12000)
    #expect(price.nanoUSDMax(prompt: 400, output: 1) == 400 * 2000 + 8000)
  }
}
