internal import Contracts
internal import Decider
package import Postgres
package import RunEngine
package import RunStorage
package import Telemetry
package import Tenancy

/// All that the orchestrator has of a tenant.
package enum OrchestratorTenants {
  /// Runs that are cancelled at once.
  private static let runsMax = 200

  /// Deletes it: runs are cancelled first, so that workers stop.
  package static func deletion(
    pool: PostgresPool, engine: Engine, runs: RunStore, logger: Logger
  ) -> TenantDeletion {
    TenantDeletion(
      data: TenantData(pool: pool, schema: OrchestratorSchema.name, tables: tables), states: TenantStates(pool: pool),
      extras: TenantExtras(stop: { try await stop(TenantID($0), engine, runs) }), logger: logger)
  }

  /// Cancels all runs of the tenant that have not ended.
  private static func stop(_ tenant: TenantID, _ engine: Engine, _ runs: RunStore) async throws {
    var cursor: RunID?
    while true {
      let open = try await runs.openRuns(tenant, RunFilter(), after: cursor, limit: runsMax)
      // One that cannot be cancelled is deleted as it is.
      _ = try await engine.apply(
        all: open.map { run in
          RunChange(run: run, inputs: [.cancel(by: "system", reason: "The tenant is deleted.", undoes: false)])
        })
      guard open.count == runsMax, let last = open.last else { return }
      cursor = last
    }
  }

  /// Every table with rows of tenants, in the order in which they are deleted: first what begins something, content
  /// behind what refers to it. A test compares them with the schema.
  package static let tables: [TenantTable] = [
    TenantTable("schedule", keys: [.init("t.id", "uuid")], rowsMax: 50),
    // Queues: what they hold follows from the histories.
    TenantTable("ready", keys: []), TenantTable("delayed", keys: []), TenantTable("lease", keys: []),
    TenantTable("timer", keys: []),
    TenantTable("approval", keys: [.init("t.id", "uuid")]),
    TenantTable(
      "run", keys: [.init("t.id", "uuid")],
      children: [(table: "history", key: "run_id"), (table: "archive", key: "run_id")]),
    TenantTable(
      "history", owner: .through(parent: "run", key: "run_id"),
      keys: [.init("t.run_id", "uuid"), .init("t.seq", "int4")], rowsMax: 50),
    TenantTable("archive", keys: [.init("t.run_id", "uuid")], rowsMax: 4),
    TenantTable("task", keys: [.init("t.id", "uuid")]),
    TenantTable("task_label", keys: [.init("t.label", "text"), .init("t.task_id", "uuid")]),
    TenantTable("payload", keys: [.init("t.sha256", "bytea")], rowsMax: 8),
    TenantTable("idempotency", keys: [.init("t.key", "text")]),
    TenantTable("workflow", keys: [.init("t.name", "text"), .init("t.version", "int4")], rowsMax: 20),
    TenantTable("deleted_workflow", keys: [.init("t.name", "text"), .init("t.version", "int4")], rowsMax: 20),
    TenantTable("project", keys: [.init("t.id", "uuid")]),
    TenantTable("concurrency_limit", keys: [.init("t.key", "text")]),
    TenantTable("tenant_weight", keys: [.init("t.tenant_id", "uuid")]),
    TenantTable("memory", keys: [.init("t.id", "uuid")], hidden: ["search"], rowsMax: 100),
    TenantTable("artefact", keys: [.init("t.id", "uuid")]),
    TenantTable(
      "user_tool", keys: [.init("t.name collate \"C\"", "text"), .init("t.version", "int4")], rowsMax: 50),
    TenantTable(
      "mcp_tool", keys: [.init("t.server_id", "uuid"), .init("t.name collate \"C\"", "text")], rowsMax: 50),
    TenantTable("mcp_state", keys: [.init("t.server_id", "uuid")]),
    // Secrets are for workers alone.
    TenantTable("mcp_server", keys: [.init("t.id", "uuid")], hidden: ["secrets"]),
    TenantTable("registry_revision", keys: [.init("t.tenant_id", "uuid")]),
    TenantTable("blob_piece", keys: [.init("t.blob_id", "uuid"), .init("t.place", "int4")], rowsMax: 4),
    TenantTable("blob", keys: [.init("t.id", "uuid")]),
    // A copy of what the gateway has.
    TenantTable("tenant_policy", keys: []),
    // What follows from the rest.
    TenantTable("workspace_check", keys: []), TenantTable("workspace_usage", keys: []),
  ]
}
