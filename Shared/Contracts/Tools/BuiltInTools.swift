/// The tools that are part of the platform: data only, so that they can be listed where none of them can run.
public enum BuiltInTools {
  /// All of them, by group.
  public static let all: [ToolDefinition] = computing + text + json + workspace + people + network + sandbox

  /// The built-in of a name.
  public static func named(_ name: String) -> ToolDefinition? { all.first { $0.name == name } }

  /// Makes the definition of a built-in. `parameters` are the members of the schema's `properties`.
  static func tool(
    _ name: String, _ risk: ToolRisk, _ description: String, properties: String, required: [String] = [],
    isIdempotent: Bool = true, isVolatile: Bool = false, timeoutMilliseconds: Int64 = 10_000,
    resultBytesMax: Int64 = 32 << 10
  ) -> ToolDefinition {
    let names = required.map { "\"\($0)\"" }.joined(separator: ",")
    return ToolDefinition(
      name: name, description: description,
      parameters: Array(
        "{\"type\":\"object\",\"properties\":{\(properties)},\"required\":[\(names)],\"additionalProperties\":false}"
          .utf8), risk: risk, isIdempotent: isIdempotent, isVolatile: isVolatile,
      timeoutMilliseconds: timeoutMilliseconds, resultBytesMax: resultBytesMax, source: .builtIn)
  }
}
