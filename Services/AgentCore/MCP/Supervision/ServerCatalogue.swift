package import Contracts
internal import JSON
internal import JSONSchema
package import MCP

/// What a server offers at the moment, by the names of the platform.
package struct ServerCatalogue: Sendable {
  /// One of its tools.
  package struct Entry: Sendable {
    /// The definition, whose digest is what is approved.
    package let definition: ToolDefinition
    /// The digest.
    package let sha256: String
    /// What it leads to.
    package let target: DefinitionMapping.Target
    /// What structured content must fit; `nil` without one, or when the schema is not understood.
    let outputSchema: CompiledSchema?
    /// Headers that repeat arguments.
    let headers: MCPParameterHeaders?
  }

  /// By name.
  package let entries: [String: Entry]
  /// The definitions in the order of the server.
  package let definitions: [ToolDefinition]
  /// Why tools were left out, or are checked less.
  package let faults: [MCPError]

  /// Whether it offers the same tools with the same definitions.
  func isSame(as other: ServerCatalogue) -> Bool {
    entries.count == other.entries.count && entries.allSatisfy { other.entries[$0.key]?.sha256 == $0.value.sha256 }
  }

  /// Nothing.
  package static let empty = ServerCatalogue(entries: [:], definitions: [], faults: [])

  private init(entries: [String: Entry], definitions: [ToolDefinition], faults: [MCPError]) {
    self.entries = entries
    self.definitions = definitions
    self.faults = faults
  }

  /// Maps the tools of a server.
  package init(
    _ server: DefinitionMapping.Server, tools: [MCPTool], _ capabilities: MCPServerCapabilities, faults: [MCPError]
  ) {
    var faults = faults
    var usable: [MCPTool] = []
    var headers: [String: MCPParameterHeaders] = [:]
    for tool in tools {
      do throws(MCPError) {
        headers[tool.name] = try MCPParameterHeaders(inputSchema: tool.inputSchema.root)
        usable.append(tool)
      } catch { faults.append(error) }
    }
    var entries: [String: Entry] = [:]
    var definitions: [ToolDefinition] = []
    let mapped = DefinitionMapping.definitions(of: server, tools: usable, capabilities)
    faults += mapped.faults
    for (definition, target) in mapped.found {
      var schema: CompiledSchema?
      var repeated: MCPParameterHeaders?
      if case .tool(let tool) = target {
        repeated = headers[tool.name]
        if let output = tool.outputSchema {
          schema = try? CompiledSchema(output.root)
          if schema == nil {
            faults.append(MCPError(.invalidResult, "the output schema of \(definition.name) is not understood"))
          }
        }
      }
      definitions.append(definition)
      entries[definition.name] = Entry(
        definition: definition, sha256: definition.sha256, target: target, outputSchema: schema, headers: repeated)
    }
    self.init(entries: entries, definitions: definitions, faults: faults)
  }
}
