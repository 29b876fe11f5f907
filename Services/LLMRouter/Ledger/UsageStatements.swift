internal import Contracts
internal import Postgres
internal import Primitives

/// What the statements of a query take.
struct UsageInput: Sendable {
  let tenant: UUID
  let query: UsageQuery
  /// The last call of the page before.
  var cursor: (at: Timestamp, id: UUID)?
}

/// The statements of a query: there is one for each set of groups and filters, and for times that begin or end within
/// an hour.
extension UsageStore {
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

  /// The sums of a query.
  static func sumsStatement(_ query: UsageQuery) -> Statement<UsageInput, UsageRow> {
    let bucket = query.bucket.map { "date_trunc('\($0)', at, 'UTC')" }
    let names = query.groups.compactMap { UsageQuery.dimensions[$0]?.column }
    let keys = (bucket.map { [$0] } ?? []) + names
    let order = keys.isEmpty ? "" : "group by \(keys.joined(separator: ", ")) order by \(keys.joined(separator: ", "))"
    let columns = ResultColumns<UsageRow> { column in
      let bucket = bucket.map { column($0, .timestamptz) }
      let groups = names.map { column(nullable: $0, .text) }
      let totals = Dictionary(
        sums.map { ($0, column("least(coalesce(sum(\($0)), 0), 9e18)::int8", .int8)) }
      ) { $1 }
      return { row in
        func total(_ name: String) throws -> Int64 { try totals[name].map { column throws in try row[column] } ?? 0 }
        return UsageRow(
          bucket: try bucket.map { column throws in try row[column] },
          groups: try groups.map { column throws in try row[column] }, calls: try total("calls"),
          attempts: try total("attempts"), inputTokens: try total("input_tokens"),
          cacheReadTokens: try total("cache_read_tokens"), cacheWriteTokens: try total("cache_write_tokens"),
          outputTokens: try total("output_tokens"), nanoUSD: try total("cost"), savedNanoUSD: try total("saved"),
          unpricedCalls: try total("unpriced"), estimatedCalls: try total("estimated"))
      }
    }
    return Statement(columns) { parameter in
      "select \(columns) from (\(source(query, parameter))) part \(order) limit \(query.limit)"
    }
  }

  /// The parts that a query is the sum of, as one relation: the time, the names that are asked for, and the numbers.
  private static func source(_ query: UsageQuery, _ parameter: StatementBuilder<UsageInput>) -> String {
    var names = query.groups
    for filter in query.filters where !names.contains(filter.name) { names.append(filter.name) }
    let dimensions = names.compactMap { UsageQuery.dimensions[$0] }
    let columns = dimensions.compactMap(\.column)
    let conditions = UsageConditions(query, parameter)
    func part(
      _ table: String, _ time: String, _ selected: [String], _ numbers: String, _ conditions: String
    ) -> String {
      let list = (["\(time) as at"] + selected + [numbers]).joined(separator: ", ")
      return "select \(list) from \(table) where \(conditions)"
    }
    func range(_ column: String, _ from: Timestamp, _ to: Timestamp) -> String {
      let first = parameter("from", .timestamptz) { _ in from }
      let last = parameter("to", .timestamptz) { _ in to }
      return "\(column) >= \(first) and \(column) < \(last)"
    }
    func calls(_ from: Timestamp, _ to: Timestamp) -> String {
      part("call", "started_at", columns, ofCall, "\(conditions.indexed) and \(range("started_at", from, to))")
    }
    let (first, last) = (query.from.ceiling(Hours.hour), query.to.floor(Hours.hour))
    guard first < last, !dimensions.contains(where: { $0.number == nil }) else { return calls(query.from, query.to) }
    var parts: [String] = []
    if query.from < first { parts.append(calls(query.from, first)) }
    if last < query.to { parts.append(calls(last, query.to)) }
    let numbers = sums.joined(separator: ", ")
    func hours(of table: String) -> String {
      part(
        table, "hour", columns, numbers,
        "tenant_id = \(conditions.tenant) and \(range("hour", first, last))\(conditions.plain)")
    }
    parts.append(hours(of: "usage_pending"))
    if dimensions.count > 1 {
      parts.append(hours(of: "usage_hour"))
    } else {
      // Whole days, and the hours before and after them.
      let days = query.bucket == "hour" ? (first, first) : (first.ceiling(Hours.day), last.floor(Hours.day))
      let (dayFirst, dayLast) = days.0 < days.1 ? days : (first, first)
      let filter = conditions.values.first.map { " and value = \($0)" } ?? ""
      let ranges: [(UsageGrain, Timestamp, Timestamp)] = [
        (.day, dayFirst, dayLast), (.hour, first, dayFirst), (.hour, dayLast, last),
      ]
      for (grain, from, to) in ranges where from < to {
        parts.append(
          part(
            "usage_sum", "bucket", columns.map { "value as \($0)" }, numbers,
            """
            tenant_id = \(conditions.tenant) and dimension = \(dimensions.first?.number ?? 0)
            and grain = \(grain.rawValue) and \(range("bucket", from, to))\(filter)
            """))
      }
    }
    return parts.joined(separator: " union all ")
  }

