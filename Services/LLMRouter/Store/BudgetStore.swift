internal import Budgets
internal import Contracts
internal import Postgres
internal import Primitives

/// Budgets, what was spent of them, and keys that were taken back.
struct BudgetStore: Sendable {
  /// Budgets of a tenant.
  static let rowsMax = 1000
  private static let columns = "id, tenant_id, scope, subject, period, tokens, nano_usd, alert_percent, version"

  let pool: PostgresPool

  func all() async throws -> [Budget] {
    try await pool.query("select \(BudgetStore.columns) from budget").map { try row($0).budget }
  }

  func list(_ tenant: TenantID) async throws -> [(budget: Budget, version: Int)] {
    try await pool.query(
      """
      select \(BudgetStore.columns) from budget where tenant_id = $1 order by scope, subject, period
      limit \(BudgetStore.rowsMax)
      """, [tenant.uuid]
    ).map(row)
  }

  func find(_ tenant: TenantID, _ id: BudgetID) async throws -> (budget: Budget, version: Int)? {
    try await pool.query(
      "select \(BudgetStore.columns) from budget where tenant_id = $1 and id = $2", [tenant.uuid, id.uuid]
    ).first.map(row)
  }

  /// Adds one. Returns nil when the tenant has too many; throws a unique violation for one that is there.
  func add(_ budget: Budget, tenant: TenantID, id: BudgetID) async throws -> Bool {
    try await pool.query(
      """
      insert into budget (id, tenant_id, scope, subject, period, tokens, nano_usd, alert_percent)
      select $1, $2, $3, $4, $5, $6, $7, $8
      where (select count(*) from budget where tenant_id = $2) < \(BudgetStore.rowsMax) returning 1
      """,
      [
        id.uuid, tenant.uuid, budget.scope.rawValue, budget.subject, budget.period.rawValue, budget.tokens,
        budget.nanoUSD, Int32(budget.alertPercent),
      ]
    ).first != nil
  }

  /// Changes limits. Returns nil when it is not there or has another version.
  func change(_ budget: Budget, tenant: TenantID, id: BudgetID, expected: Int?) async throws -> Int? {
    try await pool.query(
      """
      update budget set tokens = $3, nano_usd = $4, alert_percent = $5, version = version + 1,
        updated_at = clock_timestamp()
      where tenant_id = $1 and id = $2 and ($6::int is null or version = $6) returning version
      """,
      [
        tenant.uuid, id.uuid, budget.tokens, budget.nanoUSD, Int32(budget.alertPercent), expected.map { Int32($0) },
      ]
    ).first.map { Int(try $0.decode(0, as: Int32.self)) }
  }

  func remove(_ tenant: TenantID, _ id: BudgetID) async throws -> Bool {
    try await pool.query(
      "delete from budget where tenant_id = $1 and id = $2 returning 1", [tenant.uuid, id.uuid]
    ).first != nil
  }

  /// What the ledger says that a counter has spent, without some calls and their attempts.
  func spent(_ counter: BudgetCounter, without calls: [UUID]) async throws -> Int64 {
    guard let tenant = TenantID(counter.budget.tenant) else { return 0 }
    let column = counter.unit == .tokens ? "charged_tokens" : "charged_nano_usd"
    let (name, dimension) = BudgetStore.column(counter.budget.scope)
    let filter = name.map { " and \($0) = $4" } ?? " and $4::text is not null"
    let end = counter.end ?? BudgetStore.farFuture
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
  func spent(_ counters: [BudgetCounter]) async throws -> [Int64] {
    guard let tenant = counters.first.flatMap({ TenantID($0.budget.tenant) }) else { return [] }
    var spent = [Int64](repeating: 0, count: counters.count)
    var summed: [Int] = []
    for (index, counter) in counters.enumerated() {
      if BudgetStore.column(counter.budget.scope).dimension == nil {
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
        summed.map { Int64(BudgetStore.column(counters[$0].budget.scope).dimension ?? 0) },
        summed.map { counters[$0].budget.period == .hour ? Int64(0) : 1 }, summed.map { counters[$0].start },
        summed.map { counters[$0].end ?? BudgetStore.farFuture }, summed.map { counters[$0].subject },
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

  // MARK: Keys

  func revoke(_ tenant: TenantID, _ key: UUID, until expiry: Timestamp) async throws {
    _ = try await pool.query(
      "insert into revoked_key (id, tenant_id, expires_at) values ($1, $2, $3) on conflict do nothing",
      [key, tenant.uuid, expiry])
  }

  /// Keys that were taken back since a time; nil: all.
  func revoked(
    since time: Timestamp?
  ) async throws -> [(key: RevokedKey, expiresAt: Timestamp, revokedAt: Timestamp)] {
    _ = try await pool.query("delete from revoked_key where expires_at < now() - interval '1 minute'")
    let rows = try await pool.query(
      """
      select tenant_id, id, expires_at, revoked_at from revoked_key
      where $1::timestamptz is null or revoked_at >= $1::timestamptz - interval '1 minute'
      """, [time])
    return try rows.map {
      (
        RevokedKey(tenant: try $0.decode(0, as: UUID.self), id: try $0.decode(1, as: UUID.self)),
        try $0.decode(2, as: Timestamp.self), try $0.decode(3, as: Timestamp.self)
      )
    }
  }

  private func row(_ row: PostgresRow) throws -> (budget: Budget, version: Int) {
    (
      Budget(
        id: BudgetID(try row.decode(0, as: UUID.self)).description,
        tenant: TenantID(try row.decode(1, as: UUID.self)).description,
        scope: BudgetScope(rawValue: try row.decode(2, as: String.self)) ?? .tenant,
        subject: try row.decode(3, as: String.self),
        period: BudgetPeriod(rawValue: try row.decode(4, as: String.self)) ?? .total,
        tokens: try row.decode(5, as: Int64?.self), nanoUSD: try row.decode(6, as: Int64?.self),
        alertPercent: Int64(try row.decode(7, as: Int32.self))), Int(try row.decode(8, as: Int32.self))
    )
  }
}
