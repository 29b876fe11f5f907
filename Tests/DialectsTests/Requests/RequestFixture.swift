import Dialects
import JSON
import Testing

/// A request as its provider gets it.
struct Made {
  let root: JSONView
  let dropped: [String]
  let names: NameMap

  /// Translates a request, or brings one in the provider's own dialect into its bounds.
  init(
    _ text: String, _ dialect: Dialect, _ kind: Kind, model: String = "there", limit: Int64? = nil, thinks: Bool = true
  ) throws {
    let target = RequestTarget(model: model, outputTokensLimit: limit, thinks: thinks, rules: kind.rules)
    let made = try RequestTranslator.request(
      try JSONDocument(parsing: text).root, from: dialect, to: kind.wire(dialect), target)
    root = try JSONDocument(parsing: made.bytes).root
    dropped = made.dropped
    names = made.translation.names
  }

  /// All of it as text.
  var text: String { String(decoding: root.rawBytes, as: UTF8.self) }

  /// A part as text.
  func json(_ view: JSONView?) -> String { view.map { String(decoding: $0.rawBytes, as: UTF8.self) } ?? "nothing" }

  func messages() -> [JSONView] { root["messages"]?.elements.map { $0 } ?? [] }

  /// The roles in their order.
  var roles: String { messages().map { $0["role"]?.string ?? "?" }.joined(separator: " ") }
}

/// Kinds of providers.
enum Kind: String, CaseIterable, CustomTestStringConvertible {
  case openai, compatible, anthropic

  var testDescription: String { rawValue }

  var rules: ProviderRules {
    switch self {
    case .openai: .openai
    case .compatible: .compatible
    case .anthropic: .anthropic
    }
  }

  func wire(_ dialect: Dialect) -> Dialect {
    switch (self, dialect) {
    case (.anthropic, _): .messages
    case (.openai, .responses): .responses
    default: .chat
    }
  }
}
