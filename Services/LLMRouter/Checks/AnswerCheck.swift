public import JSON
internal import JSONSchema

/// What an answer has to be like. One that is not is paid for and not used: a larger model is asked.
public struct AnswerCheck: Sendable {
  /// Longer answers are not looked at, and fail.
  private static let bytesMax = 1 << 20

  private var isNonEmpty = false
  private var isJSON = false
  private var pattern: Pattern?
  private var schema: CompiledSchema?

  /// Schemas are written for this purpose, so a keyword that is not known is a mistake.
  private static var schemaOptions: SchemaOptions {
    var options = SchemaOptions()
    options.unknownKeywords = .refused
    options.schemaDepthMax = 32
    options.subschemasMax = 1000
    options.violationsMax = 1
    options.stepsMax = 1_000_000
    return options
  }

  /// Not empty, or JSON.
  public init(isNonEmpty: Bool = false, isJSON: Bool = false) {
    self.isNonEmpty = isNonEmpty
    self.isJSON = isJSON
  }

  /// Reads `{"non_empty": true, "json": true, "pattern": "...", "json_schema": {...}}`. Throws what is wrong with it.
  public init(_ view: JSONView) throws(CheckFault) {
    guard view.kind == .object, view.count > 0 else { throw CheckFault("a check has at least one rule") }
    for (key, value) in view.members {
      switch key.string ?? "" {
      case "non_empty": isNonEmpty = value.bool ?? false
      case "json": isJSON = value.bool ?? false
      case "pattern": pattern = try Pattern(value.string ?? "")
      case "json_schema":
        do { schema = try CompiledSchema(value, options: AnswerCheck.schemaOptions) } catch {
          throw CheckFault("the schema is not understood: \(error)")
        }
      default: throw CheckFault("a check has non_empty, json, pattern and json_schema")
      }
    }
  }

  /// Why a text is not good enough, nil when it is.
  public func fault(in text: String) -> String? {
    guard text.utf8.count <= AnswerCheck.bytesMax else { return "the answer is too long to be checked" }
    if isNonEmpty, !text.unicodeScalars.contains(where: { !$0.properties.isWhitespace }) {
      return "the answer is empty"
    }
    if let pattern, !pattern.matches(text) {
      return text.utf8.count > Pattern.textBytesMax
        ? "the answer is too long to be matched" : "the answer does not match the pattern"
    }
    guard isJSON || schema != nil else { return nil }
    guard let document = try? JSONDocument(parsing: AnswerCheck.unfenced(text)) else { return "the answer is no JSON" }
    return schema?.violations(of: document.root).first.map { "the answer breaks the schema: \($0)" }
  }

  /// The inner part of a text that is one fenced block of Markdown, as models like to write JSON.
  static func unfenced(_ text: String) -> String {
    var inner = Substring(text)
    while let first = inner.first, first.isWhitespace { inner = inner.dropFirst() }
    while let last = inner.last, last.isWhitespace { inner = inner.dropLast() }
    guard inner.hasPrefix("```"), inner.hasSuffix("```"), inner.utf8.count >= 6, let end = inner.firstIndex(of: "\n")
    else { return String(inner) }
    return String(inner[inner.index(after: end)...].dropLast(3))
  }
}
