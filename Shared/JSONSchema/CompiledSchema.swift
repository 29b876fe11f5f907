public import JSON

/// A JSON Schema (draft 2020-12) that was read once and is applied to any number of values. References lead to places
/// of the same document only.
///
///     let schema = try CompiledSchema(JSONDocument(parsing: #"{"type": "integer", "minimum": 1}"#).root)
///     schema.violations(of: JSONDocument(parsing: "0").root)  // "the value must be at least 1"
///
/// Schemas that name an older draft (2019-09, 7, 6) are accepted as long as they use nothing whose meaning has changed.
public struct CompiledSchema: Sendable {
  let nodes: [SchemaNode]
  /// The dynamic anchors of each resource.
  let dynamicAnchors: [[String: SchemaID]]
  let options: SchemaOptions

  /// Compiles a schema. Throws what of it is not understood.
  public init(_ schema: JSONView, options: SchemaOptions = SchemaOptions()) throws(SchemaError) {
    var compiler = SchemaCompiler(options)
    try compiler.compile(schema)
    nodes = compiler.nodes
    dynamicAnchors = compiler.resources.map(\.dynamicAnchors)
    self.options = options
  }

  /// Whether a value fits, which is found faster than why it does not.
  public func accepts(_ value: JSONView) -> Bool {
    var evaluation = SchemaEvaluation(self, isReporting: false)
    return evaluation.run(value).isValid
  }

  /// All ways in which a value breaks the schema, `violationsMax` at most; empty when it fits. When a limit ends the
  /// check, the value counts as wrong, and the last violation says so.
  public func violations(of value: JSONView) -> [SchemaViolation] {
    var steps = options.stepsMax
    return violations(of: value, steps: &steps)
  }

  /// The same with a budget of steps, from which what was used is taken; nothing is left of it when it ends the check.
  public func violations(of value: JSONView, steps: inout Int) -> [SchemaViolation] {
    var evaluation = SchemaEvaluation(self, isReporting: true)
    evaluation.steps = steps
    let result = evaluation.run(value)
    steps = max(0, evaluation.steps)
    return result.violations
  }
}
