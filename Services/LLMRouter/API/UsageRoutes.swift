internal import APIKit
internal import Contracts
internal import HTTP
internal import HTTPWire
internal import JSON
internal import Ledger
internal import ModelCalls
internal import ModelCatalog
internal import Pricing
internal import Primitives
internal import ServiceKit
internal import SystemSources

/// `/api/v1/usage`: what was used and what it has cost, by any dimension and time; `/api/v1/calls`: single calls, each
/// with its attempts.
struct UsageRoutes: Sendable {
  private static let rowsMax = 10_000
  private static let groupsMax = 5
  private static let own: Set<String> = ["from", "to", "group_by", "bucket", "format", "limit", "cursor"]

  let usage: UsageStore
  let ledger: LedgerWriter
  let authenticator: Authenticator

  func add(to router: inout Router) {
    router.api(.get, "/api/v1/usage", sums)
    router.api(.get, "/api/v1/calls", calls)
    router.api(.get, "/api/v1/calls/{id}", call)
  }

  private func query(_ request: HTTPRequest) throws(Problem) -> (UsageQuery, QueryItems) {
    let items = try request.query()
    // The defaults are whole hours, of which there are sums.
    let to = try QueryParameter.time(items, "to") ?? UsageRoutes.wholeHour(after: WallClock.now())
    var query = UsageQuery(
      from: try QueryParameter.time(items, "from") ?? UsageRoutes.wholeHour(after: to) + .seconds(-30 * 86_400),
      to: to, groups: [], bucket: try QueryParameter.word(items, "bucket", allowed: UsageQuery.buckets),
      filters: [], limit: UsageRoutes.rowsMax)
    query.groups = (items["group_by"] ?? "").split(separator: ",").map(String.init)
    guard query.groups.count <= UsageRoutes.groupsMax, Set(query.groups).count == query.groups.count,
      query.groups.allSatisfy({ UsageQuery.dimensions[$0] != nil })
    else {
      throw .badParameter(
        "?group_by",
        "Up to \(UsageRoutes.groupsMax) of \(UsageQuery.dimensions.keys.sorted().joined(separator: ", ")) are possible."
      )
    }
    for (name, _) in UsageQuery.dimensions {
      if let value = items[name] { query.filters.append((name, value)) }
    }
    query.filters.sort { $0.name < $1.name }
    return (query, items)
  }

  private static func wholeHour(after time: Timestamp) -> Timestamp {
    let length: Int64 = 3_600_000_000
    return time.floor(length) + .seconds(3600)
  }

  private func sums(_ request: HTTPRequest) async throws -> HTTPResponse {
    let caller = try authenticator.caller(of: request)
    let (query, items) = try query(request)
    let format = try QueryParameter.word(items, "format", allowed: ["json", "csv"])
    // What this replica has accounted is in the answer.
    try await ledger.flush()
    let rows = try await usage.sums(caller.tenant, query)
    if format == "csv" { return csv(query, rows) }
    return .json { writer in
      writer.member("from", query.from.description)
      writer.member("to", query.to.description)
      writer.key("usage")
      writer.beginArray()
      for row in rows {
        writer.beginObject()
        if let bucket = row.bucket { writer.member("bucket", bucket.description) }
        for (name, value) in zip(query.groups, row.groups) { writer.member(name, orNull: value) }
        for (name, value) in UsageRoutes.numbers(row) { writer.member(name, value) }
        writer.member("usd", Double(row.nanoUSD) / 1e9)
        writer.member("saved_usd", Double(row.savedNanoUSD) / 1e9)
        writer.endObject()
      }
      writer.endArray()
    }
  }

  private static func numbers(_ row: UsageRow) -> [(String, Int64)] {
    [
      ("calls", row.calls), ("attempts", row.attempts), ("input_tokens", row.inputTokens),
      ("cache_read_tokens", row.cacheReadTokens),
      ("cache_write_tokens", row.cacheWriteTokens), ("output_tokens", row.outputTokens),
      ("unpriced_calls", row.unpricedCalls), ("estimated_calls", row.estimatedCalls),
    ]
  }

