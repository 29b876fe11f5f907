internal import JSON
internal import JSONSchema

/// What the final answer must look like: a JSON document that fits a schema.
struct OutputCheck: Sendable {
  private static let faultsMax = 8
  private static let documentLimits = JSONLimits(depthMax: 64)

  /// The schema, as it is sent to providers.
  let schema: [UInt8]
  private let compiled: CompiledSchema

  /// `nil` when any text will do, or the schema is none.
  init?(_ input: AgentInput) {
    let source: JSONDocument?
    if let given = input.outputSchema {
      source = given
    } else {
      switch input.job {
      case .plan: source = try? JSONDocument(parsing: OutputCheck.plan)
      case .review: source = try? JSONDocument(parsing: OutputCheck.verdict)
      case .execute, .synthesise: source = nil
      }
    }
    guard let source, let compiled = try? CompiledSchema(source.root, options: OutputCheck.options) else { return nil }
    schema = Array(source.root.rawBytes)
    self.compiled = compiled
  }

  /// What is wrong with a schema; `nil` when nothing is.
  static func fault(ofSchema view: JSONView) -> String? {
    do {
      _ = try CompiledSchema(view, options: options)
      return nil
    } catch { return "\(error)." }
  }

  private static let options: SchemaOptions = {
    var options = SchemaOptions()
    options.subschemasMax = 2000
    options.violationsMax = faultsMax
    options.stepsMax = 500_000
    return options
  }()

  /// What is said to a model about the form of its answer, for providers that do not enforce it.
  var instruction: String {
    "Your final answer is one JSON document without anything around it. It fits this JSON Schema: "
      + String(decoding: schema, as: UTF8.self)
  }

  /// What an answer is worth.
  enum Verdict {
    /// It fits.
    case fits(JSONDocument)
    /// It does not; what is wrong, in a sentence.
    case broken(String)
  }

  /// Judges an answer. What models write around a document, words and code fences, is left aside.
  func judge(_ text: String) -> Verdict {
    guard let document = OutputCheck.document(in: text) else { return .broken("It is not a JSON document.") }
    let violations = compiled.violations(of: document.root)
    guard !violations.isEmpty else { return .fits(document) }
    return .broken(violations.prefix(OutputCheck.faultsMax).map { "\($0)" }.joined(separator: "; ") + ".")
  }

  private static func document(in text: String) -> JSONDocument? {
    let bytes = Array(text.utf8)
    if let whole = try? JSONDocument(parsing: bytes, limits: documentLimits) { return whole }
    for (open, close) in [("{", "}"), ("[", "]")] as [(Character, Character)] {
      guard let open = open.asciiValue, let close = close.asciiValue, let start = bytes.firstIndex(of: open),
        let end = bytes.lastIndex(of: close), start < end
      else { continue }
      let inner = Array(bytes[start...end])
      if let document = try? JSONDocument(lenientlyParsing: inner, limits: documentLimits) { return document }
    }
    return nil
  }

  // MARK: Forms of jobs

  /// A plan, as the orchestrator expands it.
  static let plan = #"""
    {"type":"object","properties":{"steps":{"type":"array","minItems":1,"maxItems":500,"items":{"type":"object",\#
    "properties":{"key":{"type":"string","pattern":"^[a-z][a-z0-9_-]{0,63}$"},"prompt":{"type":"string",\#
    "minLength":1},"depends_on":{"type":"array","items":{"type":"string"},"maxItems":50},"agent":{"type":"string"},\#
    "model":{"type":"string"}},"required":["key","prompt"]}}},"required":["steps"]}
    """#

  /// A verdict with its reasons.
  static let verdict = #"""
    {"type":"object","properties":{"verdict":{"type":"string","enum":["approve","reject"]},"reasons":{"type":"array",\#
    "items":{"type":"string"},"maxItems":50}},"required":["verdict","reasons"]}
    """#
}
