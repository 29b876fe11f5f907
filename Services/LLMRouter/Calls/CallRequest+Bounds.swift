internal import Dialects
internal import JSON

/// Bounds of the answer.
extension CallRequest {
  /// No answer shorter than this is worth a call; OpenAI's responses take no lower bound either.
  private static let answerMin: Int64 = 16
  private static let boundMembers: Set<String> = ["max_completion_tokens", "max_tokens", "max_output_tokens"]

  /// The lowest bound that the answer can have: what it may think with stays below it.
  var answerTokensMin: Int64 {
    let thinking = document.root["thinking"]?["budget_tokens"]?.int ?? 0
    return max(0, min(thinking, 1 << 40)) + CallRequest.answerMin
  }

  /// The request with another bound of its answer.
  func bounded(_ tokens: Int64) -> CallRequest {
    let known = CallRequest.bounds(dialect)
    let named = document.root.members.first { known.contains($0.key.string ?? "") && !$0.value.isNull }
    let name =
      named?.key.string
      ?? (dialect == .responses ? "max_output_tokens" : dialect == .chat ? "max_completion_tokens" : "max_tokens")
    var writer = JSONWriter(reservingBytes: document.bytes.count + 64)
    writer.beginObject()
    for (key, value) in document.root.members {
      let other = key.string ?? ""
      if !CallRequest.boundMembers.contains(other) { writer.member(other, raw: value.rawBytes) }
    }
    writer.member(name, tokens)
    writer.endObject()
    guard let document = try? JSONDocument(parsing: writer.bytes) else { return self }
    return CallRequest(self, document, outputTokens: tokens)
  }
}
