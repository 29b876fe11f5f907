package import Contracts
internal import Crypto
internal import Primitives
package import Settings

/// An MCP server that the configuration of the installation declares, for all tenants or for one.
package struct DeclaredMCPServer: Sendable, Hashable {
  package let server: RegisteredMCPServer
  package let secrets: MCPSecrets
  /// The only tenant that has it; `nil` for all.
  package let tenant: TenantID?

  /// Whether a tenant has it.
  func belongs(to tenant: TenantID) -> Bool { self.tenant == nil || self.tenant == tenant }

  /// A server in a configuration.
  package static let type = SettingType<DeclaredMCPServer>.map { reader in
    let name = reader.value("name", .string(bytesMaximum: MCPServerInput.nameBytesMax, allowsEmpty: false))
    if !MCPServerInput.isName(name) { reader.fault("name", "not made of letters, digits and -") }
    let command = reader.optional("command", .string(bytesMaximum: 4096, allowsEmpty: false))
    let arguments = reader.value("arguments", .strings(countMaximum: 64), default: [])
    let environment = reader.value("environment", .dictionary(of: .secret, countMaximum: 32), default: [:])
    let url = reader.optional("url", .url())
    let headers = reader.value("headers", .dictionary(of: .secret, countMaximum: 32), default: [:])
    let trust = reader.value("trust", .word(RegisteredMCPServer.Trust.self), default: .pin)
    let usesNetwork = reader.value("network", .bool, default: false)
    let timeout = reader.value(
      "timeout_ms", .milliseconds(in: 100...Int(ToolDefinition.timeoutMillisecondsMax)), default: .seconds(30))
    let tenantText = reader.optional("tenant", .string(bytesMaximum: 64, allowsEmpty: false))
    let tenant = tenantText.flatMap { TenantID($0) }
    if tenantText != nil, tenant == nil { reader.fault("tenant", "not the id of a tenant") }
    if (command == nil) == (url == nil) { reader.fault(nil, "needs either command or url") }
    if let command, !command.hasPrefix("/") { reader.fault("command", "not an absolute path") }
    if url == nil, !headers.isEmpty { reader.fault("headers", "only for servers with a url") }
    if command == nil, usesNetwork { reader.fault("network", "only for servers with a command") }
    if command == nil, !environment.isEmpty { reader.fault("environment", "only for servers with a command") }
    let values = (command == nil ? headers : environment).map { entry in
      (command == nil ? entry.key.lowercased() : entry.key, entry.value.reveal())
    }
    for (name, value) in values {
      let fault =
        command == nil ? MCPServerFaults.ofHeader(name, value) : value.utf8.contains(0) ? "Values hold no U+0000." : nil
      if let fault { reader.fault(command == nil ? "headers" : "environment", fault) }
    }
    let secrets = MCPSecrets(Dictionary(values) { first, _ in first })
    let transport: RegisteredMCPServer.Transport =
      if let command {
        .stdio(command: command, arguments: arguments, environmentNames: secrets.names)
      } else { .http(url: url?.text ?? "", headerNames: secrets.names) }
    func server(version: Int64) -> RegisteredMCPServer {
      RegisteredMCPServer(
        id: DeclaredMCPServer.id(of: name), name: name, version: version, transport: transport, trust: trust,
        usesNetwork: usesNetwork, timeoutMilliseconds: timeout.milliseconds, tools: [])
    }
    let version = DeclaredMCPServer.version(of: server(version: 1).document)
    return DeclaredMCPServer(server: server(version: version), secrets: secrets, tenant: tenant)
  }

  /// A version that changes with the declaration: connections of another one are made anew.
  private static func version(of document: [UInt8]) -> Int64 {
    max(1, Digest.sha256(document).prefix(4).reduce(0) { $0 << 8 | Int64($1) } & 0x7FFF_FFFF)
  }

  /// The id of the server of a name: the same in every replica and after every restart.
  private static func id(of name: String) -> MCPServerID {
    let digest = Digest.sha256(Array("cadre declared mcp server \(name)".utf8))
    func word(_ bytes: ArraySlice<UInt8>) -> UInt64 { bytes.reduce(0) { $0 << 8 | UInt64($1) } }
    // Version 8 of RFC 9562: what an application defines.
    return MCPServerID(
      UUID(
        high: word(digest[0..<8]) & 0xFFFF_FFFF_FFFF_0FFF | 0x8000,
        low: word(digest[8..<16]) & 0x3FFF_FFFF_FFFF_FFFF | 0x8000_0000_0000_0000))
  }
}
