internal import JSON

/// The schema of a tool's arguments.
enum ToolSchema {
  private static let choices = ["anyOf", "oneOf", "allOf"]
  static let empty = JSONNode.members(("type", .string("object")), ("properties", .object([])))

  /// The schema as providers take it: an object with properties; nil when it is so already.
  static func fixed(_ schema: JSONNode?, _ rules: ProviderRules, needsProperties: Bool) -> JSONNode? {
    guard var schema, schema.kind == .object else { return empty }
    var isChanged = false
    if !rules.takesSchemaChoices { isChanged = flatten(&schema) }
    if schema["type"]?.string != "object" {
      schema.set("type", .string("object"))
      isChanged = true
    }
    if needsProperties, schema["properties"]?.kind != .object {
      schema.set("properties", .object([]))
      isChanged = true
    }
    return isChanged ? schema : nil
  }

  /// A choice at the root becomes one object that takes what any of its branches takes.
  private static func flatten(_ schema: inout JSONNode) -> Bool {
    var branches: [(choice: String, schema: JSONNode)] = []
    var isChanged = false
    for choice in choices {
      guard let list = schema[choice] else { continue }
      branches += list.elements.map { (choice, $0) }
      schema.remove(choice)
      isChanged = true
    }
    guard isChanged else { return false }
    var properties = schema["properties"]?.members ?? []
    var names = Set(properties.map(\.key))
    var required = schema["required"]?.elements.compactMap(\.string) ?? []
    for (choice, branch) in branches {
      for member in branch["properties"]?.members ?? [] where names.insert(member.key).inserted {
        properties.append(member)
      }
      if choice == "allOf" { required += branch["required"]?.elements.compactMap(\.string) ?? [] }
    }
    schema.set("properties", .object(properties))
    if !required.isEmpty { schema.set("required", .array(required.map { .string($0) })) }
    return true
  }

  /// Whether a schema is one that OpenAI enforces: every object closed, every property required.
  static func isStrict(_ schema: JSONNode?) -> Bool {
    guard let schema else { return false }
    return schema["type"]?.string == "object" && isClosed(schema)
  }

  private static func isClosed(_ schema: JSONNode) -> Bool {
    if let properties = schema["properties"] ?? (schema["type"]?.string == "object" ? .object([]) : nil) {
      guard schema["additionalProperties"]?.bool == false else { return false }
      let required = Set(schema["required"]?.elements.compactMap(\.string) ?? [])
      guard required == Set(properties.members.map(\.key)) else { return false }
    }
    for name in ["properties", "$defs", "definitions"] {
      guard (schema[name]?.members ?? []).allSatisfy({ isClosed($0.value) }) else { return false }
    }
    if let items = schema["items"], !isClosed(items) { return false }
    return choices.allSatisfy { (schema[$0]?.elements ?? []).allSatisfy(isClosed) }
  }
}
