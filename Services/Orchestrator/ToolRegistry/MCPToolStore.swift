package import Contracts
internal import JSON
package import Postgres
package import Primitives

/// A tool of an MCP server: as it was seen last, and what of it was approved.
package struct MCPToolRow: Sendable {
  /// Whether agents get a tool.
  package enum Status: String, Sendable {
    /// It is as it was approved, and the server has it.
    case approved
    /// Nobody has approved it yet.
    case pending
    /// It was approved with another definition.
    case changed
    /// The server does not list it any more.
    case unlisted
  }

  package let server: MCPServerID
  package let definition: ToolDefinition
  /// The digest of the definition as it was seen last, 64 hexadecimal digits.
  package let sha256: String
  package let seenAt: Timestamp
  package let isListed: Bool
  package let approvedSHA256: String?
  package let approvedBy: String?
  package let approvedAt: Timestamp?

  /// Whether agents get it, and why not.
  package var status: Status {
    guard isListed else { return .unlisted }
    guard let approvedSHA256 else { return .pending }
    return approvedSHA256 == sha256 ? .approved : .changed
  }

  static let columns = ResultColumns<MCPToolRow> { column in
    let server = column("t.server_id", .uuid)
    let seen = column("t.seen", .bytea)
    let sha256 = column("t.seen_sha256", .bytea)
    let seenAt = column("t.seen_at", .timestamptz)
    let isListed = column("t.is_listed", .bool)
    let approved = column(nullable: "t.approved_sha256", .bytea)
    let approvedBy = column(nullable: "t.approved_by", .text)
    let approvedAt = column(nullable: "t.approved_at", .timestamptz)
    return { row in
      guard let definition = ToolDefinition(try JSONDocument(parsing: try row[seen]).root) else {
        throw PostgresError(.decoding, detail: "mcp_tool")
      }
      return MCPToolRow(
        server: MCPServerID(try row[server]), definition: definition, sha256: Hex.encode(try row[sha256]),
        seenAt: try row[seenAt], isListed: try row[isListed], approvedSHA256: try row[approved].map { Hex.encode($0) },
        approvedBy: try row[approvedBy], approvedAt: try row[approvedAt])
    }
  }
}

