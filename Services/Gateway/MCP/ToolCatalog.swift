internal import JSON
internal import JSONSchema
internal import MCP

/// The tools with their compiled schemas, in the order in which they are listed. The same for every caller: what one
/// may do is decided by the API.
struct ToolCatalog: Sendable {
  struct Entry: Sendable {
    let tool: PlatformTool
    let schema: CompiledSchema
    let definition: MCPTool
  }

  let entries: [Entry]
  /// The arguments of a call without any.
  let noArguments: JSONDocument

  /// `waitMax` is the longest wait, in milliseconds. Throws when a schema of ours cannot be compiled.
  init(waitMax: Int64) throws {
    noArguments = try JSONDocument(parsing: "{}")
    entries = try PlatformTool.allCases.map { tool in
      let input = try JSONDocument(parsing: ToolArgument.schema(tool.arguments(waitMax: waitMax)))
      let effects = tool.effects
      return Entry(
        tool: tool, schema: try CompiledSchema(input.root),
        definition: MCPTool(
          name: tool.rawValue, title: tool.title, description: tool.summary, inputSchema: input,
          outputSchema: try JSONDocument(parsing: tool.outputSchema),
          annotations: MCPToolAnnotations(
            readOnly: effects.isReadOnly, destructive: effects.isReadOnly ? nil : effects.isDestructive,
            idempotent: effects.isReadOnly ? nil : effects.isIdempotent, openWorld: effects.isOpenWorld)))
    }
  }

  subscript(_ name: String) -> Entry? { entries.first { $0.tool.rawValue == name } }
}
