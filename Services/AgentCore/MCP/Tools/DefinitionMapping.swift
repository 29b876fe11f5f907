package import Contracts
internal import Crypto
internal import JSON
package import MCP
internal import Primitives

/// Makes definitions of the platform out of what a server offers. Pure, and the same for every worker, because the
/// digest of a definition is what was approved.
package enum DefinitionMapping {
  /// What a definition leads to.
  package enum Target: Sendable {
    /// A tool of the server.
    case tool(MCPTool)
    /// Reads a resource by its URI.
    case readResource
    /// Lists resources and templates.
    case listResources
    /// Gets a prompt by name and arguments.
    case getPrompt
    /// Lists prompts.
    case listPrompts
  }

  /// What is known of a server when its tools are named.
  package struct Server: Sendable {
    /// The name that begins the names of its tools.
    package let name: String
    /// The lowest risk of its tools.
    package let risk: ToolRisk
    /// Whether the operator believes what the server says about effects.
    package let isTrusted: Bool
    /// Time for one call.
    package let timeoutMilliseconds: Int64

    /// Describes a registered server. What a program or a remote system does is not known, so its tools are never less
    /// than `execute`, or `network` where they reach other systems.
    package init(_ server: RegisteredMCPServer) {
      name = server.name
      isTrusted = server.trust == .approve
      timeoutMilliseconds = min(max(1, server.timeoutMilliseconds), ToolDefinition.timeoutMillisecondsMax)
      risk = server.riskMin
    }
  }

  /// The definitions of a server's tools, and of what reads its resources and prompts. Tools whose definition is beyond
  /// the platform's limits, and second ones of a name, are left out; `faults` says of the first 20 why.
  package static func definitions(
    of server: Server, tools: [MCPTool], _ capabilities: MCPServerCapabilities
  ) -> (found: [(definition: ToolDefinition, target: Target)], faults: [MCPError]) {
    var found: [(definition: ToolDefinition, target: Target)] = []
    var faults: [MCPError] = []
    var names: Set<String> = []
    var size = ReportSize()
    func add(_ definition: ToolDefinition, _ target: Target) {
      let reason =
        found.count >= WorkspaceLimits.mcpToolsMax
        ? "there are more than \(WorkspaceLimits.mcpToolsMax)"
        : !definition.isWithinLimits
          ? "it is larger than a definition may be"
          : names.contains(definition.name)
            ? "another one has its name"
            : size.takes(definition, target) ? nil : "all together are larger than a report may be"
      guard let reason else {
        names.insert(definition.name)
        return found.append((definition, target))
      }
      // A tool of the server takes the place of what reads its resources and prompts.
      guard case .tool(let tool) = target, faults.count < faultsMax else { return }
      let name = MCPText.plain(tool.name, bytesMax: 64)
      faults.append(MCPError(.invalidResult, "the definition of \(name) is left out: \(reason)"))
    }
    for tool in tools { add(definition(of: tool, server), .tool(tool)) }
    if capabilities.resources {
      add(reading(server, "read_resource", readDescription, readSchema), .readResource)
      add(reading(server, "list_resources", listDescription, noArguments), .listResources)
    }
    if capabilities.prompts {
      add(reading(server, "get_prompt", promptDescription, promptSchema), .getPrompt)
      add(reading(server, "list_prompts", promptsDescription, noArguments), .listPrompts)
    }
    return (found, faults)
  }

  private static func definition(of tool: MCPTool, _ server: Server) -> ToolDefinition {
    let hints = tool.annotations
    // A hint can raise the risk and never lower it.
    let risk: ToolRisk = hints.openWorld == true ? .network : server.risk
    let isRepeatable = hints.readOnly == true || hints.idempotent == true
    return ToolDefinition(
      name: name(server.name, tool.name), description: tool.description ?? tool.title ?? tool.name,
      parameters: tool.inputSchema.root.canonicalBytes(), risk: risk,
      isIdempotent: server.isTrusted && isRepeatable, isVolatile: true,
      timeoutMilliseconds: server.timeoutMilliseconds, source: .mcp(server: server.name))
  }

  private static func reading(
    _ server: Server, _ name: String, _ description: String, _ schema: String
  ) -> ToolDefinition {
    ToolDefinition(
      name: DefinitionMapping.name(server.name, name), description: description, parameters: Array(schema.utf8),
      risk: server.risk, isIdempotent: true, isVolatile: true, timeoutMilliseconds: server.timeoutMilliseconds,
      source: .mcp(server: server.name))
  }

  /// `SERVER__TOOL`. What providers do not allow in names becomes `_`, and then, or when the name is too long, eight
  /// digits of a digest make it unique.
  package static func name(_ server: String, _ tool: String) -> String {
    let plain = server + "__" + tool
    if ToolDefinition.isName(plain) { return plain }
    let digest = Hex.encode(Digest.sha256(Array(tool.utf8))).prefix(8)
    let letters = plain.utf8.map { byte in
      ToolDefinition.isName(String(decoding: [byte], as: UTF8.self)) ? byte : UInt8(ascii: "_")
    }
    let room = ToolDefinition.nameBytesMax - digest.utf8.count - 1
    return String(decoding: letters.prefix(room), as: UTF8.self) + "_" + digest
  }

  /// What of a report on a server is taken by its definitions: one that is too large would never arrive, and nobody
  /// could approve anything.
  private struct ReportSize {
    private static let bytesMax = WorkspaceLimits.mcpReportBytesMax - (64 << 10)
    private static let nodesMax = 200_000
    /// Members of a definition beside its texts.
    private static let overheadBytes = 512

    private var bytes = 0
    private var nodes = 0

    mutating func takes(_ definition: ToolDefinition, _ target: Target) -> Bool {
      // Quotes and line feeds take two bytes.
      let more = definition.parameters.count + 2 * definition.description.utf8.count + ReportSize.overheadBytes
      var moreNodes = 0
      if case .tool(let tool) = target { moreNodes = ReportSize.nodes(tool.inputSchema.root) }
      guard bytes + more <= ReportSize.bytesMax, nodes + moreNodes <= ReportSize.nodesMax else { return false }
      bytes += more
      nodes += moreNodes
      return true
    }

    private static func nodes(_ value: JSONView) -> Int {
      switch value.kind {
      case .object: value.members.reduce(1) { $0 + 1 + nodes($1.value) }
      case .array: value.elements.reduce(1) { $0 + nodes($1) }
      default: 1
      }
    }
  }

  private static let faultsMax = 20
  private static let noArguments = #"{"additionalProperties":false,"properties":{},"type":"object"}"#
  private static let readDescription = "Reads a resource of the server by its URI."
  private static let readSchema =
    #"{"additionalProperties":false,"properties":{"uri":{"maxLength":4096,"minLength":1,"type":"string"}},"#
    + #""required":["uri"],"type":"object"}"#
  private static let listDescription = "Lists the resources of the server and the templates of their URIs."
  private static let promptDescription = "Gets a prompt of the server by its name, filled with arguments."
  private static let promptSchema =
    #"{"additionalProperties":false,"properties":{"arguments":{"additionalProperties":{"type":"string"},"#
    + #""type":"object"},"name":{"maxLength":256,"minLength":1,"type":"string"}},"required":["name"],"type":"object"}"#
  private static let promptsDescription = "Lists the prompts of the server and their arguments."
}