  /// CSV (RFC 4180). Cells that a spreadsheet would take for a formula get an apostrophe.
  private func csv(_ query: UsageQuery, _ rows: [UsageRow]) -> HTTPResponse {
    func cell(_ text: String) -> String {
      let safe = text.first.map { "=+-@\t\r".contains($0) } == true ? "'\(text)" : text
      guard safe.contains(where: { ",\"\r\n".contains($0) }) else { return safe }
      return "\"\(safe.replacing("\"", with: "\"\""))\""
    }
    var text =
      ((query.bucket == nil ? [] : ["bucket"]) + query.groups
      + [
        "calls", "attempts", "input_tokens", "cache_read_tokens", "cache_write_tokens", "output_tokens",
        "unpriced_calls",
        "estimated_calls", "usd", "saved_usd",
      ]).joined(separator: ",") + "\r\n"
    for row in rows {
      let cells =
        (row.bucket.map { [$0.description] } ?? []) + row.groups.map { cell($0 ?? "") }
        + UsageRoutes.numbers(row).map { String($0.1) }
        + [Dollars.text(nanoUSD: row.nanoUSD), Dollars.text(nanoUSD: row.savedNanoUSD)]
      text += cells.joined(separator: ",") + "\r\n"
    }
    var response = HTTPResponse(.ok, body: .bytes(Array(text.utf8)))
    response.headers.append(.contentType, "text/csv; charset=utf-8")
    response.headers.append(.contentDisposition, "attachment; filename=\"usage.csv\"")
    return response
  }

  /// A call with its attempts: those that were charged, in order, and those that were refused and cost nothing.
  private func call(_ request: HTTPRequest) async throws -> HTTPResponse {
    let caller = try authenticator.caller(of: request)
    let id = try PathParameter.id(request, CallID.self)
    try await ledger.flush()
    let rows = try await usage.call(caller.tenant, id)
    guard let first = rows.first, first.id == id, let root = try? JSONDocument(parsing: first.json).root else {
      throw Problem.notFound("call")
    }
    return .json { writer in
      writer.member("id", id.description)
      for (name, value) in root.members {
        let name = name.string ?? ""
        if name != "refused" { writer.member(name == "attempts" ? "attempt_count" : name, raw: value.rawBytes) }
      }
      writer.key("attempts")
      writer.beginArray()
      for refused in root["refused"]?.elements.map({ $0 }) ?? [] { CallAttempts.write(refused: refused, &writer) }
      for row in rows.dropFirst() + (CallAttempts.isOne(root) ? [first] : []) {
        if let attempt = try? JSONDocument(parsing: row.json).root { CallAttempts.write(attempt, &writer) }
      }
      writer.endArray()
      writer.key("total")
      writer.beginObject()
      for name in CallAttempts.numbers {
        let sum = rows.reduce(Int64(0)) { sum, row in
          sum.addingClamped((try? JSONDocument(parsing: row.json).root)?[name]?.int ?? 0)
        }
        writer.member(name, sum)
      }
      writer.endObject()
    }
  }

  private func calls(_ request: HTTPRequest) async throws -> HTTPResponse {
    let caller = try authenticator.caller(of: request)
    var (query, items) = try query(request)
    let page = try PageRequest<CallKind>(items, standard: 50, max: 500)
    query.limit = page.rows
    try await ledger.flush()
    let rows = try await usage.calls(caller.tenant, query, before: page.cursor)
    return .page("calls", rows, limit: page.limit, cursor: { $0.id.description }) { row, writer in
      writer.member("id", row.id.description)
      if let root = try? JSONDocument(parsing: row.json).root {
        for (name, value) in root.members { writer.member(name.string ?? "", raw: value.rawBytes) }
      }
    }
  }
}

/// Attempts as the API shows them.
private enum CallAttempts {
  static let numbers = [
    "input_tokens", "cache_read_tokens", "cache_write_tokens", "output_tokens", "charged_tokens", "charged_nano_usd",
  ]
  private static let members = [
    "provider", "model", "outcome", "estimated", "input_tokens", "cache_read_tokens", "cache_write_tokens",
    "output_tokens", "reasoning_tokens", "nano_usd", "charged_tokens", "charged_nano_usd", "latency_us",
  ]

  /// Whether the row of a call stands for an attempt too: one that answered, or the last that was begun.
  static func isOne(_ call: JSONView) -> Bool {
    (call["attempts"]?.int ?? 0) > 0 && (call["outcome"]?.string == "ok" || (call["charged_tokens"]?.int ?? 0) > 0)
  }

  static func write(_ row: JSONView, _ writer: inout JSONWriter) {
    writer.beginObject()
    for name in members {
      if let value = row[name] { writer.member(name, raw: value.rawBytes) }
    }
    writer.endObject()
  }

  static func write(refused: JSONView, _ writer: inout JSONWriter) {
    writer.beginObject()
    for name in ["provider", "model", "outcome", "at_us"] {
      if let value = refused[name] { writer.member(name, raw: value.rawBytes) }
    }
    for name in numbers { writer.member(name, Int64(0)) }
    writer.member("nano_usd", Int64(0))
    writer.endObject()
  }
}
