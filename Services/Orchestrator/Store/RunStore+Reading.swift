internal import Contracts
internal import Decider
internal import JSON
internal import Postgres
internal import Primitives

/// A task with its run, as it is shown.
struct TaskRow: Sendable {
  let tenant: TenantID
  let task: TaskID
  let run: RunID
  let title: String?
  let createdBy: String
  let createdAt: Timestamp
  let workflow: String
  let workflowVersion: Int
  let version: Int
  let status: RunState.Status
  let startedAt: Timestamp?
  let endedAt: Timestamp?
  let usage: Usage
  let failure: [UInt8]?
  let input: [UInt8]
  let output: [UInt8]?
}

/// One event of a history as it is stored.
struct EventRow: Sendable {
  let sequence: Int
  let at: Timestamp
  let type: String
  let step: String?
  let data: [UInt8]
}

extension RunStore {
  private static let taskColumns = """
    t.tenant_id, t.id, r.id, t.title, t.created_by, t.created_at, r.workflow, r.workflow_version, r.version, r.status,
    r.started_at, r.ended_at, r.input_tokens, r.output_tokens, r.cost_microusd, r.unpriced_calls, r.model_calls,
    r.failure, i.body, o.body
    from task t join run r on r.id = t.run_id
    join payload i on i.tenant_id = t.tenant_id and i.sha256 = r.input_sha256
    left join payload o on o.tenant_id = t.tenant_id and o.sha256 = r.output_sha256
    """

  /// A task of the tenant.
  func task(_ tenant: TenantID, _ id: TaskID) async throws -> TaskRow? {
    try await pool.query(
      "select \(RunStore.taskColumns) where t.tenant_id = $1 and t.id = $2", [tenant.uuid, id.uuid]
    ).first.map(RunStore.task)
  }

  /// A run of the tenant, with its task.
  func run(_ tenant: TenantID, _ id: RunID) async throws -> TaskRow? {
    try await pool.query(
      "select \(RunStore.taskColumns) where t.tenant_id = $1 and r.id = $2", [tenant.uuid, id.uuid]
    ).first.map(RunStore.task)
  }

  /// Tasks of the tenant, newest first, before `cursor`.
  func tasks(_ tenant: TenantID, before cursor: TaskID?, limit: Int) async throws -> [TaskRow] {
    try await pool.query(
      """
      select \(RunStore.taskColumns) where t.tenant_id = $1 and ($2::uuid is null or t.id < $2)
      order by t.id desc limit $3
      """, [tenant.uuid, cursor?.uuid, Int64(limit)]
    ).map(RunStore.task)
  }

  private static func task(_ row: PostgresRow) throws -> TaskRow {
    TaskRow(
      tenant: TenantID(try row.decode(0, as: UUID.self)), task: TaskID(try row.decode(1, as: UUID.self)),
      run: RunID(try row.decode(2, as: UUID.self)), title: try row.decode(3, as: String?.self),
      createdBy: try row.decode(4, as: String.self), createdAt: try row.decode(5, as: Timestamp.self),
      workflow: try row.decode(6, as: String.self), workflowVersion: Int(try row.decode(7, as: Int32.self)),
      version: Int(try row.decode(8, as: Int32.self)),
      status: RunState.Status(rawValue: try row.decode(9, as: String.self)) ?? .failed,
      startedAt: try row.decode(10, as: Timestamp?.self), endedAt: try row.decode(11, as: Timestamp?.self),
      usage: Usage(
        inputTokens: try row.decode(12, as: Int64.self), outputTokens: try row.decode(13, as: Int64.self),
        costMicroUSD: try row.decode(14, as: Int64.self), unpricedCalls: try row.decode(15, as: Int64.self),
        modelCalls: try row.decode(16, as: Int64.self)),
      failure: try row.decode(17, as: [UInt8]?.self), input: try row.decode(18, as: [UInt8].self),
      output: try row.decode(19, as: [UInt8]?.self))
  }

