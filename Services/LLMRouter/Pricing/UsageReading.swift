public import JSON
internal import Primitives

/// Reading what providers say was used. Each has its own spelling, and some say nonsense: a member that is no plausible
/// count is passed over, and what matters of it is estimated by the caller (`completed(by:)`).
extension TokenUsage {
  /// Reads `usage` of a chat completion or of embeddings, whose `prompt_tokens` include what came from the cache. Nil
  /// when neither the prompt nor the answer is counted.
  public init?(chat usage: JSONView?) {
    guard let usage, usage.kind == .object else { return nil }
    // Nothing but the three counts that all have.
    if usage.count == 3, let prompt = usage.count("prompt_tokens"), let output = usage.count("completion_tokens"),
      let total = usage.count("total_tokens")
    {
      self.init(
        prompt: prompt, output: output, total: total, read: 0, written: 0, reasoning: 0, needsOutput: true)
      return
    }
    let hit = usage.count("prompt_cache_hit_tokens")
    let miss = usage.count("prompt_cache_miss_tokens")
    let details = usage["prompt_tokens_details"] ?? usage["input_tokens_details"]
    let read = Swift.max(
      details?.count("cached_tokens") ?? 0, usage.count("cached_tokens") ?? 0, hit ?? 0,
      usage.count("cache_read_input_tokens") ?? 0)
    let written = Swift.max(
      details?.count("cache_write_tokens") ?? 0, details?.count("cache_creation_tokens") ?? 0,
      usage.count("cache_creation_input_tokens") ?? 0)
    let detailed = (usage["completion_tokens_details"] ?? usage["output_tokens_details"])?.count("reasoning_tokens")
    let prompt =
      usage.count("prompt_tokens") ?? usage.count("input_tokens")
      ?? (hit != nil && miss != nil ? (hit ?? 0) + (miss ?? 0) : nil)
    self.init(
      prompt: prompt, output: usage.count("completion_tokens") ?? usage.count("output_tokens"),
      total: usage.count("total_tokens"), read: read, written: written,
      reasoning: detailed ?? usage.count("reasoning_tokens") ?? 0,
      // Embeddings and reranking have no answer that could be counted.
      needsOutput: usage["completion_tokens"] != nil || usage["output_tokens"] != nil)
    take(requests: usage)
  }

  /// Reads `usage` of a response (the Responses API), whose `input_tokens` include what came from the cache.
  public init?(responses usage: JSONView?) {
    guard let usage, usage.kind == .object else { return nil }
    let details = usage["input_tokens_details"]
    self.init(
      prompt: usage.count("input_tokens"), output: usage.count("output_tokens"), total: usage.count("total_tokens"),
      read: details?.count("cached_tokens") ?? 0, written: details?.count("cache_write_tokens") ?? 0,
      reasoning: usage["output_tokens_details"]?.count("reasoning_tokens") ?? 0, needsOutput: true)
    take(requests: usage)
  }

  /// Reads `usage` of a message (Anthropic), whose `input_tokens` leave out what the cache had part in.
  public init?(messages usage: JSONView?) {
    guard let usage, usage.kind == .object else { return nil }
    var reading = MessageUsage()
    reading.take(usage, isFinal: true)
    guard let read = reading.usage else { return nil }
    self = read
  }

  /// Reads what an answer or a chunk in the dialect of chat completions says was used: beside the choices, in the first
  /// of them (Moonshot) or in a member of its own (Groq), with the tier.
  public init?(chatAnswer root: JSONView) {
    let places = [root["usage"], root["choices"]?[0]?["usage"], root["x_groq"]?["usage"]]
    for case let place? in places {
      guard var usage = TokenUsage(chat: place) else { continue }
      usage.take(answer: root)
      self = usage
      return
    }
    return nil
  }

  private init?(
    prompt: Int64?, output: Int64?, total: Int64?, read: Int64, written: Int64, reasoning: Int64, needsOutput: Bool
  ) {
    guard prompt != nil || output != nil else { return nil }
    var (prompt, output) = (prompt, output)
    var (read, written) = (read, written)
    if let known = prompt, read.addingClamped(written) > known {
      // Some count the cached part apart, as their sum shows; else nobody knows what they mean, and all of it is fresh.
      let apart = known.addingClamped(read).addingClamped(written)
      if let total, total >= apart.addingClamped(output ?? 0) {
        prompt = apart
      } else {
        (read, written) = (0, 0)
      }
    }
    if let known = prompt, let some = output, let total {
      // Thoughts that are counted in the sum only.
      let rest = total.subtractingClamped(known).subtractingClamped(some)
      if rest > 0 { output = Swift.min(TokenUsage.tokensMax, some.addingClamped(rest)) }
    }
    self.init(
      input: Swift.max(0, (prompt ?? 0) - read - written), cacheRead: prompt == nil ? 0 : read,
      cacheWrite: prompt == nil ? 0 : written, output: output ?? 0, reasoning: Swift.min(reasoning, output ?? 0))
    isPromptReported = prompt != nil
    isOutputReported = output != nil || !needsOutput
  }

