internal import HTTPWire
internal import JSON

/// Reads a provider's event stream on its way to the caller: finds the usage and the end, keeps back what was not asked
/// for.
struct StreamRelay {
  private let wantsUsage: Bool
  private var parser = ServerSentEventParser()
  /// The chunk that told the usage.
  private(set) var usage: JSONDocument?
  private(set) var finishReason: String?
  private(set) var sawDone = false

  init(wantsUsage: Bool) { self.wantsUsage = wantsUsage }

  /// Whether the stream came to a proper end.
  var isComplete: Bool { sawDone || finishReason != nil }

  /// The events of a piece that go on to the caller. Throws for an error event and for what is no event stream.
  mutating func pass(_ piece: [UInt8]) throws -> [UInt8] {
    var passed: [UInt8] = []
    passed.reserveCapacity(piece.count)
    for event in try parser.feed(piece) {
      if event.data.elementsEqual("[DONE]".utf8) {
        sawDone = true
      } else if try !inspect(event.data) {
        continue
      }
      event.append(to: &passed)
    }
    return passed
  }

  /// Looks at a chunk only when it can matter; returns whether it goes on.
  private mutating func inspect(_ data: [UInt8]) throws -> Bool {
    guard let document = try? JSONDocument(parsing: data) else {
      throw OpenAIError.provider(
        .badGateway, "provider_garbage", "The provider's stream holds something that is not JSON.", isRetryable: true)
    }
    let root = document.root
    if let error = root["error"], !error.isNull {
      throw OpenAIError.provider(
        .badGateway, "provider_error",
        "The provider broke off with an error: \(error["message"]?.string?.prefix(500) ?? "no message")",
        isRetryable: true)
    }
    if let reason = root["choices"]?[0]?["finish_reason"]?.string { finishReason = reason }
    if root["usage"]?.kind == .object {
      usage = document
      if !wantsUsage, root["choices"]?.count == 0 { return false }
    }
    return true
  }
}
