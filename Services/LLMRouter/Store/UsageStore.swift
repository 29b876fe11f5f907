internal import Contracts
internal import JSON
internal import Postgres
internal import Primitives

/// What the usage API can be asked for.
struct UsageQuery: Sendable {
  /// What rows can be told apart by, with the columns.
  static let dimensions: [String: String] = [
    "project": "project", "group": "\"group\"", "run": "run", "step": "step", "agent": "agent", "tool": "tool",
    "key": "key", "principal": "principal", "model": "model", "model_asked": "model_asked", "provider": "provider",
    "outcome": "outcome", "cache": "cache", "dialect": "dialect",
  ]
  static let buckets = ["hour", "day", "month"]

  var from: Timestamp
  var to: Timestamp
  /// Keys of `dimensions`.
  var groups: [String]
  /// One of `buckets`.
  var bucket: String?
  /// Values by keys of `dimensions`.
  var filters: [(name: String, value: String)]
  var limit: Int
}

/// Sums of calls.
struct UsageRow: Sendable {
  var bucket: Timestamp?
  /// In the order of the query's groups.
  var groups: [String?]
  var calls: Int64
  var inputTokens: Int64
  var cacheReadTokens: Int64
  var cacheWriteTokens: Int64
  var outputTokens: Int64
  var nanoUSD: Int64
  var savedNanoUSD: Int64
  var unpricedCalls: Int64
  var estimatedCalls: Int64
}

/// Reads the ledger.
struct UsageStore: Sendable {
  let pool: PostgresPool

  func sums(_ tenant: TenantID, _ query: UsageQuery) async throws -> [UsageRow] {
    let columns = query.groups.compactMap { UsageQuery.dimensions[$0] }
    let bucket = query.bucket.map { "date_trunc('\($0)', started_at, 'UTC')" }
    let keys = (bucket.map { [$0] } ?? []) + columns
    let (condition, parameters) = condition(tenant, query)
    let order = keys.isEmpty ? "" : "group by \(keys.joined(separator: ", ")) order by \(keys.joined(separator: ", "))"
    let selected =
      (keys + [
        "count(*)", "coalesce(sum(input_tokens), 0)::int8", "coalesce(sum(cache_read_tokens), 0)::int8",
        "coalesce(sum(cache_write_tokens), 0)::int8", "coalesce(sum(output_tokens), 0)::int8",
        "coalesce(sum(nano_usd), 0)::int8", "coalesce(sum(saved_nano_usd), 0)::int8",
        "count(*) filter (where nano_usd is null)", "count(*) filter (where estimated)",
      ]).joined(separator: ", ")
    let rows = try await pool.query(
      "select \(selected) from call where \(condition) \(order) limit \(query.limit)", parameters)
    let first = keys.count
    return try rows.map { row in
      let offset = bucket == nil ? 0 : 1
      return UsageRow(
        bucket: bucket == nil ? nil : try row.decode(0, as: Timestamp.self),
        groups: try columns.indices.map { try row.decode($0 + offset, as: String?.self) },
        calls: try row.decode(first, as: Int64.self), inputTokens: try row.decode(first + 1, as: Int64.self),
        cacheReadTokens: try row.decode(first + 2, as: Int64.self),
        cacheWriteTokens: try row.decode(first + 3, as: Int64.self),
        outputTokens: try row.decode(first + 4, as: Int64.self), nanoUSD: try row.decode(first + 5, as: Int64.self),
        savedNanoUSD: try row.decode(first + 6, as: Int64.self),
        unpricedCalls: try row.decode(first + 7, as: Int64.self),
        estimatedCalls: try row.decode(first + 8, as: Int64.self))
    }
  }

  /// Single calls, the newest first, as JSON objects by column.
  func calls(_ tenant: TenantID, _ query: UsageQuery, before: CallID?) async throws -> [(id: CallID, json: [UInt8])] {
    var (condition, parameters) = condition(tenant, query)
    parameters.append(before?.uuid)
    return try await pool.query(
      """
      select id, to_jsonb(c) - 'tenant_id' - 'id' from call c
      where \(condition) and ($\(parameters.count)::uuid is null or id < $\(parameters.count))
      order by id desc limit \(query.limit)
      """, parameters
    ).map { (CallID(try $0.decode(0, as: UUID.self)), try $0.decode(1, as: PostgresJSON.self).bytes) }
  }

  private func condition(_ tenant: TenantID, _ query: UsageQuery) -> (String, [any PostgresEncodable]) {
    var parameters: [any PostgresEncodable] = [tenant.uuid, query.from, query.to]
    var text = "tenant_id = $1 and started_at >= $2 and started_at < $3"
    for filter in query.filters {
      guard let column = UsageQuery.dimensions[filter.name] else { continue }
      parameters.append(filter.value)
      text += " and \(column) = $\(parameters.count)"
    }
    return (text, parameters)
  }
}
