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
    guard let document = JSONDocument(objectIn: text, limits: limits) else {
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
