internal import Contracts
internal import JSON
internal import Postgres
internal import Primitives

/// A row of a history: events that were appended together.
struct HistoryRow: Sendable {
  /// The number of the last of them.
  let last: Int
  let at: Timestamp
  let body: [UInt8]
  /// Rows that the query could have returned if they were smaller.
  let available: Int64

  static let columns = ResultColumns<HistoryRow> { column in
    let last = column("h.seq", .int4)
    let at = column("h.at", .timestamptz)
    let body = column("h.body", .bytea)
    let available = column("h.rows", .int8)
    return { row in
      HistoryRow(last: Int(try row[last]), at: try row[at], body: try row[body], available: try row[available])
    }
  }

  /// The events of the row.
  func events(of run: RunID) throws -> [EventRow] {
    let document = try JSONDocument(parsing: body, limits: .archive)
    let first = last - document.root.count + 1
    return try document.root.elements.enumerated().map { offset, view in
      let parts = Array(view.elements)
      guard parts.count == 3, let type = parts[0].string else {
        throw UnreadableHistory(run: run, sequence: first + offset)
      }
      return EventRow(
        sequence: first + offset, at: at, type: type, step: parts[1].string, data: Array(parts[2].rawBytes))
    }
  }
}

extension JSONLimits {
  /// A history of half a million events.
  static let archive = JSONLimits(bytesMax: 1 << 30, nodesMax: 100_000_000)
}
