/// How much of a model's context a conversation takes, and which turns have to be summarised.
///
/// The estimate is one token for four bytes of the request. As soon as a provider has counted a prompt, its count
/// stands for the bytes of that request, and the estimate only for what was added since.
struct ContextWindow: Sendable {
  /// The share of the limit from which on turns are summarised, in percent.
  static let fullPercent: Int64 = 80
  /// The share of the limit that the turns may take that are kept as they are, in percent.
  static let keptPercent: Int64 = 40
  private static let bytesPerToken: Int64 = 4

  let tokensMax: Int64
  private var counted: (tokens: Int64, bytes: Int)?

  init(tokensMax: Int64) { self.tokensMax = tokensMax }

  /// A provider has counted the prompt of a request. What cannot be true is left aside.
  mutating func counted(_ tokens: Int64, forBytes bytes: Int) {
    guard tokens > 0, tokens <= Int64(bytes) else { return }
    counted = (tokens, bytes)
  }

  /// The conversation was rewritten: earlier counts say nothing about it.
  mutating func forget() { counted = nil }

  /// Tokens of a request of so many bytes.
  func tokens(ofBytes bytes: Int) -> Int64 {
    guard let counted, bytes >= counted.bytes else { return Int64(bytes) / ContextWindow.bytesPerToken }
    return counted.tokens + Int64(bytes - counted.bytes) / ContextWindow.bytesPerToken
  }

  /// How many of the oldest turns have to be summarised before a request of `bytes` is sent; 0 for none. The last turn
  /// always stays.
  func turnsToSummarise(_ turnBytes: [Int], requestBytes bytes: Int) -> Int {
    let tokens = tokens(ofBytes: bytes)
    guard turnBytes.count > 1, tokens > tokensMax * ContextWindow.fullPercent / 100 else { return 0 }
    // By the provider's count a byte may be more or less than a quarter of a token.
    let keptBytes = Double(bytes) * Double(tokensMax * ContextWindow.keptPercent / 100) / Double(max(1, tokens))
    var kept = 0
    var sum = 0.0
    for size in turnBytes.reversed() {
      sum += Double(size)
      guard kept == 0 || sum <= keptBytes else { break }
      kept += 1
    }
    return turnBytes.count - min(kept, turnBytes.count - 1)
  }

  /// Bytes of one result among `count` of a turn.
  func resultBytesMax(among count: Int) -> Int {
    let bytes = tokensMax * ContextWindow.bytesPerToken
    return Int(clamping: max(1024, min(64 << 10, bytes / 8, bytes / 2 / Int64(max(1, count)))))
  }
}
