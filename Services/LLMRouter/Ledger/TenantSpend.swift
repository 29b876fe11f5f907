internal import Budgets
internal import Contracts
internal import Postgres
internal import Primitives

/// What a tenant has used today (UTC), by the sums of the ledger.
struct TenantSpend: Sendable {
  let tenant: TenantID
  let calls: Int64
  let nanoUSD: Int64

  private static let columns = ResultColumns<TenantSpend> { column in
    let tenant = column("s.tenant_id", .uuid)
    let calls = column("s.calls", .int8)
    let cost = column("least(s.cost, 9000000000000000000)::int8", .int8)
    return { row in TenantSpend(tenant: TenantID(try row[tenant]), calls: try row[calls], nanoUSD: try row[cost]) }
  }

  /// The tenants of the ledger, at most so many. The table begins with the tenant: it is walked from one to the next,
  /// with one look for each.
  static func tenants(_ limit: String) -> String {
    """
    with recursive tenant(id) as (
      (select tenant_id from usage_sum order by tenant_id limit 1)
      union all
      select (select u.tenant_id from usage_sum u where u.tenant_id > t.id order by u.tenant_id limit 1)
      from tenant t where t.id is not null
    ), known as (select id from tenant where id is not null limit \(limit))
    """
  }

  /// Of so many tenants.
  static let today = Statement<Int, TenantSpend>(columns) { parameter in
    let limit = parameter("limit", .int8) { Int64($0) }
    return """
      \(tenants(limit))
      select \(columns) from known t
      cross join lateral (
        select * from usage_sum u where u.tenant_id = t.id and u.dimension = 0 and u.grain = 1
          and u.bucket = date_trunc('day', now(), 'UTC')
      ) s
      """
  }
}

/// What a project has used today (UTC), by the sums of the ledger.
struct ProjectSpend: Sendable {
  let tenant: TenantID
  let project: String
  let nanoUSD: Int64

  private static let columns = ResultColumns<ProjectSpend> { column in
    let tenant = column("s.tenant_id", .uuid)
    let project = column("s.value", .text)
    let cost = column("least(s.cost, 9000000000000000000)::int8", .int8)
    return { row in
      ProjectSpend(tenant: TenantID(try row[tenant]), project: try row[project], nanoUSD: try row[cost])
    }
  }

  /// Of so many tenants, the largest projects of each: more than are shown of all together, and what others of the
  /// tenant have spent as one, without a name.
  static let today = Statement<(tenants: Int, projects: Int), ProjectSpend>(columns) { parameter in
    let tenants = parameter("tenants", .int8) { Int64($0.tenants) }
    let projects = parameter("projects", .int8) { Int64($0.projects) }
    return """
      \(TenantSpend.tenants(tenants))
      select \(columns) from known t
      cross join lateral (
        select t.id as tenant_id, case when place <= \(projects) then value else '' end as value, sum(cost) as cost
        from (
          select value, cost, row_number() over (order by cost desc) as place from usage_sum u
          where u.tenant_id = t.id and u.dimension = 1 and u.grain = 1
            and u.bucket = date_trunc('day', now(), 'UTC') and u.value is not null
        ) one group by 2
      ) s
      """
  }
}

/// How much of its budgets a tenant has used, by the sums of the ledger: what is only reserved is not in it.
struct BudgetUse: Sendable {
  let tenant: TenantID
  let scope: String
  let period: String
  /// The largest part that is used of one of these budgets, in hundredths.
  let percent: Int64

  private static let columns = ResultColumns<BudgetUse> { column in
    let tenant = column("b.tenant_id", .uuid)
    let scope = column("b.scope", .text)
    let period = column("b.period", .text)
    let percent = column("least(max(s.percent), 100000)::int8", .int8)
    return { row in
      BudgetUse(
        tenant: TenantID(try row[tenant]), scope: try row[scope], period: try row[period], percent: try row[percent])
    }
  }

  private static func cases(_ column: String, _ values: [(String, String)]) -> String {
    "case \(column) \(values.map { "when '\($0)' then \($1)" }.joined(separator: " ")) end"
  }

  /// Of so many budgets; those of single runs and those that never begin anew are not among them, since there are no
  /// sums of the one and no bound for the other.
  static let now = Statement<Int, BudgetUse>(columns) { parameter in
    let limit = parameter("limit", .int8) { Int64($0) }
    let dimension = cases(
      "b.scope",
      BudgetScope.allCases.compactMap { scope in
        UsageDimension(of: scope)?.number.map { (scope.rawValue, "\($0)") }
      })
    let grain = cases(
      "b.period", BudgetPeriod.allCases.map { ($0.rawValue, "\(UsageGrain(of: $0).rawValue)") })
    return """
      select \(columns) from (
        select * from budget where scope <> 'run' and period <> 'total' order by id limit \(limit)
      ) b
      cross join lateral (
        select 100 * greatest(
          sum(u.charged_tokens) / case b.tokens when 0 then 1 else b.tokens end,
          sum(u.charged_nano_usd) / case b.nano_usd when 0 then 1 else b.nano_usd end) as percent
        from usage_sum u
        where u.tenant_id = b.tenant_id and u.dimension = \(dimension) and u.grain = \(grain)
          and u.bucket >= date_trunc(b.period, now(), 'UTC')
          and (b.scope = 'tenant' or case b.subject when '' then u.value is not null else u.value = b.subject end)
        group by u.value
      ) s
      where s.percent is not null
      group by 1, 2, 3
      """
  }
}
