package import Contracts
internal import Postgres
internal import Primitives

/// A part of a change of the keys that seal stored secrets.
package struct SecretRotation: Sendable {
  /// Secrets that were looked at.
  package let examined: Int
  /// Those that are under the first key now and were not before.
  package var resealed = 0
  /// Those that no key opens: their servers need new values.
  package var unreadable = 0
  /// Where the next part begins; `nil` when there is none.
  package let cursor: MCPServerID?

  init(examined: Int, cursor: MCPServerID?) {
    self.examined = examined
    self.cursor = cursor
  }
}

/// Stored secrets of a server.
struct SealedServer: Sendable {
  let tenant: TenantID
  let id: MCPServerID
  let secrets: [UInt8]

  static let columns = ResultColumns<SealedServer> { column in
    let tenant = column("tenant_id", .uuid)
    let id = column("id", .uuid)
    let secrets = column("secrets", .bytea)
    return { row in
      SealedServer(tenant: TenantID(try row[tenant]), id: MCPServerID(try row[id]), secrets: try row[secrets])
    }
  }
}

extension MCPServerStore {
  /// Stored secrets of servers of all tenants behind an id.
  func sealed(_ page: (after: MCPServerID?, limit: Int)) async throws -> [SealedServer] {
    try await pool.query(MCPServerStore.listSealed, page)
  }

  static let listSealed = Statement<(after: MCPServerID?, limit: Int), SealedServer>(SealedServer.columns) {
    parameter in
    let after = parameter("after", .uuid) { $0.after?.uuid ?? UUID(high: 0, low: 0) }
    let limit = parameter("limit", .int8) { Int64($0.limit) }
    return """
      select \(SealedServer.columns) from mcp_server where secrets is not null and id > \(after) order by id
      limit \(limit)
      """
  }

  /// Stores secrets that were sealed anew, unless they were changed meanwhile. Returns whether they were stored.
  func reseal(_ change: (row: SealedServer, secrets: [UInt8])) async throws -> Bool {
    try await pool.execute(MCPServerStore.replaceSealed, change) > 0
  }

  static let replaceSealed = Statement<(row: SealedServer, secrets: [UInt8]), Void> { parameter in
    let tenant = parameter("tenant", .uuid) { $0.row.tenant.uuid }
    let id = parameter("id", .uuid) { $0.row.id.uuid }
    let before = parameter("before", .bytea) { $0.row.secrets }
    let after = parameter("after", .bytea) { $0.secrets }
    return """
      update mcp_server set secrets = \(after) where tenant_id = \(tenant) and id = \(id) and secrets = \(before)
      """
  }
}
