internal import JSON
internal import Pricing
internal import Reactor
internal import Redis
internal import Synchronization
internal import Telemetry

/// An answer as it is kept.
struct CachedAnswer: Sendable {
  var model: String
  var provider: String
  var usage: TokenUsage
  /// What it has cost once.
  var nanoUSD: Int64?
  var contentType: String
  var body: [UInt8]

  fileprivate var bytes: [UInt8] {
    var writer = JSONWriter()
    writer.beginObject()
    writer.member("model", model)
    writer.member("provider", provider)
    writer.member("input", usage.input)
    writer.member("cache_read", usage.cacheRead)
    writer.member("cache_write", usage.cacheWrite + usage.cacheWriteLong)
    writer.member("output", usage.output)
    writer.member("reasoning", usage.reasoning)
    writer.member("nano_usd", ifPresent: nanoUSD)
    writer.member("type", contentType)
    writer.endObject()
    return writer.bytes + [10] + body
  }

  fileprivate init?(bytes: [UInt8]) {
    guard let end = bytes.firstIndex(of: 10), let root = try? JSONDocument(parsing: Array(bytes[..<end])).root,
      let model = root["model"]?.string, let provider = root["provider"]?.string, let type = root["type"]?.string
    else { return nil }
    self.model = model
    self.provider = provider
    usage = TokenUsage(
      input: root["input"]?.int ?? 0, cacheRead: root["cache_read"]?.int ?? 0,
      cacheWrite: root["cache_write"]?.int ?? 0, output: root["output"]?.int ?? 0,
      reasoning: root["reasoning"]?.int ?? 0)
    nanoUSD = root["nano_usd"]?.int
    contentType = type
    body = Array(bytes[(end + 1)...])
  }

  init(
    model: String, provider: String, usage: TokenUsage, nanoUSD: Int64?, contentType: String, body: [UInt8]
  ) {
    self.model = model
    self.provider = provider
    self.usage = usage
    self.nanoUSD = nanoUSD
    self.contentType = contentType
    self.body = body
  }
}

/// Answers in Redis. Without Redis nothing is found and nothing kept: slower, never wrong.
struct PromptCache: Sendable {
  let redis: RedisPool
  let mode: CacheMode
  let standardSeconds: Int64
  /// Larger answers are not kept.
  let bytesMax: Int
  let metrics: CacheMetrics

  func find(_ key: CacheKey) async -> CachedAnswer? {
    do {
      guard let bytes = try await redis.get(RedisArgument(key.text)) else { return nil }
      return CachedAnswer(bytes: bytes)
    } catch {
      metrics.errors.add()
      return nil
    }
  }

  func keep(_ key: CacheKey, _ answer: CachedAnswer, seconds: Int64) async {
    guard answer.body.count <= bytesMax else { return }
    do {
      _ = try await redis.send(
        RedisCommand([
          "SET", RedisArgument(key.text), RedisArgument(answer.bytes), "EX", .integer(seconds),
        ]))
      metrics.stores.add()
    } catch {
      metrics.errors.add()
    }
  }
}

/// The storing of one answer, beside its way to the caller.
final class Keeping: Sendable {
  private let task = Mutex<Task<Void, any Error>?>(nil)

  func begin(_ body: @escaping @Sendable () async -> Void) {
    let started = EventLoop.current?.task { await body() }
    task.withLock { $0 = started }
  }

  /// Returns when the answer is kept, at once when nothing is to be kept.
  func wait() async { _ = await task.withLock { $0 }?.result }
}

/// Metrics of the prompt cache.
struct CacheMetrics: Sendable {
  let lookups: CounterFamily
  let stores: Counter
  let errors: Counter
  let saved: Counter

  init(registry: MetricsRegistry) {
    lookups = registry.counter(
      "cadre_prompt_cache_lookups_total", help: "Calls that asked the prompt cache, by result.", labels: ["result"])
    stores = registry.counter("cadre_prompt_cache_stores_total", help: "Answers that were kept.")
    errors = registry.counter(
      "cadre_prompt_cache_errors_total", help: "Times that the cache was away; the call went on without.")
    saved = registry.counter(
      "cadre_prompt_cache_saved_nanousd_total",
      help: "What answers from the cache would have cost, in billionths of a US dollar.")
  }
}
