package import Contracts
internal import Postgres
package import Primitives

/// Where a ready step stands.
package struct QueuePlace: Sendable {
  package struct Limit: Sendable {
    package let key: String
    package let slots: Int
    package let held: Int
  }

  package let jobType: String
  package let queuedAt: Timestamp
  /// When it will be queued, if it is not yet.
  package let dueAt: Timestamp?
  /// The first limit that has no slot for it.
  package let fullLimit: Limit?
}

extension RunStore {
  /// Runs of the tenant that a step of this id may belong to, with their versions: the first half of the id is the
  /// run's.
  package func runs(sharing id: StepID, _ tenant: TenantID) async throws -> [(run: RunID, version: Int)] {
    let low = UUID(high: id.uuid.high, low: 0)
    let high = UUID(high: id.uuid.high, low: .max)
    return try await pool.query(
      "select id, version from run where tenant_id = $1 and id between $2 and $3 limit 100", [tenant.uuid, low, high]
    ).map { (RunID(try $0.decode(0, as: UUID.self)), Int(try $0.decode(1, as: Int32.self))) }
  }

  /// Where a step stands in the queue; `nil` when it is not there.
  package func place(of step: StepID) async throws -> QueuePlace? {
    try await pool.query(
      """
      with q as (
        select tenant_id, job_type, lane, queued_at, null::timestamptz as due_at from ready where step_id = $1
        union all
        select tenant_id, job_type, lane, queued_at, due_at from delayed where step_id = $1
      ), held as (
        select k.key, coalesce(c.slots, 1) as slots, (
          select count(*) from lease h where h.tenant_id = q.tenant_id
            and (k.key = 'tenant' or k.key = any(string_to_array(h.lane, E'\\x1f'))))::int as n
        from q cross join lateral unnest(array['tenant'] || string_to_array(nullif(q.lane, ''), E'\\x1f')) as k(key)
        left join concurrency_limit c on c.tenant_id = q.tenant_id and c.key = k.key
        where c.slots is not null or k.key like 'lock:%'
      )
      select q.job_type, q.queued_at, q.due_at, h.key, h.slots, h.n
      from q left join held h on h.n >= h.slots limit 1
      """, [step.uuid]
    ).first.map { row in
      var limit: QueuePlace.Limit?
      if let key = try row.decode(3, as: String?.self), let slots = try row.decode(4, as: Int32?.self),
        let held = try row.decode(5, as: Int32?.self)
      {
        limit = QueuePlace.Limit(key: key, slots: Int(slots), held: Int(held))
      }
      return QueuePlace(
        jobType: try row.decode(0, as: String.self), queuedAt: try row.decode(1, as: Timestamp.self),
        dueAt: try row.decode(2, as: Timestamp?.self), fullLimit: limit)
    }
  }
}
