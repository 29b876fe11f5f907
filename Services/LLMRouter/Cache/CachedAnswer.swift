internal import JSON
package import Pricing

/// An answer as it is kept.
package struct CachedAnswer: Sendable {
  package var model: String
  package var provider: String
  package var usage: TokenUsage
  /// What it has cost once.
  package var nanoUSD: Int64?
  package var contentType: String
  package var body: [UInt8]

  var bytes: [UInt8] {
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

  init?(bytes: [UInt8]) {
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

  /// An answer with what it has cost.
  package init(
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
