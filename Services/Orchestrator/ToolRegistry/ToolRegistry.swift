internal import Artefacts
package import Contracts
internal import Crypto
internal import JSON
package import Postgres
internal import Primitives
internal import SystemSources

/// The tools and MCP servers that tenants have beside the built-in tools.
package struct ToolRegistry: Sendable {
  /// Of the tools of all servers so many are offered to one step: more than a model can choose from.
  private static let offeredMax = 2000
  private static let userToolsMax = 1000

  package let tools: UserToolStore
  package let servers: MCPServerStore
  package let serverTools: MCPToolStore
  private let database: TenantDatabase
  private let blobs: BlobStore
  private let limits: ToolRegistryLimits
  private let declared: [DeclaredMCPServer]
  private let box: SecretBox
  /// What of a revision says which configuration it was made with.
  private let configuration: String

  /// The registry on a database.
  package init(
    pool: PostgresPool, limits: ToolRegistryLimits, declared: [DeclaredMCPServer], box: SecretBox
  ) {
    database = TenantDatabase(pool: pool)
    self.limits = limits
    self.declared = declared
    self.box = box
    blobs = BlobStore(pool: pool)
    tools = UserToolStore(pool: pool)
    servers = MCPServerStore(pool: pool)
    serverTools = MCPToolStore(pool: pool)
    var writer = JSONWriter()
    writer.beginObject()
    writer.member("allowed", limits.allowedCommands.sorted())
    writer.objects("declared", declared) { $0.server.writeMembers(to: &$1) }
    writer.endObject()
    configuration = Hex.encode(Array(Digest.sha256(writer.bytes).prefix(4)))
  }

  // MARK: What workers read

  /// Changes with every change of what `snapshot` shows.
  package func revision(_ tenant: TenantID) async throws -> String {
    "\(configuration)-\(try await database.query(RegistryRevision.read, tenant, of: TenantScope(tenant.uuid)).first ?? 0)"
  }

  /// What agents of the tenant get.
  package func snapshot(_ tenant: TenantID) async throws -> ToolRegistrySnapshot {
    // Read first: what changes meanwhile has a later one, and is read again.
    let revision = try await revision(tenant)
    let rows = try await tools.tools((tenant, "", ToolRegistry.userToolsMax))
    let offered = Dictionary(grouping: try await serverTools.offered(tenant, limit: ToolRegistry.offeredMax)) {
      $0.server
    }
    let own = try await servers.servers((tenant, nil, Int(clamping: limits.serversMax)))
      .filter { $0.isEnabled && isAllowed($0.server.transport) && self.declared(named: $0.server.name, tenant) == nil }
      .map(\.server)
    let all = declared.filter { $0.belongs(to: tenant) }.map(\.server) + own
    return ToolRegistrySnapshot(
      revision: revision, tools: rows.map(\.tool),
      servers: all.map { server in server.offering(offered[server.id]?.map(\.definition) ?? []) })
  }

  /// The source of a tool by its digest; `nil` when there is none.
  package func source(_ tenant: TenantID, _ name: String, sha256: [UInt8]?) async throws -> (
    row: UserToolRow, bytes: [UInt8]
  )? {
    let row =
      if let sha256 { try await tools.source(tenant, name, sha256: sha256) } else {
        try await tools.tool(tenant, name)
      }
    guard let row, let blob = row.blob else { return nil }
    return (row, try await blobs.read(tenant, blob))
  }

  /// The values that reach a server; `nil` when there is no such server or they cannot be read any more.
  package func secrets(_ tenant: TenantID, _ id: MCPServerID) async throws -> MCPSecrets? {
    if let declared = declared(id, tenant) { return declared.secrets }
    guard let row = try await servers.server(tenant, id), row.isEnabled, isAllowed(row.server.transport) else {
      return nil
    }
    guard let sealed = row.secrets else { return MCPSecrets() }
    return box.open(sealed, tenant, id)
  }

  /// Seals stored secrets under the first key, of at most `limit` servers of all tenants behind `cursor`.
  package func rotateSecrets(after cursor: MCPServerID?, limit: Int) async throws -> SecretRotation {
    guard box.canSeal else { throw RegistryRefusal.noKey }
    let rows = try await servers.sealed((cursor, limit))
    var rotation = SecretRotation(examined: rows.count, cursor: rows.count < limit ? nil : rows.last?.id)
    for row in rows where !box.isCurrent(row.secrets) {
      guard let sealed = box.resealed(row.secrets, row.tenant, row.id) else {
        rotation.unreadable += 1
        continue
      }
      // What was changed meanwhile is sealed under the first key already.
      if try await servers.reseal((row, sealed)) { rotation.resealed += 1 }
    }
    return rotation
  }

  // MARK: Tools

  /// Adds a version of a tool. Returns whether it is new. Throws `RegistryRefusal` or `BlobRefusal`.
  package func add(
    _ manifest: ToolManifest, _ tenant: TenantID, by principal: String
  ) async throws -> (row: UserToolRow, isNew: Bool) {
    let before = try await tools.tool(tenant, manifest.definition.name)
    let blob = try await blobs.write(tenant, manifest.source)
    var writer = JSONWriter()
    manifest.definition.write(to: &writer)
    let row: UserToolRow?
    do {
      row = try await tools.add(
        UserToolStore.Addition(
          tenant: tenant, manifest: manifest, definition: writer.bytes, source: blob, createdBy: principal,
          quota: UsageQuota(.tools, itemsMax: limits.toolsMax, bytesMax: limits.toolBytesMax)))
    } catch let error as PostgresError where error.isForeignKeyViolation { throw BlobRefusal.removed }
    guard let row else { throw RegistryRefusal.toolQuota }
    return (row, before?.tool.version != row.tool.version)
  }

  // MARK: Servers

  /// Servers that the configuration declares for a tenant.
  package func declaredServers(_ tenant: TenantID) -> [RegisteredMCPServer] {
    declared.filter { $0.belongs(to: tenant) }.map(\.server)
  }

  private func declared(_ id: MCPServerID, _ tenant: TenantID) -> DeclaredMCPServer? {
    declared.first { $0.server.id == id && $0.belongs(to: tenant) }
  }

  private func declared(named name: String, _ tenant: TenantID) -> DeclaredMCPServer? {
    declared.first { $0.server.name == name && $0.belongs(to: tenant) }
  }

  /// Whether a tenant may have such a server. Without a list of programs none may be started.
  package func isAllowed(_ transport: RegisteredMCPServer.Transport) -> Bool {
    switch transport {
    case .stdio(let command, _, _): limits.allowedCommands.contains(command)
    case .http: true
    }
  }

  /// Registers a server. Throws `RegistryRefusal`.
  package func add(_ input: MCPServerInput, _ tenant: TenantID, by principal: String) async throws -> MCPServerRow {
    guard isAllowed(input.transport) else { throw RegistryRefusal.commandNotAllowed }
    guard declared(named: input.name, tenant) == nil else { throw RegistryRefusal.nameTaken }
    let id = MCPServerID.make()
    let secrets = try seal(input.secrets, tenant, id)
    do {
      let row = try await servers.add(
        MCPServerStore.Addition(
          tenant: tenant, server: server(of: input, id: id), secrets: secrets?.isEmpty == true ? nil : secrets,
          isEnabled: input.isEnabled, createdBy: principal,
          quota: UsageQuota(.mcpServers, itemsMax: limits.serversMax, bytesMax: .max)))
      guard let row else { throw RegistryRefusal.serverQuota }
      return row
    } catch let error as PostgresError where error.isUniqueViolation { throw RegistryRefusal.nameTaken }
  }

  /// Changes a server that has not changed since `before` was read. Throws `RegistryRefusal`.
  package func change(_ before: MCPServerRow, to input: MCPServerInput, _ tenant: TenantID) async throws -> MCPServerRow
  {
    guard isAllowed(input.transport) else { throw RegistryRefusal.commandNotAllowed }
    let row = try await servers.update(
      MCPServerStore.Change(
        tenant: tenant, server: server(of: input, id: before.server.id),
        secrets: try seal(input.secrets, tenant, before.server.id), isEnabled: input.isEnabled,
        expected: before.server.version))
    guard let row else { throw RegistryRefusal.outdated }
    return row
  }

  private func server(of input: MCPServerInput, id: MCPServerID) -> RegisteredMCPServer {
    RegisteredMCPServer(
      id: id, name: input.name, version: 1, transport: input.transport, trust: input.trust,
      usesNetwork: input.usesNetwork, timeoutMilliseconds: input.timeoutMilliseconds, tools: [])
  }

  /// Encrypted values; empty to remove what is stored, `nil` to keep it.
  private func seal(_ secrets: MCPSecrets?, _ tenant: TenantID, _ id: MCPServerID) throws -> [UInt8]? {
    guard let secrets else { return nil }
    guard !secrets.values.isEmpty else { return [] }
    guard let sealed = box.seal(secrets, tenant, id) else { throw RegistryRefusal.noKey }
    return sealed
  }

  /// A server that a tenant has, registered or declared; `nil` when there is none.
  package func server(_ tenant: TenantID, _ id: MCPServerID) async throws -> RegisteredMCPServer? {
    if let declared = declared(id, tenant) { return declared.server }
    return try await servers.server(tenant, id)?.server
  }

  /// Takes what a worker says of a server. Returns whether it is about the server as it is registered now. Throws
  /// `RegistryRefusal`.
  package func take(_ report: MCPReport, on server: RegisteredMCPServer) async throws -> Bool {
    guard report.version == server.version else { return false }
    var listed: [(name: String, definition: [UInt8], sha256: [UInt8])] = []
    var names: Set<String> = []
    for tool in report.tools ?? [] {
      guard tool.name.hasPrefix("\(server.name)__"), tool.source == .mcp(server: server.name) else {
        throw RegistryRefusal.unfitReport("The tool \(tool.name) is not named as one of this server's.")
      }
      guard names.insert(tool.name).inserted else {
        throw RegistryRefusal.unfitReport("The tool \(tool.name) is there twice.")
      }
      var writer = JSONWriter()
      tool.write(to: &writer)
      guard let sha256 = Hex.decode(tool.sha256) else { continue }
      listed.append((tool.name, writer.bytes, sha256))
    }
    try await servers.note(MCPServerStore.NewStatus(server: server.id, report: report))
    guard report.tools != nil else { return true }
    try await serverTools.replace(
      MCPToolStore.Listing(
        tenant: report.tenant, server: server.id, tools: listed, isPinned: server.trust == .pin))
    return true
  }

  /// Approves a tool of a server by the digest of its definition; `nil` when there is no such tool. Throws
  /// `RegistryRefusal` when the definition is another one by now.
  package func approve(
    _ key: MCPToolStore.Key, sha256: [UInt8], by principal: String
  ) async throws -> MCPToolRow? {
    if let row = try await serverTools.approve(key, sha256: sha256, by: principal) { return row }
    let page = try await serverTools.tools((key.tenant, key.server, "", WorkspaceLimits.mcpToolsMax))
    guard page.contains(where: { $0.definition.name == key.name }) else { return nil }
    throw RegistryRefusal.definitionDiffers
  }
}