  /// Calls of tools at the provider that have a price of their own.
  fileprivate mutating func take(requests usage: JSONView) {
    let tools = usage["server_tool_use"]
    searches = Swift.max(
      searches, tools?.count("web_search_requests", max: TokenUsage.requestsMax) ?? 0,
      usage.count("num_search_queries", max: TokenUsage.requestsMax) ?? 0)
    var others: Int64 = 0
    for (name, value) in tools?.members ?? JSONView.noMembers {
      let name = name.string ?? ""
      // Fetching a page costs its tokens only.
      guard name.hasSuffix("_requests"), name != "web_search_requests", name != "web_fetch_requests" else { continue }
      others = others.addingClamped(value.whole(in: 0...TokenUsage.requestsMax) ?? 0)
    }
    for (_, value) in usage["server_side_tool_usage_details"]?.members ?? JSONView.noMembers {
      others = others.addingClamped(value.whole(in: 0...TokenUsage.requestsMax) ?? 0)
    }
    paidToolCalls = Swift.max(paidToolCalls, others)
  }

  /// Takes over what an answer says beside its `usage`: the tier that it was served at, and its calls of paid tools.
  public mutating func take(answer root: JSONView) {
    let word = root["service_tier"]?.string ?? root["usage"]?["service_tier"]?.string
    if word != nil { tier = ServiceTier(word) }
    if root["usage"]?["speed"]?.string == "fast" { tier = .fast }
    guard let items = root["output"], items.kind == .array else { return }
    var calls: Int64 = 0
    var found: Int64 = 0
    for item in items.elements {
      switch item["type"]?.string {
      case "web_search_call": found += 1
      case "file_search_call", "code_interpreter_call", "image_generation_call", "computer_call": calls += 1
      default: continue
      }
    }
    searches = Swift.max(searches, found)
    paidToolCalls = Swift.max(paidToolCalls, calls)
  }
}

/// The usage of a message (Anthropic) as it comes: whole, or in the first event of a stream and again in the last. What
/// the first event says of the answer is a placeholder; what the last one leaves out or says as zero or null stands as
/// it was said before.
public struct MessageUsage: Sendable, Hashable {
  private var input: Int64?
  private var read: Int64 = 0
  private var written: Int64 = 0
  private var long: Int64 = 0
  private var output: Int64?
  private var reasoning: Int64 = 0
  private var requests = TokenUsage()

  /// Nothing was said yet.
  public init() {}

  /// Takes over what an event says. `isFinal`: its count of the answer is one.
  public mutating func take(_ usage: JSONView?, isFinal: Bool) {
    guard let usage, usage.kind == .object else { return }
    if let value = usage.count("input_tokens") { input = Swift.max(input ?? 0, value) }
    read = Swift.max(read, usage.count("cache_read_input_tokens") ?? 0)
    written = Swift.max(written, usage.count("cache_creation_input_tokens") ?? 0)
    let kinds = usage["cache_creation"]
    long = Swift.max(long, kinds?.count("ephemeral_1h_input_tokens") ?? 0)
    written = Swift.max(written, (kinds?.count("ephemeral_5m_input_tokens") ?? 0).addingClamped(long))
    if isFinal, let value = usage.count("output_tokens") { output = Swift.max(output ?? 0, value) }
    reasoning = Swift.max(reasoning, usage["output_tokens_details"]?.count("thinking_tokens") ?? 0)
    requests.take(requests: usage)
    if let word = usage["service_tier"]?.string { requests.tier = ServiceTier(word) }
    if usage["speed"]?.string == "fast" { requests.tier = .fast }
  }

  /// What is known; nil when nothing is.
  public var usage: TokenUsage? {
    guard input != nil || output != nil || read > 0 || written > 0 else { return nil }
    var usage = TokenUsage(
      input: input ?? 0, cacheRead: read, cacheWrite: Swift.max(0, written - Swift.min(long, written)),
      cacheWriteLong: long, output: output ?? 0, reasoning: Swift.min(reasoning, output ?? 0))
    usage.searches = requests.searches
    usage.paidToolCalls = requests.paidToolCalls
    usage.tier = requests.tier
    usage.isPromptReported = input != nil || read > 0 || written > 0
    usage.isOutputReported = output != nil
    return usage
  }
}

extension JSONView {
  /// A plausible count under a name: a whole number from 0 to `max`.
  fileprivate func count(_ name: String, max: Int64 = TokenUsage.tokensMax) -> Int64? {
    self[name]?.whole(in: 0...max)
  }
}
