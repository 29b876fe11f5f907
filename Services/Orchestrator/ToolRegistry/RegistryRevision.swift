internal import Contracts
internal import Postgres

/// The number that grows with every change of what a tenant has registered.
enum RegistryRevision {
  /// A part of a statement that raises the number of the tenants that `tenants` selects.
  static func raise(_ tenants: String) -> String {
    """
    insert into registry_revision (tenant_id, revision) select r.tenant_id, 1 from (\(tenants)) r
    on conflict (tenant_id) do update set revision = registry_revision.revision + 1
    """
  }

  private static let column = ResultColumns<Int64> { column in
    let revision = column("coalesce(max(revision), 0)", .int8)
    return { row in try row[revision] }
  }

  /// Reads the number of a tenant.
  static let read = Statement<TenantID, Int64>(column) { parameter in
    "select \(column) from registry_revision where tenant_id = \(parameter("tenant", .uuid) { $0.uuid })"
  }
}
