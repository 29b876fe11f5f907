public import Contracts
public import JSON
internal import JSONSchema

/// The arguments of a call as a model has written them, read in favour of the model where only one thing can be meant.
///
/// Read as they stand first. What does not fit the schema is tried again with these changes, and only what then fits is
/// taken: `"3"` for a number, `"true"` for a boolean, a number or boolean for a string, a string that holds the JSON of
/// a list or object for that, and no member for a `null` that is not required. Around the whole: a code fence, a string
/// that holds the object, no text at all for `{}`.
public enum ToolArguments {
  /// Largest arguments.
  public static let bytesMax = 1 << 20
  private static let limits = JSONLimits(depthMax: 64, bytesMax: bytesMax, nodesMax: 200_000)
  /// A schema that is longer is not repeated to the model.
  private static let repeatedSchemaBytesMax = 2000

  /// The object that is meant, or the answer for the model that says what is wrong.
  public static func read(_ text: String, for definition: ToolDefinition, schema: CompiledToolSchema)
    -> Result<JSONDocument, ToolArgumentsError>
  {
    guard text.utf8.count <= bytesMax else {
      return .failure(ToolArgumentsError("the arguments are longer than \(bytesMax) bytes"))
    }
    guard let document = parse(text) else {
      return .failure(ToolArgumentsError("the arguments are not a JSON object" + repeated(definition)))
    }
    let violations = schema.violations(of: document.root)
    if violations.isEmpty { return .success(document) }
    var writer = JSONWriter()
    ArgumentCoercion.write(document.root, schema.root, to: &writer, depth: 0)
    if let changed = try? JSONDocument(parsing: writer.bytes, limits: limits), schema.accepts(changed.root) {
      return .success(changed)
    }
    let faults = violations.prefix(8).map { "\n- \($0)" }.joined()
    return .failure(
      ToolArgumentsError("the arguments do not fit the schema of \(definition.name):\(faults)" + repeated(definition)))
  }

  private static func repeated(_ definition: ToolDefinition) -> String {
    guard definition.parameters.count <= repeatedSchemaBytesMax else { return "" }
    return "\nThe schema: " + String(decoding: definition.parameters, as: UTF8.self)
  }

  /// The object in what a model has written.
  private static func parse(_ text: String) -> JSONDocument? {
    let bytes = trimmed(Array(text.utf8)[...])
    if bytes.isEmpty || bytes.elementsEqual("null".utf8) { return try? JSONDocument(parsing: "{}") }
    guard let document = object(bytes) ?? object(unfenced(bytes)) else { return nil }
    if document.root.kind == .object { return document }
    // Written twice: a string with the object in it.
    guard let inner = document.root.string else { return nil }
    let again = object(trimmed(Array(inner.utf8)[...]))
    return again?.root.kind == .object ? again : nil
  }

  private static func object(_ bytes: ArraySlice<UInt8>) -> JSONDocument? {
    guard !bytes.isEmpty else { return nil }
    return try? JSONDocument(lenientlyParsing: Array(bytes), limits: limits)
  }

  private static func trimmed(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
    var bytes = bytes
    while let first = bytes.first, first <= 0x20 { bytes.removeFirst() }
    while let last = bytes.last, last <= 0x20 { bytes.removeLast() }
    return bytes
  }

  /// What stands between ``` and ```, without the name of a language.
  private static func unfenced(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
    let fence = Array("```".utf8)
    guard bytes.starts(with: fence), bytes.count >= 6, bytes.suffix(3).elementsEqual(fence) else { return [] }
    let inner = bytes.dropFirst(3).dropLast(3).drop { $0 != UInt8(ascii: "{") && $0 != UInt8(ascii: "\n") }
    return trimmed(inner)
  }
}

/// Why arguments cannot be used, in words for the model.
public struct ToolArgumentsError: Error, Hashable, Sendable {
  /// A clause and what is wrong where, with JSON pointers.
  public let message: String

  init(_ message: String) { self.message = message }
}

/// The schema of a tool's parameters, compiled.
public struct CompiledToolSchema: Sendable {
  private let compiled: CompiledSchema
  let root: JSONView

  /// Compiles the parameters of a definition; `nil` when they are no schema that can be checked.
  public init?(_ definition: ToolDefinition) {
    var options = SchemaOptions()
    options.violationsMax = 8
    options.stepsMax = 500_000
    options.subschemasMax = 2000
    guard let document = try? JSONDocument(parsing: definition.parameters, limits: JSONLimits(depthMax: 64)),
      let compiled = try? CompiledSchema(document.root, options: options)
    else { return nil }
    root = document.root
    self.compiled = compiled
  }

  func violations(of value: JSONView) -> [String] { compiled.violations(of: value).map(\.description) }

  func accepts(_ value: JSONView) -> Bool { compiled.accepts(value) }
}
