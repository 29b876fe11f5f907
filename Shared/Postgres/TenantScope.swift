public import Primitives

/// The one tenant whose rows a unit of statements may see and write. Postgres holds it to that: the unit runs as a role
/// to which row-level security applies.
public struct TenantScope: Hashable, Sendable {
  /// The id of the tenant.
  public let tenant: UUID

  /// The scope of a tenant.
  public init(_ tenant: UUID) { self.tenant = tenant }

  /// The role of units that serve one tenant. It cannot log in, owns nothing and bypasses no policy.
  static let role = "cadre_tenant"
  /// The setting that holds the tenant of a transaction.
  static let setting = "cadre.tenant"

  /// The setting that holds the ids that a unit has found.
  private static let foundSetting = "cadre.found"

  /// The ids that a unit has found, as a relation `x` with the column `id`; see `TenantDatabase.list(finding:)`.
  public static let found = "unnest(current_setting('\(foundSetting)')::uuid[]) as x(id)"

  /// Notes the ids that a selection with the column `id` finds.
  static func find(_ ids: String) -> String {
    "select set_config('\(foundSetting)', coalesce((select array_agg(f.id) from (\(ids)) f)::text, '{}'), true)"
  }

  /// Begins a unit: until its end, nothing else is visible. A function call instead of `SET LOCAL`, because it takes
  /// the tenant as a parameter and is prepared once.
  static let enter = Statement<TenantScope, Void> { parameter in
    let tenant = parameter("tenant", .uuid) { $0.tenant }
    return "select set_config('\(setting)', (\(tenant))::text, true), set_config('role', '\(role)', true)"
  }

  /// The same for lists, which are planned each time: a plan is made with the tenant of its moment in mind, and one for
  /// a tenant with few rows reads all rows of one with many.
  static let enterList = Statement<TenantScope, Void> { parameter in
    let tenant = parameter("tenant", .uuid) { $0.tenant }
    return """
      select set_config('\(setting)', (\(tenant))::text, true), set_config('role', '\(role)', true),
        set_config('plan_cache_mode', 'force_custom_plan', true)
      """
  }
}
