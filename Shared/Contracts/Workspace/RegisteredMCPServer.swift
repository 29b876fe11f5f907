public import JSON

/// An MCP server as workers know it. Values of its environment and header fields are not in it: see `MCPSecrets`.
public struct RegisteredMCPServer: Hashable, Sendable {
  /// How it is reached.
  public enum Transport: Hashable, Sendable {
    /// A program that a worker starts.
    case stdio(command: String, arguments: [String], environmentNames: [String])
    /// Streamable HTTP.
    case http(url: String, headerNames: [String])
  }

  /// Whether new tools of the server need a person's approval.
  public enum Trust: String, Hashable, Sendable, CaseIterable {
    /// A tool is approved as it is first seen.
    case pin
    /// Each tool is approved by a person.
    case approve
  }

  /// The server.
  public let id: MCPServerID
  /// The name, which begins the names of its tools: 1 to 24 of `A-Z a-z 0-9 -`.
  public let name: String
  /// Grows with every change of how it is reached; a connection of another version is made anew.
  public let version: Int64
  /// How it is reached.
  public let transport: Transport
  /// Whether new tools need approval.
  public let trust: Trust
  /// Whether a program asks for the network; a worker grants the ports that its operator allows, or does not start it.
  public let usesNetwork: Bool
  /// Time for one of its calls.
  public let timeoutMilliseconds: Int64
  /// The definitions that are approved; no other tool of the server is offered, and none whose definition differs.
  public let tools: [ToolDefinition]

  /// The lowest risk of its tools. What a program or a remote system does is not known; what it can reach is.
  public var riskMin: ToolRisk {
    switch transport {
    case .stdio: usesNetwork ? .network : .execute
    case .http: .network
    }
  }

  /// Makes a server.
  public init(
    id: MCPServerID, name: String, version: Int64, transport: Transport, trust: Trust, usesNetwork: Bool = false,
    timeoutMilliseconds: Int64, tools: [ToolDefinition]
  ) {
    self.id = id
    self.name = name
    self.version = version
    self.transport = transport
    self.trust = trust
    self.usesNetwork = usesNetwork
    self.timeoutMilliseconds = timeoutMilliseconds
    self.tools = tools
  }

  /// Reads a server; `nil` when it cannot be used.
  public init?(_ view: JSONView) {
    guard let id = view["id"]?.string.flatMap({ MCPServerID($0) }), let name = view["name"]?.string,
      let trust = view["trust"]?.string.flatMap({ Trust(rawValue: $0) })
    else { return nil }
    func texts(_ member: String) -> [String] { view[member]?.elements.compactMap(\.string) ?? [] }
    switch view["transport"]?.string {
    case "stdio":
      guard let command = view["command"]?.string else { return nil }
      transport = .stdio(
        command: command, arguments: texts("arguments"), environmentNames: texts("environment_names"))
    case "http":
      guard let url = view["url"]?.string else { return nil }
      transport = .http(url: url, headerNames: texts("header_names"))
    default: return nil
    }
    self.id = id
    self.name = name
    self.trust = trust
    version = view["version"]?.int ?? 1
    usesNetwork = view["network"]?.bool ?? false
    timeoutMilliseconds = view["timeout_ms"]?.int ?? 30_000
    tools = view["tools"]?.elements.compactMap { ToolDefinition($0) } ?? []
  }

  /// Writes the members of the document.
  public func writeMembers(to writer: inout JSONWriter) {
    writer.member("id", id: id)
    writer.member("name", name)
    writer.member("version", version)
    transport.writeMembers(to: &writer)
    writer.member("trust", trust.rawValue)
    if usesNetwork { writer.member("network", true) }
    writer.member("timeout_ms", timeoutMilliseconds)
    writer.objects("tools", tools) { $0.writeMembers(to: &$1) }
  }
}

extension RegisteredMCPServer.Transport {
  /// The kind alone.
  public var kind: String {
    switch self {
    case .stdio: "stdio"
    case .http: "http"
    }
  }

  /// Writes the members of a document that say how a server is reached.
  public func writeMembers(to writer: inout JSONWriter) {
    writer.member("transport", kind)
    switch self {
    case .stdio(let command, let arguments, let names):
      writer.member("command", command)
      writer.member("arguments", arguments)
      writer.member("environment_names", names)
    case .http(let url, let names):
      writer.member("url", url)
      writer.member("header_names", names)
    }
  }
}
