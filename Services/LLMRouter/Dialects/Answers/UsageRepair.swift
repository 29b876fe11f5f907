public import JSON
public import Pricing

/// Answers and events in the caller's own dialect go on as they came, but for counts that cannot be true: clients add
/// them up.
public enum UsageRepair {
  private static let places = [["usage"], ["message", "usage"], ["response", "usage"], ["x_groq", "usage"]]

  /// The text with the counts of the ledger in the place of the provider's; nil when nothing is to be changed. With
  /// `isFinal` counts that the ledger did not believe, such as zeros, are replaced too.
  public static func repaired(
    _ root: JSONView, _ dialect: Dialect, _ accounted: (usage: TokenUsage, isEstimated: Bool), isFinal: Bool
  ) -> [UInt8]? {
    var edits: [Splice] = []
    for place in places {
      var view: JSONView? = root
      for name in place { view = view?[name] }
      guard let view, view.kind == .object else { continue }
      let isWrong = !isSane(view, isEvent: place.count > 1 || !isFinal)
      guard isWrong || (isFinal && accounted.isEstimated) else { continue }
      let fields = UsageFields(accounted.usage)
      let value =
        switch dialect {
        case .messages: fields.message
        case .responses: fields.response
        default: fields.chat
        }
      edits.append(Splice(range: view.rawBytes.indices, bytes: value.bytes))
    }
    return edits.isEmpty ? nil : Splice.apply(edits, to: root.document.bytes)
  }

  /// Whether all counts of tokens are counts. The depth is bounded by the parser.
  private static func isSane(_ view: JSONView, isEvent: Bool) -> Bool {
    for (key, value) in view.members {
      switch value.kind {
      case .object: if !isSane(value, isEvent: true) { return false }
      case .null: if !isEvent, needed.contains(key.string ?? "") { return false }
      default:
        guard key.withString({ $0.suffix(7).elementsEqual("_tokens".utf8) }) ?? false else { continue }
        guard let count = value.int, count >= 0, count <= TokenUsage.tokensMax else { return false }
      }
    }
    return true
  }

  private static let needed: Set<String> = [
    "prompt_tokens", "completion_tokens", "total_tokens", "input_tokens", "output_tokens",
  ]
}