  /// Single calls, the newest first.
  static func listStatement(
    _ query: UsageQuery, hasCursor: Bool
  ) -> Statement<UsageInput, (id: CallID, json: [UInt8])> {
    let columns = Statements.json(without: ["tenant_id", "id", "refused"])
    return Statement(columns) { parameter in
      let conditions = UsageConditions(query, parameter)
      let from = parameter("from", .timestamptz) { $0.query.from }
      let to = parameter("to", .timestamptz) { $0.query.to }
      var cursor = ""
      if hasCursor {
        let at = parameter("cursor_at", .timestamptz) { $0.cursor?.at }
        let id = parameter("cursor_id", .uuid) { $0.cursor?.id }
        cursor = " and started_at <= \(at) and (started_at, id) < (\(at), \(id))"
      }
      return """
        select \(columns) from (
          select id, started_at from call
          where \(conditions.indexed) and started_at >= \(from) and started_at < \(to)\(cursor)
          order by started_at desc, id desc limit \(query.limit)) page
        join call c on c.id = page.id order by page.started_at desc, page.id desc
        """
    }
  }
}

/// Conditions on the tenant and the names of calls.
private struct UsageConditions {
  let tenant: String
  /// For the indexes of `call`.
  let indexed: String
  /// On names alone; begins with "and" unless it is empty.
  let plain: String
  /// The values of the filters.
  let values: [String]

  init(_ query: UsageQuery, _ parameter: StatementBuilder<UsageInput>) {
    let tenant = parameter("tenant", .uuid) { $0.tenant }
    var (values, plain) = ([String](), "")
    var best: (rank: Int, condition: String)?
    for (index, filter) in query.filters.enumerated() {
      guard let dimension = UsageQuery.dimensions[filter.name], let column = dimension.column else { continue }
      let value = parameter("\(filter.name)", .text) { $0.query.filters[index].value }
      values.append(value)
      plain += " and \(column) = \(value)"
      guard dimension.partial?.holds(filter.value) ?? true else { continue }
      let rank = UsageDimension.bySelectivity.firstIndex(of: dimension.name) ?? .max
      if rank >= best?.rank ?? .max { continue }
      let part = dimension.partial.map { "\($0.condition) and " } ?? ""
      best = (rank, "\(part)label_key(tenant_id, \(column)) = label_key(\(tenant), \(value))")
    }
    self.tenant = tenant
    self.values = values
    self.plain = plain
    // The number of a name selects; that the name is meant is looked at too, which selects nothing more: without the
    // `case` the planner would expect far too few rows, and sort them all. For the same reason one name alone selects,
    // whatever the others are: the index of that one is walked in the order of time.
    indexed =
      best.map { "\($0.condition) and case when tenant_id = \(tenant)\(plain) then true else false end" }
      ?? "tenant_id = \(tenant)\(plain)"
  }
}
