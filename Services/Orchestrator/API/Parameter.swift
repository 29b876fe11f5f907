internal import Contracts
internal import HTTP
internal import HTTPWire
internal import RunStorage

/// Parameters that several routes read.
enum Parameter {
  /// `limit` of a list.
  static func limit(_ query: QueryItems, standard: Int, max: Int) throws(Problem) -> Int {
    guard let text = query["limit"] else { return standard }
    guard let limit = Int(text), (1...max).contains(limit) else {
      throw .badParameter("?limit", "A whole number from 1 to \(max) is expected.")
    }
    return limit
  }

  /// Seconds of `Prefer: wait=N` (RFC 7240), at most 60; nil without.
  static func waitSeconds(_ request: HTTPRequest) throws(Problem) -> Int? {
    for value in request.headers.values(of: "prefer") {
      for part in value.split(whereSeparator: { $0 == "," || $0 == ";" }) {
        let pair = part.filter { $0 != " " }.lowercased().split(separator: "=")
        guard pair.first == "wait" else { continue }
        guard pair.count == 2, let seconds = Int(pair[1]), (0...600).contains(seconds) else {
          throw .badParameter("Prefer", "wait=N with N from 0 to 600 seconds is expected.")
        }
        return min(seconds, 60)
      }
    }
    return nil
  }

  /// Where a page of a list begins: `next_cursor` of the page before.
  static func cursor<Kind: IdentifiedKind>(_ query: QueryItems, _ kind: ID<Kind>.Type) throws(Problem) -> ID<Kind>? {
    try id(query, "cursor", kind, "Use next_cursor of an earlier answer.")
  }

  /// An id in the query.
  static func id<Kind: IdentifiedKind>(
    _ query: QueryItems, _ name: String, _ kind: ID<Kind>.Type, _ hint: String = "An id is expected."
  ) throws(Problem) -> ID<Kind>? {
    guard let text = query[name] else { return nil }
    guard let id = ID<Kind>(text) else { throw .badParameter("?\(name)", hint) }
    return id
  }

  /// What a list is restricted to.
  static func filter(_ query: QueryItems) throws(Problem) -> RunFilter {
    var filter = RunFilter()
    filter.project = try id(query, "project_id", ProjectID.self)
    filter.task = try id(query, "task_id", TaskID.self)
    filter.workflow = query["workflow"]
    filter.label = query["label"]
    if let status = query["status"] {
      let known = ["pending", "running", "paused", "compensating", "succeeded", "failed", "cancelled"]
      guard known.contains(status) else {
        throw .badParameter("?status", "One of \(known.joined(separator: ", ")) is expected.")
      }
      filter.status = status
    }
    if let archived = query["archived"] {
      guard let isToo = ["true": true, "false": false][archived] else {
        throw .badParameter("?archived", "true or false is expected.")
      }
      filter.isArchivedToo = isToo
    }
    return filter
  }

  /// The version that `If-Match` demands; nil without the header or with `*`.
  static func ifMatch(_ request: HTTPRequest) throws(Problem) -> Int? {
    guard let text = request.headers["if-match"], text != "*" else { return nil }
    guard text.hasPrefix("\""), text.hasSuffix("\""), let version = Int(text.dropFirst().dropLast()), version > 0 else {
      throw .badParameter("If-Match", "The ETag of an earlier answer is expected.")
    }
    return version
  }

  /// An id in the path; a malformed one names nothing.
  static func id<Kind: IdentifiedKind>(_ request: HTTPRequest, _ kind: ID<Kind>.Type) throws(Problem) -> ID<Kind> {
    guard let id = ID<Kind>(try request.parameter("id")) else { throw .notFound(Kind.prefix) }
    return id
  }
}