  /// Events behind `sequence`, in order.
  func events(_ run: RunID, after sequence: Int, limit: Int) async throws -> [EventRow] {
    try await pool.query(
      "select seq, at, type, step, data from event where run_id = $1 and seq > $2 order by seq limit $3",
      [run.uuid, Int32(clamping: sequence), Int64(limit)]
    ).map { row in
      EventRow(
        sequence: Int(try row.decode(0, as: Int32.self)), at: try row.decode(1, as: Timestamp.self),
        type: try row.decode(2, as: String.self), step: try row.decode(3, as: String?.self),
        data: try row.decode(4, as: [UInt8].self))
    }
  }

  /// Folds the history of a run. `nil` when there is no such run.
  func state(_ run: RunID) async throws -> (tenant: TenantID, state: RunState)? {
    guard let row = try await pool.query("select tenant_id, workflow from run where id = $1", [run.uuid]).first,
      let workflow = Workflow.builtIn[try row.decode(1, as: String.self)]
    else { return nil }
    var state = RunState(workflow: workflow)
    while true {
      let page = try await events(run, after: state.sequence, limit: 1000)
      for row in page {
        guard let view = try? JSONDocument(parsing: row.data).root,
          let event = EventCodec.decode(type: row.type, step: row.step, data: view)
        else { throw UnreadableHistory(run: run, sequence: row.sequence) }
        evolve(&state, event)
      }
      if page.count < 1000 { break }
    }
    return (TenantID(try row.decode(0, as: UUID.self)), state)
  }

  /// The tenant, run and key of a step that has a lease.
  func leasedStep(_ step: StepID) async throws -> OverdueLease? {
    try await pool.query(
      "select step_id, run_id, tenant_id, step, attempt, token from lease where step_id = $1", [step.uuid]
    ).first.map { row in
      OverdueLease(
        step: step, run: RunID(try row.decode(1, as: UUID.self)), tenant: TenantID(try row.decode(2, as: UUID.self)),
        key: try row.decode(3, as: String.self), attempt: Int(try row.decode(4, as: Int32.self)),
        token: try row.decode(5, as: UUID.self))
    }
  }

  /// The recorded calls of a step, with their results, in order of their index.
  func journal(_ run: RunID, step: String) async throws -> [(event: EventRow, result: [UInt8])] {
    try await pool.query(
      """
      select e.seq, e.at, e.type, e.step, e.data, p.body from event e
      join run r on r.id = e.run_id
      join payload p on p.tenant_id = r.tenant_id and p.sha256 = decode(e.data->'result'->>'sha256', 'hex')
      where e.run_id = $1 and e.step = $2 and e.type in ('model.called', 'tool.called') order by e.seq
      """, [run.uuid, step]
    ).map { row in
      (
        EventRow(
          sequence: Int(try row.decode(0, as: Int32.self)), at: try row.decode(1, as: Timestamp.self),
          type: try row.decode(2, as: String.self), step: try row.decode(3, as: String?.self),
          data: try row.decode(4, as: [UInt8].self)), try row.decode(5, as: [UInt8].self)
      )
    }
  }

  /// What an idempotency key stands for.
  func idempotency(_ tenant: TenantID, _ key: String) async throws -> IdempotencyRow? {
    try await pool.query(
      "select request_sha256, task_id, run_id from idempotency where tenant_id = $1 and key = $2", [tenant.uuid, key]
    ).first.map { row in
      IdempotencyRow(
        tenant: tenant, key: key, requestSHA256: try row.decode(0, as: [UInt8].self),
        task: TaskID(try row.decode(1, as: UUID.self)), run: RunID(try row.decode(2, as: UUID.self)))
    }
  }

  /// Steps that wait and steps that are leased, for the metrics.
  func queueDepth() async throws -> (ready: Int64, leased: Int64) {
    guard
      let row = try await pool.query(
        "select (select count(*) from ready), (select count(*) from lease)"
      ).first
    else { return (0, 0) }
    return (try row.decode(0, as: Int64.self), try row.decode(1, as: Int64.self))
  }
}

/// A history holds an event that this program cannot read.
struct UnreadableHistory: Error, CustomStringConvertible {
  let run: RunID
  let sequence: Int
  var description: String { "event \(sequence) of \(run) cannot be read by this version" }
}
