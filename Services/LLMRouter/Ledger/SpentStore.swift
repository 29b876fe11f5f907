package import Budgets
internal import Contracts
package import Postgres
package import Primitives

/// What the ledger says that budget counters have spent.
package struct SpentStore: Sendable {
  private let pool: PostgresPool

  /// The ledger behind a pool.
  package init(pool: PostgresPool) { self.pool = pool }

  /// What the ledger says that a counter has spent, without some calls and their attempts.
  package func spent(_ counter: BudgetCounter, without calls: [UUID]) async throws -> Int64 {
    guard let tenant = TenantID(counter.budget.tenant) else { return 0 }
    let column = counter.unit == .tokens ? "charged_tokens" : "charged_nano_usd"
    let (name, dimension) = SpentStore.column(counter.budget.scope)
    let filter = name.map { " and \($0) = $4" } ?? " and $4::text is not null"
    let end = counter.end ?? SpentStore.farFuture
    let window = "started_at >= to_timestamp($2::int8) and started_at < to_timestamp($3::int8)"
    let sum: String
    if let dimension {
      // Windows begin and end with whole hours, all but those of an hour with whole days.
      let grain = counter.budget.period == .hour ? 0 : 1
      let value = name == nil ? "" : " and value = $4"
      let pending = window.replacing("started_at", with: "hour")
      sum = """
        (select sum(\(column)) from usage_sum where tenant_id = $1 and dimension = \(dimension) and grain = \(grain)
          and bucket >= to_timestamp($2::int8) and bucket < to_timestamp($3::int8)\(value)),
        (select sum(\(column)) from usage_pending where tenant_id = $1 and \(pending)\(filter)),
        -(select sum(\(column)) from call
          where tenant_id = $1 and (id = any($5) or call_id = any($5)) and \(window)\(filter))
        """
    } else {
      sum = """
        (select sum(\(column)) from call where tenant_id = $1 and run = $4 and \(window)
          and label_key(tenant_id, run) = label_key($1, $4) and id <> all($5)
          and (call_id is null or call_id <> all($5)))
        """
    }
    let rows = try await pool.query(
      "select greatest(0, least(coalesce((select sum(part) from unnest(array[\(sum)]::numeric[]) part), 0), 9e15))::int8",
      [tenant.uuid, counter.start, end, counter.subject, calls])
    return try rows.first?.decode(0, as: Int64?.self) ?? 0
  }

  /// What the ledger says that counters of one tenant have spent, in their order.
  package func spent(_ counters: [BudgetCounter]) async throws -> [Int64] {
    guard let tenant = counters.first.flatMap({ TenantID($0.budget.tenant) }) else { return [] }
    var spent = [Int64](repeating: 0, count: counters.count)
    var summed: [Int] = []
    for (index, counter) in counters.enumerated() {
      if SpentStore.column(counter.budget.scope).dimension == nil {
        spent[index] = try await self.spent(counter, without: [])
      } else {
        summed.append(index)
      }
    }
    guard !summed.isEmpty else { return spent }
    let rows = try await pool.query(
      """
      select x.number, greatest(0, least(9e15, coalesce((
        select sum(case x.unit when 'tokens' then s.charged_tokens else s.charged_nano_usd end) from usage_sum s
        where s.tenant_id = $1 and s.dimension = x.dimension and s.grain = x.grain
          and s.bucket >= to_timestamp(x.first) and s.bucket < to_timestamp(x.last)
          and (x.dimension = 0 or s.value = x.value)), 0)
        + coalesce((
        select sum(case x.unit when 'tokens' then p.charged_tokens else p.charged_nano_usd end) from usage_pending p
        where p.tenant_id = $1 and p.hour >= to_timestamp(x.first) and p.hour < to_timestamp(x.last)
          and (x.dimension = 0 or x.value = case x.dimension when 1 then p.project when 2 then p."group"
            when 3 then p.agent when 4 then p.tool when 5 then p.key end)), 0)))::int8
      from unnest($2::int8[], $3::int8[], $4::int8[], $5::int8[], $6::int8[], $7::text[], $8::text[])
        as x (number, dimension, grain, first, last, value, unit)
      """,
      [
        tenant.uuid, summed.map { Int64($0) },
        summed.map { Int64(SpentStore.column(counters[$0].budget.scope).dimension ?? 0) },
        summed.map { counters[$0].budget.period == .hour ? Int64(0) : 1 }, summed.map { counters[$0].start },
        summed.map { counters[$0].end ?? SpentStore.farFuture }, summed.map { counters[$0].subject },
        summed.map { counters[$0].unit.rawValue },
      ])
    for row in rows {
      let index = Int(try row.decode(0, as: Int64.self))
      if spent.indices.contains(index) { spent[index] = try row.decode(1, as: Int64.self) }
    }
    return spent
  }

  private static let farFuture: Int64 = 32_503_680_000

  /// The column of a scope, and its number in `usage_sum`.
  private static func column(_ scope: BudgetScope) -> (name: String?, dimension: Int?) {
    switch scope {
    case .tenant: (nil, 0)
    case .project: ("project", 1)
    case .group: ("\"group\"", 2)
    case .agent: ("agent", 3)
    case .tool: ("tool", 4)
    case .key: ("key", 5)
    case .run: ("run", nil)
    }
  }
}
