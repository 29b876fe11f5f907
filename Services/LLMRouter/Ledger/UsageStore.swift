package import Contracts
package import Postgres
internal import Primitives

/// Reads the ledger: sums of whole hours and days are kept as calls are written, what begins or ends in the midst of an
/// hour is added from the calls themselves.
package struct UsageStore: Sendable {
  private static let sums = [
    "calls", "attempts", "input_tokens", "cache_read_tokens", "cache_write_tokens", "output_tokens", "cost", "saved",
    "unpriced", "estimated",
  ]
  /// The same of a single call.
  private static let ofCall = """
    (call_id is null)::int as calls, 1 as attempts, input_tokens, cache_read_tokens, cache_write_tokens, output_tokens,
    coalesce(nano_usd, charged_nano_usd) as cost, saved_nano_usd as saved, (nano_usd is null)::int as unpriced,
    estimated::int as estimated
    """

  private let pool: PostgresPool

  /// The ledger behind a pool.
  package init(pool: PostgresPool) { self.pool = pool }

  package func sums(_ tenant: TenantID, _ query: UsageQuery) async throws -> [UsageRow] {
    let (source, parameters) = UsageStore.source(tenant, query)
    let bucket = query.bucket.map { "date_trunc('\($0)', at, 'UTC')" }
    let names = query.groups.compactMap { UsageQuery.dimensions[$0]?.column }
    let keys = (bucket.map { [$0] } ?? []) + names
    let order = keys.isEmpty ? "" : "group by \(keys.joined(separator: ", ")) order by \(keys.joined(separator: ", "))"
    let totals = UsageStore.sums.map { "least(coalesce(sum(\($0)), 0), 9e18)::int8" }
    let rows = try await pool.query(
      "select \((keys + totals).joined(separator: ", ")) from (\(source)) part \(order) limit \(query.limit)",
      parameters)
    let offset = bucket == nil ? 0 : 1
    let first = keys.count
    return try rows.map { row in
      func number(_ index: Int) throws -> Int64 { try row.decode(first + index, as: Int64.self) }
      return UsageRow(
        bucket: bucket == nil ? nil : try row.decode(0, as: Timestamp.self),
        groups: try names.indices.map { try row.decode($0 + offset, as: String?.self) }, calls: try number(0),
        attempts: try number(1), inputTokens: try number(2), cacheReadTokens: try number(3),
        cacheWriteTokens: try number(4), outputTokens: try number(5), nanoUSD: try number(6),
        savedNanoUSD: try number(7), unpricedCalls: try number(8), estimatedCalls: try number(9))
    }
  }

  /// The parts that a query is the sum of, as one relation: the time, the names that are asked for, and the numbers.
  static func source(_ tenant: TenantID, _ query: UsageQuery) -> (sql: String, parameters: [any PostgresEncodable]) {
    var parameters = Parameters(tenant)
    var names = query.groups
    for filter in query.filters where !names.contains(filter.name) { names.append(filter.name) }
    let dimensions = names.compactMap { UsageQuery.dimensions[$0] }
    let columns = dimensions.map(\.column)
    let conditions = parameters.conditions(query.filters)
    func part(
      _ table: String, _ time: String, _ shown: [String], _ numbers: String, _ condition: String,
      isIndexed: Bool = false
    ) -> String {
      let selected = (["\(time) as at"] + shown + [numbers]).joined(separator: ", ")
      return
        "select \(selected) from \(table) where \(isIndexed ? conditions.indexed : "tenant_id = $1") and \(condition)"
    }
    func calls(_ from: Timestamp, _ to: Timestamp) -> String {
      let condition = "started_at >= \(parameters.add(from)) and started_at < \(parameters.add(to))"
      return part("call", "started_at", columns, ofCall, condition, isIndexed: true)
    }
    let (first, last) = (query.from.ceiling(Hours.hour), query.to.floor(Hours.hour))
    guard first < last, !dimensions.contains(where: { $0.sum == nil }) else {
      return (calls(query.from, query.to), parameters.values)
    }
    var parts: [String] = []
    if query.from < first { parts.append(calls(query.from, first)) }
    if last < query.to { parts.append(calls(last, query.to)) }
    let numbers = sums.joined(separator: ", ")
    parts.append(
      part(
        "usage_pending", "hour", columns, numbers,
        "hour >= \(parameters.add(first)) and hour < \(parameters.add(last))\(conditions.plain)"))
    if dimensions.count > 1 {
      parts.append(
        part(
          "usage_hour", "hour", columns, numbers,
          "hour >= \(parameters.add(first)) and hour < \(parameters.add(last))\(conditions.plain)"))
    } else {
      // Whole days, and the hours before and after them.
      let days = query.bucket == "hour" ? (first, first) : (first.ceiling(Hours.day), last.floor(Hours.day))
      let (dayFirst, dayLast) = days.0 < days.1 ? days : (first, first)
      let filter = query.filters.isEmpty ? "" : " and value = $2"
      for (grain, from, to) in [(1, dayFirst, dayLast), (0, first, dayFirst), (0, dayLast, last)] where from < to {
        parts.append(
          part(
            "usage_sum", "bucket", columns.map { "value as \($0)" }, numbers,
            "dimension = \(dimensions.first?.sum ?? 0) and grain = \(grain) and bucket >= \(parameters.add(from)) and bucket < \(parameters.add(to))\(filter)"
          ))
      }
    }
    return (parts.joined(separator: " union all "), parameters.values)
  }

  /// Single calls, the newest first, as JSON objects by column.
  package func calls(_ tenant: TenantID, _ query: UsageQuery, before: CallID?) async throws -> [(id: CallID, json: [UInt8])] {
    var cursor: (at: Timestamp, id: UUID)?
    if let before {
      let row = try await pool.query(
        "select started_at from call where tenant_id = $1 and id = $2", [tenant.uuid, before.uuid]
      ).first
      guard let row else { return [] }
      cursor = (try row.decode(0, as: Timestamp.self), before.uuid)
    }
    let (sql, parameters) = UsageStore.list(tenant, query, before: cursor)
    return try await pool.query(sql, parameters).map {
      (CallID(try $0.decode(0, as: UUID.self)), try $0.decode(1, as: PostgresJSON.self).bytes)
    }
  }

  static func list(
    _ tenant: TenantID, _ query: UsageQuery, before: (at: Timestamp, id: UUID)?
  ) -> (sql: String, parameters: [any PostgresEncodable]) {
    var parameters = Parameters(tenant)
    let conditions = parameters.conditions(query.filters)
    let (from, to) = (parameters.add(query.from), parameters.add(query.to))
    var cursor = ""
    if let before {
      let (at, id) = (parameters.add(before.at), parameters.add(before.id))
      cursor = " and started_at <= \(at) and (started_at, id) < (\(at), \(id))"
    }
    return (
      """
      select c.id, to_jsonb(c) - 'tenant_id' - 'id' - 'refused' from (
        select id, started_at from call
        where \(conditions.indexed) and started_at >= \(from) and started_at < \(to)\(cursor)
        order by started_at desc, id desc limit \(query.limit)) page
      join call c on c.id = page.id order by page.started_at desc, page.id desc
      """, parameters.values
    )
  }

  /// A call with its attempts, the call first; empty when there is none.
  package func call(_ tenant: TenantID, _ id: CallID) async throws -> [(id: CallID, json: [UInt8])] {
    try await pool.query(
      """
      select id, to_jsonb(c) - 'tenant_id' - 'id' from call c where tenant_id = $1 and (id = $2 or call_id = $2)
      order by id <> $2, ended_at, id
      """, [tenant.uuid, id.uuid]
    ).map { (CallID(try $0.decode(0, as: UUID.self)), try $0.decode(1, as: PostgresJSON.self).bytes) }
  }

  /// The parameters of a statement, with the tenant as the first.
  struct Parameters {
    private(set) var values: [any PostgresEncodable]

    init(_ tenant: TenantID) { values = [tenant.uuid] }

    mutating func add(_ value: any PostgresEncodable) -> String {
      values.append(value)
      return "$\(values.count)"
    }

    /// Conditions on the tenant and names of calls for their indexes, and on names alone.
    mutating func conditions(_ filters: [(name: String, value: String)]) -> (indexed: String, plain: String) {
      var (keys, plain) = ([String](), "")
      for filter in filters {
        guard let dimension = UsageQuery.dimensions[filter.name] else { continue }
        let value = add(filter.value)
        plain += " and \(dimension.column) = \(value)"
        if let partial = dimension.partial {
          guard partial.holds(filter.value) else { continue }
          keys.append(partial.condition)
        }
        keys.append("label_key(tenant_id, \(dimension.column)) = label_key($1, \(value))")
      }
      guard !keys.isEmpty else { return ("tenant_id = $1\(plain)", plain) }
      // The number of a name selects; that the name is meant is looked at too, which selects nothing more: without the
      // `case` the planner would expect far too few rows, and sort them all.
      return ("\(keys.joined(separator: " and ")) and case when tenant_id = $1\(plain) then true else false end", plain)
    }
  }
}
