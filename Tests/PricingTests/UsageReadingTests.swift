import JSON
import Pricing
import Primitives
import Testing

@Suite struct UsageReadingTests {
  private func parse(_ text: String) throws -> JSONView { try JSONDocument(parsing: text).root }

  /// What no provider can have counted.
  static let nonsense = [
    "9223372036854775807", "4611686018427387904", "3000000000", "-1", "-9223372036854775808", "1e300", "1.5", "\"7\"",
    "null", "true", "{}", "[1]", "1e-3", "99999999999999999999999999",
  ]
  private static let estimate = TokenUsage(input: 40, output: 9)

  @Test(arguments: nonsense)
  func `nonsense in every member is replaced by the estimate, in every dialect`(_ value: String) throws {
    let texts = [
      "prompt_tokens", "completion_tokens", "total_tokens", "input_tokens", "output_tokens", "cached_tokens",
      "cache_read_input_tokens", "cache_creation_input_tokens", "prompt_cache_hit_tokens", "prompt_cache_miss_tokens",
      "reasoning_tokens",
    ].map { "\"\($0)\":\(value)" }
    let details = [
      "\"prompt_tokens_details\":{\"cached_tokens\":\(value)",
      "\"cache_write_tokens\":\(value)}",
      "\"completion_tokens_details\":{\"reasoning_tokens\":\(value)}",
      "\"input_tokens_details\":{\"cached_tokens\":\(value)}",
      "\"output_tokens_details\":{\"reasoning_tokens\":\(value)",
      "\"thinking_tokens\":\(value)}",
      "\"cache_creation\":{\"ephemeral_1h_input_tokens\":\(value)",
      "\"ephemeral_5m_input_tokens\":\(value)}",
      "\"server_tool_use\":{\"web_search_requests\":\(value)",
      "\"x_requests\":\(value)}",
    ].joined(separator: ",")
    let usage = try parse("{\(texts.joined(separator: ",")),\(details)}")
    let root = try parse("{\"usage\":{\(texts.joined(separator: ",")),\(details)},\"choices\":[]}")
    for read in [
      TokenUsage(chat: usage), TokenUsage(messages: usage), TokenUsage(responses: usage), TokenUsage(chatAnswer: root),
    ] {
      let (found, isEstimated) = TokenUsage.accounted(read, estimate: Self.estimate)
      #expect(isEstimated && found.prompt == 40 && found.output == 9, "\(found)")
      #expect(found.searches == 0 && found.paidToolCalls == 0)
    }
  }

  @Test(arguments: nonsense)
  func `nonsense in one member leaves the others`(_ value: String) throws {
    let output = TokenUsage(chat: try parse("{\"prompt_tokens\":12,\"completion_tokens\":\(value)}"))
    #expect(output?.completed(by: Self.estimate).usage.prompt == 12)
    #expect(output?.completed(by: Self.estimate).usage.output == 9)
    let prompt = TokenUsage(messages: try parse("{\"input_tokens\":\(value),\"output_tokens\":3}"))
    #expect(prompt?.completed(by: Self.estimate).usage.output == 3)
    #expect(prompt?.completed(by: Self.estimate).usage.prompt == 40)
    // A detail that cannot be true makes nothing cheaper.
    let detail = TokenUsage(
      chat: try parse(
        "{\"prompt_tokens\":12,\"completion_tokens\":3,\"prompt_tokens_details\":{\"cached_tokens\":\(value)}}"))
    #expect(detail?.input == 12 && detail?.completed(by: Self.estimate).isEstimated == false)
  }

