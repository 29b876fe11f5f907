public import JSON
internal import JSONSchema

/// Checks a document against a schema that the model has written.
public enum JSONCheck {
  /// What is wrong with the document, or that it fits; or what is wrong with the schema.
  public static func run(_ document: JSONView, schema: JSONView) -> Result<String, ComputeError> {
    var options = SchemaOptions()
    options.subschemasMax = 2000
    do throws(SchemaError) {
      let violations = try CompiledSchema(schema, options: options).violations(of: document)
      guard !violations.isEmpty else { return .success("the document fits the schema") }
      return .success("the document does not fit the schema:" + violations.map { "\n- \($0)" }.joined())
    } catch { return .failure(ComputeError("the schema cannot be used: \(error)")) }
  }
}
