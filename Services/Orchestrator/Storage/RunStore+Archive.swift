package import Contracts
internal import JSON
internal import Postgres
internal import Primitives

/// Old histories: moved into one compressed row each, and deleted in the end.
extension RunStore {
  /// The events of an archived run; `nil` when it has no archive.
  package func archivedEvents(_ run: RunID) async throws -> [EventRow]? {
    guard let body = try await pool.query(RunStore.readArchive, run).first else { return nil }
    let document = try JSONDocument(parsing: body, limits: .archive)
    return try document.root.elements.map { view in
      guard let sequence = view["seq"]?.int, let at = view["at"]?.int, let type = view["type"]?.string,
        let data = view["data"]
      else { throw UnreadableHistory(run: run, sequence: 0) }
      return EventRow(
        sequence: Int(sequence), at: Timestamp(unixMicroseconds: at), type: type, step: view["step"]?.string,
        data: Array(data.rawBytes))
    }
  }

  private static let archiveBody = ResultColumns<[UInt8]> { column in
    let body = column("body", .bytea)
    return { row in try row[body] }
  }

  static let readArchive = Statement<RunID, [UInt8]>(archiveBody) { parameter in
    "select \(archiveBody) from archive where run_id = \(parameter("run", .uuid) { $0.uuid })"
  }

  /// Events behind `sequence`, from the history or from its archive.
  package func eventsOrArchived(_ run: RunID, after sequence: Int, limit: Int) async throws -> EventPage {
    let page = try await events(run, after: sequence, limit: limit)
    if !page.events.isEmpty { return page }
    guard let archived = try await archivedEvents(run) else { return EventPage() }
    let left = archived.drop { $0.sequence <= sequence }
    return EventPage(events: Array(left.prefix(limit)), isLast: left.count <= limit)
  }

  /// Moves histories of runs that ended longer than `seconds` ago into the archive. Returns how many.
  package func archive(endedBefore seconds: Int64, limit: Int) async throws -> Int {
    try await pool.execute(RunStore.moveToArchive, (seconds, limit))
  }

  static let moveToArchive = Statement<(seconds: Int64, limit: Int), Void> { parameter in
    let seconds = parameter("seconds", .int8) { $0.seconds }
    let limit = parameter("limit", .int8) { Int64($0.limit) }
    return """
      with old as materialized (
        select r.id as run_id, r.tenant_id, r.ended_at from run r
        where r.ended_at < now() - \(seconds) * interval '1 second' and r.archived_at is null
        order by r.ended_at limit \(limit) for update skip locked
      ), archived as (
        insert into archive (run_id, tenant_id, events, ended_at, body)
        select o.run_id, o.tenant_id, count(*), o.ended_at, convert_to(json_agg(json_build_object(
          'seq', e.seq, 'at', (extract(epoch from e.at) * 1000000)::int8, 'type', e.type, 'step', e.step, 'data', e.data)
          order by e.seq)::text, 'UTF8')
        from old o join event e on e.run_id = o.run_id
        group by o.run_id, o.tenant_id, o.ended_at
        on conflict (run_id) do nothing
      ), deleted as (
        delete from history h using old o where h.run_id = o.run_id
      )
      update run r set archived_at = now() where r.id = any(array(select run_id from old))
      """
  }

  /// Deletes runs that ended longer than `seconds` ago, with everything that belongs to them alone, and tasks that have
  /// no run any more. Returns how many runs.
  package func prune(endedBefore seconds: Int64, limit: Int) async throws -> Int {
    try await pool.execute(RunStore.deleteRuns, (seconds, limit))
  }

  static let deleteRuns = Statement<(seconds: Int64, limit: Int), Void> { parameter in
    let seconds = parameter("seconds", .int8) { $0.seconds }
    let limit = parameter("limit", .int8) { Int64($0.limit) }
    return """
      with old as materialized (
        select r.id, r.tenant_id, r.task_id, d.ended_at from (
          select id as run_id, ended_at from run where ended_at is not null and archived_at is null
          union all select run_id, ended_at from archive) d
        join run r on r.id = d.run_id
        where d.ended_at < now() - \(seconds) * interval '1 second'
          and not exists (select 1 from run c where c.id = r.parent_run and c.ended_at is null)
        order by d.ended_at limit \(limit) for update of r skip locked
      ), events as (
        delete from history h using old o where h.run_id = o.id
      ), archives as (
        delete from archive a using old o where a.run_id = o.id
      ), approvals as (
        delete from approval a using old o where a.run_id = o.id
      ), files as (
        delete from artefact a using old o where a.tenant_id = o.tenant_id and a.run_id = o.id
        returning a.tenant_id, a.blob_id
      ), contents as (
        insert into workspace_check (due_at, tenant_id, kind, id)
        select distinct now(), f.tenant_id, 'blob', f.blob_id from files f
      ), usages as (
        delete from workspace_usage w using old o
        where w.tenant_id = o.tenant_id and w.kind = 'run_artefacts' and w.scope = o.id
      ), keys as (
        delete from idempotency i using old o where i.run_id = o.id
      ), tasks as (
        delete from task t using old o where t.tenant_id = o.tenant_id and t.id = o.task_id
          and not exists (select 1 from run r where r.id = t.id and r.id not in (select id from old))
          and not exists (
            select 1 from run r where r.task_id = t.id and r.task_id <> r.id and r.id not in (select id from old))
        returning t.tenant_id, t.id, t.labels
      ), labels as (
        delete from task_label l using (select tenant_id, id, unnest(labels) as label from tasks) t
        where l.tenant_id = t.tenant_id and l.label = t.label and l.task_id = t.id
      )
      delete from run r using old o where r.id = o.id
      """
  }

  /// Deletes payloads that were last stored more than a day before the oldest run that is kept: a run stores or touches
  /// all that it needs while it is open. Returns how many.
  package func prunePayloads(limit: Int) async throws -> Int { try await pool.execute(RunStore.deletePayloads, limit) }

  static let deletePayloads = Statement<Int, Void> { parameter in
    let limit = parameter("limit", .int8) { Int64($0) }
    return """
      delete from payload p using (
        select c.tenant_id, c.sha256 from payload c
        where c.used_at < now() - interval '1 day'
          and c.used_at < coalesce(oldest_run(c.tenant_id), 'infinity') - interval '1 day'
        limit \(limit) for update skip locked) u
      where p.tenant_id = u.tenant_id and p.sha256 = u.sha256
      """
  }
}