  @Test func `zeros where something was produced are no counts`() throws {
    let zero = TokenUsage(chat: try parse(#"{"prompt_tokens":0,"completion_tokens":0,"total_tokens":0}"#))
    #expect(zero?.completed(by: Self.estimate).usage.total == 49)
    #expect(zero?.completed(by: Self.estimate).isEstimated == true)
    let empty = TokenUsage(chat: try parse(#"{"prompt_tokens":5,"completion_tokens":0}"#))
    let (usage, isEstimated) = try #require(empty?.completed(by: TokenUsage(input: 8, output: 0)))
    #expect(usage.total == 5 && !isEstimated)
    let embedding = TokenUsage(chat: try parse(#"{"prompt_tokens":5,"total_tokens":5}"#))
    #expect(embedding?.completed(by: TokenUsage(input: 8)).isEstimated == false)
  }

  @Test(arguments: [
    #"{"prompt_tokens":1000,"completion_tokens":10,"total_tokens":1010,"cached_tokens":900}"#,
    #"{"prompt_tokens":1000,"completion_tokens":10,"prompt_cache_hit_tokens":900,"prompt_cache_miss_tokens":100}"#,
    #"{"completion_tokens":10,"prompt_cache_hit_tokens":900,"prompt_cache_miss_tokens":100}"#,
    #"{"prompt_tokens":1000,"completion_tokens":10,"prompt_tokens_details":{"cached_tokens":900}}"#,
    #"{"input_tokens":1000,"output_tokens":10,"input_tokens_details":{"cached_tokens":900}}"#,
    #"{"prompt_tokens":1000,"completion_tokens":10,"cache_read_input_tokens":900}"#,
    #"{"prompt_tokens":100,"completion_tokens":10,"total_tokens":1010,"prompt_tokens_details":{"cached_tokens":900}}"#,
  ])
  func `cached tokens in every spelling`(_ text: String) throws {
    #expect(TokenUsage(chat: try parse(text)) == TokenUsage(input: 100, cacheRead: 900, output: 10))
  }

  @Test func `thoughts that only the sum knows are paid`() throws {
    let apart = TokenUsage(
      chat: try parse(
        #"{"prompt_tokens":32,"completion_tokens":9,"total_tokens":135,"completion_tokens_details":{"reasoning_tokens":94}}"#
      ))
    #expect(apart == TokenUsage(input: 32, output: 103, reasoning: 94))
    // Thoughts that are part of the answer are not counted twice.
    let within = TokenUsage(
      chat: try parse(
        #"{"prompt_tokens":32,"completion_tokens":103,"total_tokens":135,"completion_tokens_details":{"reasoning_tokens":94}}"#
      ))
    #expect(within == apart)
    let silent = TokenUsage(chat: try parse(#"{"prompt_tokens":32,"completion_tokens":9,"total_tokens":135}"#))
    #expect(silent?.output == 103)
  }

  @Test func `chunks say it beside the choices, within one, or apart`() throws {
    let counts = #"{"prompt_tokens":7,"completion_tokens":2}"#
    for text in [
      #"{"choices":[],"usage":\#(counts)}"#, #"{"choices":[{"usage":\#(counts)}],"usage":null}"#,
      #"{"choices":[{"delta":{}}],"x_groq":{"usage":\#(counts)}}"#,
    ] { #expect(TokenUsage(chatAnswer: try parse(text)) == TokenUsage(input: 7, output: 2), "\(text)") }
  }

  @Test func `a message stream's first count of the answer is a placeholder`() throws {
    var usage = MessageUsage()
    usage.take(
      try parse(#"{"input_tokens":1200,"cache_read_input_tokens":5000,"output_tokens":1}"#), isFinal: false)
    #expect(usage.usage?.completed(by: TokenUsage(input: 9, output: 77)).usage.output == 77)
    #expect(usage.usage?.completed(by: TokenUsage(input: 9, output: 77)).usage.input == 1200)
    // What the last event says as zero or null stands as it was said before.
    for text in [
      #"{"input_tokens":0,"cache_read_input_tokens":0,"output_tokens":40}"#,
      #"{"input_tokens":null,"cache_read_input_tokens":null,"output_tokens":40}"#, #"{"output_tokens":40}"#,
    ] {
      var ended = usage
      ended.take(try parse(text), isFinal: true)
      let (found, isEstimated) = try #require(ended.usage?.completed(by: TokenUsage(input: 9, output: 77)))
      #expect(found == TokenUsage(input: 1200, cacheRead: 5000, output: 40) && !isEstimated)
    }
    var late = MessageUsage()
    late.take(try parse(#"{"input_tokens":0,"output_tokens":0}"#), isFinal: false)
    late.take(try parse(#"{"input_tokens":1200,"output_tokens":40}"#), isFinal: true)
    #expect(late.usage == TokenUsage(input: 1200, output: 40))
  }

  @Test func `a tier and paid tools are priced or counted as unpriced`() throws {
    let price = Price(input: 1_000_000, output: 1_000_000)
    func charge(_ text: String, _ kind: String) throws -> Price.Charge {
      price.charge(try #require(TokenUsage(chatAnswer: try parse(text))), kind: kind)
    }
    let usage = #""usage":{"prompt_tokens":5,"completion_tokens":5"#
    #expect(try charge("{\(usage)}}", "openai").nanoUSD == 10_000)
    #expect(try charge("{\"service_tier\":\"default\",\(usage)}}", "openai").nanoUSD == 10_000)
    #expect(try charge("{\"service_tier\":\"flex\",\(usage)}}", "openai").nanoUSD == 5_000)
    let priority = try charge("{\"service_tier\":\"priority\",\(usage)}}", "openai")
    #expect(priority.nanoUSD == nil && priority.chargedNanoUSD == 25_000)
    #expect(try charge("{\"service_tier\":\"scale\",\(usage)}}", "openai").nanoUSD == nil)
    var message = try #require(
      TokenUsage(
        messages: try parse(#"{"input_tokens":5,"output_tokens":5,"server_tool_use":{"web_search_requests":3}}"#)))
    #expect(price.charge(message, kind: "anthropic").nanoUSD == 30_010_000)
    #expect(price.charge(message, kind: "compatible").nanoUSD == nil)
    #expect(price.charge(message, kind: "compatible").chargedNanoUSD == 30_010_000)
    message = try #require(
      TokenUsage(
        messages: try parse(#"{"input_tokens":5,"output_tokens":5,"server_tool_use":{"code_execution_requests":1}}"#)))
    #expect(price.charge(message, kind: "anthropic").nanoUSD == nil)
    var response = try #require(TokenUsage(responses: try parse(#"{"input_tokens":5,"output_tokens":5}"#)))
    response.take(answer: try parse(#"{"output":[{"type":"web_search_call"},{"type":"message"}]}"#))
    #expect(response.searches == 1 && price.charge(response, kind: "openai").nanoUSD == nil)
  }

  @Test func `sums and prices stop at the largest number`() {
    let huge = TokenUsage(input: .max, cacheRead: .max, output: .max)
    #expect(huge.total == .max && (huge + huge).input == .max)
    let price = Price(input: Price.max, output: Price.max, longPrompt: nil)
    #expect(price.charge(huge, kind: "openai").chargedNanoUSD == .max)
    #expect(Int64.min.subtractingClamped(1) == .min && Int64.min.multipliedClamped(by: -1) == .max)
  }

  @Test func `bytes of an answer are what the model has written`() throws {
    let chat = try parse(
      #"{"id":"a long id that is no answer","choices":[{"index":0,"message":{"role":"assistant","content":"12345","reasoning_content":"678"},"finish_reason":"stop"}]}"#
    )
    #expect(TokenEstimate.answerBytes(chat) == 8)
    let message = try parse(
      #"{"content":[{"type":"text","text":"ab"},{"type":"tool_use","id":"x","name":"f","input":{"q":"cd"}}]}"#)
    #expect(TokenEstimate.answerBytes(message) == 5)
    #expect(TokenEstimate.answerBytes(try parse(#"{"choices":[{"index":0,"message":{"content":null}}]}"#)) == 0)
  }
}
