package import Contracts
package import Decider
internal import History
internal import JSON
internal import Postgres
package import Primitives

/// One event of a history as it is stored.
package struct EventRow: Sendable {
  package let sequence: Int
  package let at: Timestamp
  package let type: String
  package let step: String?
  package let data: [UInt8]

  /// Every member.
  package init(sequence: Int, at: Timestamp, type: String, step: String?, data: [UInt8]) {
    self.sequence = sequence
    self.at = at
    self.type = type
    self.step = step
    self.data = data
  }
}

/// A part of a history.
package struct EventPage: Sendable {
  package var events: [EventRow] = []
  /// Whether nothing stands behind it.
  package var isLast = true

  /// Every member.
  package init(events: [EventRow] = [], isLast: Bool = true) {
    self.events = events
    self.isLast = isLast
  }
}

/// A history holds an event that this program cannot read.
package struct UnreadableHistory: Error, CustomStringConvertible {
  package let run: RunID
  package let sequence: Int
  package var description: String { "event \(sequence) of \(run) cannot be read by this version" }
}

extension RunStore {
  /// Events that are read at once.
  private static let pageMax = 5000
  /// Bytes of events after which a page ends.
  private static let pageBytesMax: Int64 = 8 << 20

  /// Events behind `sequence`, in order, up to `limit`; fewer when they are large, but one at least. Those of an
  /// archived run are not here.
  package func events(_ run: RunID, after sequence: Int, limit: Int) async throws -> EventPage {
    // Every row has one event at least.
    let rows = try await pool.query(
      """
      select h.seq, h.at, h.body, h.rows from (
        select p.*, count(*) over () as rows, sum(length(p.body)) over (order by p.seq) - length(p.body) as before from (
          select seq, at, body from history where run_id = $1 and seq > $2 order by seq limit $3) p) h
      where h.before < $4 order by h.seq
      """, [run.uuid, Int32(clamping: sequence), Int64(limit), RunStore.pageBytesMax])
    let found = try rows.first?.decode(3, as: Int64.self) ?? 0
    var page = EventPage(isLast: found == rows.count && found < limit)
    for row in rows {
      let events = try RunStore.events(row, of: run).drop { $0.sequence <= sequence }
      page.events += events.prefix(limit - page.events.count)
      if page.events.last?.sequence != events.last?.sequence { page.isLast = false }
    }
    return page
  }

  /// The events of a row.
  private static func events(_ row: PostgresRow, of run: RunID) throws -> [EventRow] {
    let last = Int(try row.decode(0, as: Int32.self))
    let at = try row.decode(1, as: Timestamp.self)
    let document = try JSONDocument(parsing: try row.decode(2, as: [UInt8].self), limits: .archive)
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

  /// What is known of a run beside its history, and the workflow that it is pinned to.
  package func head(_ run: RunID) async throws -> (facts: RunFacts, workflow: String, version: Int)? {
    try await pool.query(
      """
      select tenant_id, task_id, project_id, priority, parent_run, parent_step, parent_attempt, depth, traceparent,
        workflow, workflow_version
      from run where id = $1
      """, [run.uuid]
    ).first.map { row in
      let parent = try row.decode(4, as: UUID?.self).map { RunID($0) }
      let step = try row.decode(5, as: String?.self)
      let attempt = try row.decode(6, as: Int32?.self)
      var parentStep: ParentStep?
      if let parent, let step, let attempt { parentStep = ParentStep(run: parent, step: step, attempt: Int(attempt)) }
      return (
        RunFacts(
          tenant: TenantID(try row.decode(0, as: UUID.self)), task: TaskID(try row.decode(1, as: UUID.self)),
          project: try row.decode(2, as: UUID?.self).map { ProjectID($0) },
          priority: Int(try row.decode(3, as: Int32.self)), parent: parentStep,
          depth: Int(try row.decode(7, as: Int32.self)), traceparent: try row.decode(8, as: String?.self)),
        try row.decode(9, as: String.self), Int(try row.decode(10, as: Int32.self))
      )
    }
  }

  /// The recorded calls of a step behind `sequence`, with their results, in order of their index.
  package func journal(_ run: RunID, step: String, after sequence: Int) async throws -> [(
    event: EventRow, result: [UInt8]
  )] {
    guard let tenant = try await head(run)?.facts.tenant else { return [] }
    var calls: [(row: EventRow, result: PayloadRef)] = []
    var last = sequence
    while true {
      let page = try await events(run, after: last, limit: RunStore.pageMax)
      for row in page.events where row.step == step {
        if case .callRecorded(_, _, let call) = try RunStore.decode(row, run) { calls.append((row, call.result)) }
      }
      guard let end = page.events.last?.sequence, !page.isLast else { break }
      last = end
    }
    let bodies = try await payloads(tenant, calls.map(\.result))
    return try calls.map { call in
      guard let body = bodies[call.result.sha256] else {
        throw UnreadableHistory(run: run, sequence: call.row.sequence)
      }
      return (call.row, body)
    }
  }

  /// What an idempotency key stands for.
  package func idempotency(_ tenant: TenantID, _ key: String) async throws -> IdempotencyRow? {
    try await pool.query(
      "select request_sha256, task_id, run_id from idempotency where tenant_id = $1 and key = $2", [tenant.uuid, key]
    ).first.map { row in
      IdempotencyRow(
        tenant: tenant, key: key, requestSHA256: try row.decode(0, as: [UInt8].self),
        task: TaskID(try row.decode(1, as: UUID.self)), run: RunID(try row.decode(2, as: UUID.self)))
    }
  }

  /// Rows of the queues, for the metrics. Of leases, of which many come and go, it is what the server estimates.
  package func queueDepth() async throws -> (ready: Int64, leased: Int64, delayed: Int64, timers: Int64) {
    guard
      let row = try await pool.query(
        """
        select (select count(*) from (select 1 from ready limit 100000) q),
          greatest(0, pg_stat_get_live_tuples('lease'::regclass)),
          (select count(*) from (select 1 from delayed limit 100000) d),
          (select count(*) from (select 1 from timer limit 100000) t)
        """
      ).first
    else { return (0, 0, 0, 0) }
    return (
      try row.decode(0, as: Int64.self), try row.decode(1, as: Int64.self), try row.decode(2, as: Int64.self),
      try row.decode(3, as: Int64.self)
    )
  }
}
