package import Postgres
package import Primitives

/// A quota of something that a tenant keeps.
package struct UsageQuota: Sendable {
  /// What is counted.
  package enum Kind: String, Sendable {
    /// Versions of files of a run.
    case runArtefacts = "run_artefacts"
    /// Uploads of a tenant that belong to no run.
    case uploads
    /// Memories of a project.
    case memories
    /// Versions of tools of a tenant.
    case tools
    /// MCP servers of a tenant.
    case mcpServers = "mcp_servers"
  }

  /// The scope of what is counted for a tenant as a whole, and the project of what belongs to none.
  package static let wholeTenant = UUID(high: 0, low: 0)

  package let kind: Kind
  package let scope: UUID
  package let itemsMax: Int64
  package let bytesMax: Int64

  package init(_ kind: Kind, scope: UUID = UsageQuota.wholeTenant, itemsMax: Int64, bytesMax: Int64) {
    self.kind = kind
    self.scope = scope
    self.itemsMax = itemsMax
    self.bytesMax = bytesMax
  }

  /// A part of a statement that takes from the quota what `source` selects as `items` and `bytes`. It yields one row, or
  /// none when nothing was selected or the quota has no room. Two statements at once wait for each other.
  package static func take<Input>(
    _ parameter: StatementBuilder<Input>, _ tenant: String, from source: String,
    _ quota: @escaping @Sendable (Input) -> UsageQuota
  ) -> String {
    let kind = parameter("kind", .text) { quota($0).kind.rawValue }
    let scope = parameter("scope", .uuid) { quota($0).scope }
    let itemsMax = parameter("items max", .int8) { quota($0).itemsMax }
    let bytesMax = parameter("bytes max", .int8) { quota($0).bytesMax }
    return """
      insert into workspace_usage (tenant_id, kind, scope, items, bytes)
      select \(tenant), \(kind), \(scope), s.items, s.bytes from (\(source)) s
      where s.items <= \(itemsMax) and s.bytes <= \(bytesMax)
      on conflict (tenant_id, kind, scope) do update
        set items = workspace_usage.items + excluded.items, bytes = workspace_usage.bytes + excluded.bytes
        where workspace_usage.items + excluded.items <= \(itemsMax)
          and workspace_usage.bytes + excluded.bytes <= \(bytesMax)
      returning tenant_id
      """
  }

  /// A part of a statement that gives back what `source` selects as `tenant_id`, `scope`, `items` and `bytes`.
  package static func giveBack(_ kind: Kind, from source: String) -> String {
    """
    update workspace_usage u set items = greatest(0, u.items - s.items), bytes = greatest(0, u.bytes - s.bytes)
    from (\(source)) s where u.tenant_id = s.tenant_id and u.kind = '\(kind.rawValue)' and u.scope = s.scope
    """
  }
}
