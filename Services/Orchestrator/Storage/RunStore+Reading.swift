package import Contracts
package import Decider
internal import History
internal import JSON
internal import Postgres

/// Reading of histories.
extension RunStore {
  /// Events that are read at once.
  private static let pageMax = 5000
  /// Bytes of events after which a page ends.
  private static let pageBytesMax: Int64 = 8 << 20

  /// Events behind `sequence`, in order, up to `limit`; fewer when they are large, but one at least. Those of an
  /// archived run are not here.
  package func events(_ run: RunID, after sequence: Int, limit: Int) async throws -> EventPage {
    // Every row has one event at least.
    let rows = try await pool.query(RunStore.readHistory, (run, sequence, limit))
    let available = rows.first?.available ?? 0
    var page = EventPage(isLast: available == rows.count && available < limit)
    for row in rows {
      let events = try row.events(of: run).drop { $0.sequence <= sequence }
      page.events += events.prefix(limit - page.events.count)
      if page.events.last?.sequence != events.last?.sequence { page.isLast = false }
    }
    return page
  }

  static let readHistory = Statement<(run: RunID, sequence: Int, limit: Int), HistoryRow>(HistoryRow.columns) {
    parameter in
    let run = parameter("run", .uuid) { $0.run.uuid }
    let sequence = parameter("sequence", .int4) { Int32(clamping: $0.sequence) }
    let limit = parameter("limit", .int8) { Int64($0.limit) }
    return """
      select \(HistoryRow.columns) from (
        select p.*, count(*) over () as rows, sum(length(p.body)) over (order by p.seq) - length(p.body) as before from (
          select seq, at, body from history where run_id = \(run) and seq > \(sequence)
          order by seq limit \(limit)) p) h
      where h.before < \(pageBytesMax) order by h.seq
      """
  }

  /// The events of a history behind `sequence`, decoded. Those of an archived run are not here.
  package func history(_ run: RunID, after sequence: Int) async throws -> [RunEvent] {
    var events: [RunEvent] = []
    while true {
      let page = try await self.events(run, after: sequence + events.count, limit: RunStore.pageMax)
      for row in page.events { events.append(try RunStore.decode(row, run)) }
      if page.isLast { return events }
    }
  }

  /// All events of a history, decoded; from the archive when they are there.
  package func history(_ run: RunID) async throws -> [RunEvent] {
    var events = try await history(run, after: 0)
    if events.isEmpty, let archived = try await archivedEvents(run) {
      events = try archived.map { try RunStore.decode($0, run) }
    }
    return events
  }

  package static func decode(_ row: EventRow, _ run: RunID) throws -> RunEvent {
    guard let view = try? JSONDocument(parsing: row.data).root,
      let event = EventCodec.decode(type: row.type, step: row.step, data: view)
    else { throw UnreadableHistory(run: run, sequence: row.sequence) }
    return event
  }

  /// The attributes of a run, and the workflow that it is pinned to.
  package func head(_ run: RunID) async throws -> RunHead? { try await pool.query(RunStore.findHead, run).first }

  static let findHead = Statement<RunID, RunHead>(RunHead.columns) { parameter in
    "select \(RunHead.columns) from run where id = \(parameter("run", .uuid) { $0.uuid })"
  }

  /// Recorded calls of a step, with their results, in order of their index.
  package typealias Journal = [(event: EventRow, result: [UInt8])]

  /// The recorded calls of steps of a run, each behind a sequence number. The history is read once for all of them, and
  /// so are the results.
  package func journals(
    _ run: RunID, _ tenant: TenantID, after sequences: [String: Int]
  ) async throws -> [String: Journal] {
    guard var last = sequences.values.min() else { return [:] }
    var calls: [(row: EventRow, step: String, result: PayloadRef)] = []
    while true {
      let page = try await events(run, after: last, limit: RunStore.pageMax)
      for row in page.events {
        guard let step = row.step, let after = sequences[step], row.sequence > after,
          CallRecord.Kind(eventType: row.type) != nil
        else { continue }
        if case .callRecorded(_, _, let call) = try RunStore.decode(row, run) { calls.append((row, step, call.result)) }
      }
      guard let end = page.events.last?.sequence, !page.isLast else { break }
      last = end
    }
    let bodies = try await payloads(tenant, calls.map(\.result))
    var journals: [String: Journal] = [:]
    for call in calls {
      guard let body = bodies[call.result.sha256] else {
        throw UnreadableHistory(run: run, sequence: call.row.sequence)
      }
      journals[call.step, default: []].append((call.row, body))
    }
    return journals
  }

  /// The request that an idempotency key was used for.
  package func idempotency(_ tenant: TenantID, _ key: String) async throws -> IdempotencyRow? {
    try await pool.query(RunStore.findIdempotency, (tenant, key)).first
  }

  static let findIdempotency = Statement<(tenant: TenantID, key: String), IdempotencyRow>(IdempotencyRow.columns) {
    parameter in
    let tenant = parameter("tenant", .uuid) { $0.tenant.uuid }
    let key = parameter("key", .text) { $0.key }
    return "select \(IdempotencyRow.columns) from idempotency where tenant_id = \(tenant) and key = \(key)"
  }

  /// Rows of the queues, for the metrics. Of leases, of which many come and go, it is what the server estimates.
  package func queueDepth() async throws -> QueueDepth? { try await pool.query(QueueDepth.now, ()).first }
}