/// The table of the tools of MCP servers.
package struct MCPToolStore: Sendable {
  private let database: TenantDatabase

  /// The tools of a database.
  package init(pool: PostgresPool) { database = TenantDatabase(pool: pool) }

  struct Listing: Sendable {
    let tenant: TenantID
    let server: MCPServerID
    let tools: [(name: String, definition: [UInt8], sha256: [UInt8])]
    /// Whether what is seen for the first time is approved by that.
    let isPinned: Bool
  }

  /// Definitions of a server that are kept, those that it does not list any more included: a server that has others
  /// each time does not fill the database.
  private static let keptMax: Int64 = 1024
  /// Bytes of all definitions that are offered to a step.
  private static let offeredBytesMax: Int64 = 16 << 20

  /// Stores the list of a server. What was approved stays approved; of what is not in it the approved is marked, and
  /// the rest forgotten. New ones beyond `keptMax` are not stored.
  func replace(_ listing: Listing) async throws {
    try await database.execute(MCPToolStore.replaceAll, listing, of: TenantScope(listing.tenant.uuid))
  }

  static let replaceAll = Statement<Listing, Void> { parameter in
    let tenant = parameter("tenant", .uuid) { $0.tenant.uuid }
    let server = parameter("server", .uuid) { $0.server.uuid }
    let isPinned = parameter("is pinned", .bool) { $0.isPinned }
    let names = parameter.array("names", of: .text) { $0.tools.map(\.name) }
    let tools = parameter.rows("i") { $0.tools }
    tools("name", .text) { $0.name }
    tools("definition", .bytea) { $0.definition }
    tools("sha256", .bytea) { $0.sha256 }
    let changed =
      "select tenant_id from unlisted union select tenant_id from listed union select tenant_id from forgotten"
    return """
      with unlisted as (
        update mcp_tool set is_listed = false
        where tenant_id = \(tenant) and server_id = \(server) and is_listed and name <> all(\(names))
          and approved_sha256 is not null
        returning tenant_id
      ), forgotten as (
        delete from mcp_tool
        where tenant_id = \(tenant) and server_id = \(server) and name <> all(\(names)) and approved_sha256 is null
        returning tenant_id
      ), kept as (
        select name from mcp_tool
        where tenant_id = \(tenant) and server_id = \(server)
          and (name = any(\(names)) or approved_sha256 is not null)
      ), listed as (
        insert into mcp_tool (tenant_id, server_id, name, seen, seen_sha256, approved_sha256, approved_by, approved_at)
        select \(tenant), \(server), n.name, n.definition, n.sha256, case when \(isPinned) then n.sha256 end,
          case when \(isPinned) then 'pin' end, case when \(isPinned) then now() end
        from (
          select i.name, i.definition, i.sha256, k.name is not null as is_kept,
            row_number() over (partition by k.name is null order by i.name) as place
          from \(tools) left join kept k on k.name = i.name) n
        where n.is_kept or n.place <= \(keptMax) - (select count(*) from kept)
        on conflict (tenant_id, server_id, name) do update
          set seen = excluded.seen, seen_sha256 = excluded.seen_sha256, seen_at = now(), is_listed = true
          where mcp_tool.seen_sha256 <> excluded.seen_sha256 or not mcp_tool.is_listed
        returning tenant_id
      )
      \(RegistryRevision.raise(changed))
      """
  }

  package typealias Key = (tenant: TenantID, server: MCPServerID, name: String)

  /// Approves a definition. `nil` when there is no such tool or its definition is another one by now.
  func approve(_ key: Key, sha256: [UInt8], by principal: String) async throws -> MCPToolRow? {
    try await database.query(MCPToolStore.pin, (key, sha256, principal), of: TenantScope(key.tenant.uuid)).first
  }

  static let pin = Statement<(key: Key, sha256: [UInt8], principal: String), MCPToolRow>(MCPToolRow.columns) {
    parameter in
    let tenant = parameter("tenant", .uuid) { $0.key.tenant.uuid }
    let server = parameter("server", .uuid) { $0.key.server.uuid }
    let name = parameter("name", .text) { $0.key.name }
    let sha256 = parameter("sha256", .bytea) { $0.sha256 }
    let principal = parameter("principal", .text) { $0.principal }
    return """
      with t as (
        update mcp_tool set approved_sha256 = \(sha256), approved_by = \(principal), approved_at = now()
        where tenant_id = \(tenant) and server_id = \(server) and name = \(name) and seen_sha256 = \(sha256)
        returning *
      ), revised as (
        \(RegistryRevision.raise("select tenant_id from t"))
      )
      select \(MCPToolRow.columns) from t
      """
  }

  package typealias Page = (tenant: TenantID, server: MCPServerID?, after: String, limit: Int)

  /// Tools of the tenant behind a name, by name; of one server, or of all.
  package func tools(_ page: Page) async throws -> [MCPToolRow] {
    try await database.query(MCPToolStore.list, page, of: TenantScope(page.tenant.uuid))
  }

  static let list = Statement<Page, MCPToolRow>(MCPToolRow.columns) { parameter in
    let tenant = parameter("tenant", .uuid) { $0.tenant.uuid }
    let server = parameter("server", .uuid) { $0.server?.uuid }
    let after = parameter("after", .text) { $0.after }
    let limit = parameter("limit", .int8) { Int64($0.limit) }
    return """
      select \(MCPToolRow.columns) from mcp_tool t
      where t.tenant_id = \(tenant) and (\(server) is null or t.server_id = \(server)) and t.name > \(after)
      order by t.name limit \(limit)
      """
  }

  /// A tool of any server of the tenant.
  package func tool(_ tenant: TenantID, _ name: String) async throws -> MCPToolRow? {
    try await database.query(MCPToolStore.find, (tenant, name), of: TenantScope(tenant.uuid)).first
  }

  static let find = Statement<(tenant: TenantID, name: String), MCPToolRow>(MCPToolRow.columns) { parameter in
    let tenant = parameter("tenant", .uuid) { $0.tenant.uuid }
    let name = parameter("name", .text) { $0.name }
    return """
      select \(MCPToolRow.columns) from mcp_tool t where t.tenant_id = \(tenant) and t.name = \(name) limit 1
      """
  }

  /// The tools of the tenant that are offered to agents.
  package func offered(_ tenant: TenantID, limit: Int) async throws -> [MCPToolRow] {
    try await database.query(MCPToolStore.listOffered, (tenant, limit), of: TenantScope(tenant.uuid))
  }

  static let listOffered = Statement<(tenant: TenantID, limit: Int), MCPToolRow>(MCPToolRow.columns) { parameter in
    let tenant = parameter("tenant", .uuid) { $0.tenant.uuid }
    let limit = parameter("limit", .int8) { Int64($0.limit) }
    return """
      select \(MCPToolRow.columns) from (
        select o.*, sum(octet_length(o.seen)) over (order by o.name, o.server_id) as bytes from mcp_tool o
        where o.tenant_id = \(tenant) and o.is_listed and o.approved_sha256 = o.seen_sha256) t
      where t.bytes <= \(offeredBytesMax)
      order by t.name limit \(limit)
      """
  }
}
