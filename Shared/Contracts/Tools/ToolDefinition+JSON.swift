public import JSON

extension ToolDefinition {
  /// Writes the definition as an object.
  public func write(to writer: inout JSONWriter) {
    writer.beginObject()
    writeMembers(to: &writer)
    writer.endObject()
  }

  /// Writes the members of the definition into an object that is open, for messages that add to them.
  public func writeMembers(to writer: inout JSONWriter) {
    writeMeaning(to: &writer)
    writer.member("timeout_ms", timeoutMilliseconds)
    writer.member("result_bytes_max", resultBytesMax)
  }

  /// Writes the members that its digest is made of.
  func writeMeaning(to writer: inout JSONWriter) {
    writer.member("name", name)
    writer.member("description", description)
    writer.member("parameters", raw: parameters)
    writer.member("risk", risk.rawValue)
    writer.member("idempotent", isIdempotent)
    writer.member("volatile", isVolatile)
    writer.member("source", source.description)
  }

  /// Reads what `write(to:)` writes; other members are ignored. `nil` when something is missing or outside of its
  /// limits.
  public init?(_ view: JSONView) {
    guard let name = view["name"]?.string, let description = view["description"]?.string,
      let parameters = view["parameters"], parameters.kind == .object,
      let risk = view["risk"]?.string.flatMap({ ToolRisk(rawValue: $0) }),
      let source = view["source"]?.string.flatMap({ ToolSource($0) })
    else { return nil }
    self.init(
      name: name, description: description, parameters: Array(parameters.rawBytes), risk: risk,
      isIdempotent: view["idempotent"]?.bool ?? false, isVolatile: view["volatile"]?.bool ?? false,
      timeoutMilliseconds: view["timeout_ms"]?.int ?? 30_000,
      resultBytesMax: view["result_bytes_max"]?.int ?? 32 << 10, source: source)
    guard isWithinLimits else { return nil }
  }
}
