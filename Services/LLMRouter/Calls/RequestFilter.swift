package import Checks
internal import HTTPWire
internal import JSON
internal import ModelCatalog

/// What is refused whatever the caller may do, and what is redacted in messages of providers.
package struct RequestFilter: Sendable {
  private let texts: [[UInt8]]
  private let models: Set<String>
  private let redactions: [Pattern]

  /// A filter. Throws what is wrong with a pattern.
  package init(
    deniedTexts: [String] = [], deniedModels: [String] = [], redactions sources: [String] = []
  ) throws(CheckFault) {
    texts = deniedTexts.filter { !$0.isEmpty }.map { $0.utf8.map(RequestFilter.lower) }
    models = Set(deniedModels)
    var patterns: [Pattern] = []
    for source in sources { patterns.append(try Pattern(source)) }
    redactions = patterns
  }

  private static func lower(_ byte: UInt8) -> UInt8 { (0x41...0x5A).contains(byte) ? byte | 0x20 : byte }

  /// Inspects a request. Throws the refusal, which does not repeat what was found.
  func inspect(_ request: CallRequest) throws(CallFailure) {
    if models.contains(request.model) {
      throw CallFailure(
        status: .forbidden, code: "model_denied", message: "This model may not be called here.", parameter: "model")
    }
    guard !texts.isEmpty else { return }
    if finds(in: request.document.root) {
      throw CallFailure(
        status: .badRequest, code: "content_denied", message: "The request holds a text that is not allowed here.")
    }
  }

  /// Looks into all strings. The depth is bounded by the parser.
  private func finds(in view: JSONView) -> Bool {
    switch view.kind {
    case .string:
      guard let text = view.string else { return false }
      return texts.contains { RequestFilter.contains(text, $0) }
    case .array: return view.elements.contains { finds(in: $0) }
    case .object: return view.members.contains { finds(in: $0.value) }
    default: return false
    }
  }

  /// Whether a model that an alias or tier stands for may be called.
  func allows(_ model: String) -> Bool { !models.contains(model) }

  private static func contains(_ text: String, _ needle: [UInt8]) -> Bool {
    var text = text
    return text.withUTF8 { bytes in
      guard bytes.count >= needle.count else { return false }
      for start in 0...(bytes.count - needle.count) where lower(bytes[start]) == needle[0] {
        var index = 1
        while index < needle.count, lower(bytes[start + index]) == needle[index] { index += 1 }
        if index == needle.count { return true }
      }
      return false
    }
  }

  /// A provider's message without what may not be shown.
  package func redacted(_ text: String) -> String {
    redactions.reduce(text) { $1.replacing(in: $0, with: "[redacted]") }
  }
}
