package import Budgets
internal import Contracts
package import Postgres
package import Primitives

/// What the ledger says that budget counters have spent.
package struct SpentStore: Sendable {
  private let pool: PostgresPool

  /// The ledger behind a pool.
  package init(pool: PostgresPool) { self.pool = pool }

  /// What a counter has spent, without some calls and their attempts.
  package func spent(_ counter: BudgetCounter, without calls: [UUID]) async throws -> Int64 {
    guard let tenant = TenantID(counter.budget.tenant) else { return 0 }
    let input = CounterInput(
      tenant: tenant.uuid, start: counter.start, end: counter.end ?? SpentStore.farFuture, subject: counter.subject,
      calls: calls)
    return try await pool.query(SpentStore.statement(counter), input).first ?? 0
  }

  /// What counters of one tenant have spent, in their order.
  package func spent(_ counters: [BudgetCounter]) async throws -> [Int64] {
    guard let tenant = counters.first.flatMap({ TenantID($0.budget.tenant) }) else { return [] }
    var spent = [Int64](repeating: 0, count: counters.count)
    var summed: [SummedCounter] = []
    for (index, counter) in counters.enumerated() {
      if let dimension = UsageDimension(of: counter.budget.scope)?.number {
        summed.append(SummedCounter(index: index, dimension: dimension, counter: counter))
      } else {
        spent[index] = try await self.spent(counter, without: [])
      }
    }
    guard !summed.isEmpty else { return spent }
    for (index, sum) in try await pool.query(Statements.sums, (tenant.uuid, summed))
    where spent.indices.contains(index) { spent[index] = sum }
    return spent
  }

  /// The end of windows that have none, in seconds since 1970: the year 3000.
  private static let farFuture: Int64 = 32_503_680_000

  /// What the statement of one counter takes.
  struct CounterInput: Sendable {
    let tenant: UUID
    let start: Int64
    let end: Int64
    let subject: String
    let calls: [UUID]
  }

  /// A counter whose sums are kept.
  struct SummedCounter: Sendable {
    let index: Int
    let dimension: Int
    let counter: BudgetCounter
  }

  /// The statement for a counter. There is one for each scope and unit, and for hours.
  static func statement(_ counter: BudgetCounter) -> Statement<CounterInput, Int64> {
    let column = counter.unit == .tokens ? "charged_tokens" : "charged_nano_usd"
    guard let dimension = UsageDimension(of: counter.budget.scope) else { return Statements.ofRun(column) }
    return Statements.ofDimension(dimension, column, UsageGrain(of: counter.budget.period))
  }

  enum Statements {
    private static let sum = ResultColumns<Int64> { column in
      let sum = column("spent", .int8)
      return { row in try row[sum] }
    }

    /// The sum of some numbers of which each may be null, as far as it is a sensible amount.
    private static func total(_ parts: [String]) -> String {
      """
      select \(sum) from (select greatest(0, least(coalesce(
        (select sum(part) from unnest(array[\(parts.joined(separator: ", "))]::numeric[]) part), 0), 9e15))::int8
        as spent) total
      """
    }

    /// Sums are kept; calls that are left out are subtracted.
    static func ofDimension(
      _ dimension: UsageDimension, _ column: String, _ grain: UsageGrain
    ) -> Statement<CounterInput, Int64> {
      Statement(sum) { parameter in
        let tenant = parameter("tenant", .uuid) { $0.tenant }
        let start = parameter("start", .int8) { $0.start }
        let end = parameter("end", .int8) { $0.end }
        let calls = parameter.array("calls", of: .uuid) { $0.calls }
        func window(_ time: String) -> String {
          "\(time) >= to_timestamp(\(start)) and \(time) < to_timestamp(\(end))"
        }
        var (value, filter) = ("", "")
        if let name = dimension.column {
          let subject = parameter("subject", .text) { $0.subject }
          (value, filter) = (" and value = \(subject)", " and \(name) = \(subject)")
        }
        return total([
          """
          (select sum(\(column)) from usage_sum where tenant_id = \(tenant) and dimension = \(dimension.number ?? 0)
            and grain = \(grain.rawValue) and \(window("bucket"))\(value))
          """,
          "(select sum(\(column)) from usage_pending where tenant_id = \(tenant) and \(window("hour"))\(filter))",
          """
          -(select sum(\(column)) from call
            where tenant_id = \(tenant) and (id = any(\(calls)) or call_id = any(\(calls)))
              and \(window("started_at"))\(filter))
          """,
        ])
      }
    }

    /// Of single runs there are no sums.
    static func ofRun(_ column: String) -> Statement<CounterInput, Int64> {
      Statement(sum) { parameter in
        let tenant = parameter("tenant", .uuid) { $0.tenant }
        let start = parameter("start", .int8) { $0.start }
        let end = parameter("end", .int8) { $0.end }
        let run = parameter("run", .text) { $0.subject }
        let calls = parameter.array("calls", of: .uuid) { $0.calls }
        return total([
          """
          (select sum(\(column)) from call where tenant_id = \(tenant) and run = \(run)
            and started_at >= to_timestamp(\(start)) and started_at < to_timestamp(\(end))
            and label_key(tenant_id, run) = label_key(\(tenant), \(run)) and id <> all(\(calls))
            and (call_id is null or call_id <> all(\(calls))))
          """
        ])
      }
    }

    private static let numbered = ResultColumns<(index: Int, spent: Int64)> { column in
      let number = column("number", .int8)
      let spent = column("spent", .int8)
      return { row in (Int(try row[number]), try row[spent]) }
    }

    static let sums = Statement<(tenant: UUID, counters: [SummedCounter]), (index: Int, spent: Int64)>(numbered) {
      parameter in
      let tenant = parameter("tenant", .uuid) { $0.tenant }
      let counters = parameter.rows("x") { $0.counters }
      counters("number", .int8) { Int64($0.index) }
      counters("dimension", .int8) { Int64($0.dimension) }
      counters("grain", .int8) { Int64(UsageGrain(of: $0.counter.budget.period).rawValue) }
      counters("first", .int8) { $0.counter.start }
      counters("last", .int8) { $0.counter.end ?? SpentStore.farFuture }
      counters("value", .text) { $0.counter.subject }
      counters("unit", .text) { $0.counter.unit.rawValue }
      return """
        select \(numbered) from (
          select x.number, greatest(0, least(9e15, coalesce((
              select sum(case x.unit when 'tokens' then s.charged_tokens else s.charged_nano_usd end) from usage_sum s
              where s.tenant_id = \(tenant) and s.dimension = x.dimension and s.grain = x.grain
                and s.bucket >= to_timestamp(x.first) and s.bucket < to_timestamp(x.last)
                and (x.dimension = 0 or s.value = x.value)), 0)
            + coalesce((
              select sum(case x.unit when 'tokens' then p.charged_tokens else p.charged_nano_usd end)
              from usage_pending p
              where p.tenant_id = \(tenant) and p.hour >= to_timestamp(x.first) and p.hour < to_timestamp(x.last)
                and (x.dimension = 0 or x.value = \(UsageDimension.budgetValue(of: "p", number: "x.dimension")))), 0)
            ))::int8 as spent
          from \(counters)) sums
        """
    }
  }
}
