import Contracts
import Foundation
import LocalStack
import Postgres
import Primitives
import Reactor
import RunStorage
import SystemSources
import Telemetry
import Testing

/// Everything that needs the private cluster, one test after the other.
@Suite(.serialized) enum WorkspaceTests {}

/// One private cluster with the orchestrator's schema.
final class WorkspaceDatabase: @unchecked Sendable {
  // @unchecked: the suite is serialized.
  static let shared = Result { try WorkspaceDatabase() }

  private let folder = "/tmp/cadre-workspace-test-\(getpid())"
  let server: PrivatePostgres

  private init() throws {
    try FileAccess.makeFolder(folder)
    server = try PrivatePostgres(
      folder: folder + "/data", sockets: folder + "/s", log: folder + "/log", isThrowaway: true)
    let schema = OrchestratorSchema.name
    _ = try server.query("create schema \(schema); \(TenantRole.preparation(of: schema))")
    for migration in OrchestratorSchema.migrations {
      _ = try server.query("set search_path = \(schema); begin; \(migration.sql); commit")
    }
    _ = try server.query(TenantRole.grants(of: schema))
    atexit {
      guard case .success(let database) = WorkspaceDatabase.shared else { return }
      database.server.stop(isImmediate: true)
      try? FileManager.default.removeItem(atPath: database.folder)
    }
  }

  /// Runs `body` with a pool of four connections, as the orchestrator has them.
  func withPool(_ body: @escaping @Sendable (PostgresPool) async throws -> Void) async throws {
    let group = EventLoopGroup(count: 1)
    var configuration = PostgresConfiguration(connectionString: server.connectionString)
    configuration.schema = OrchestratorSchema.name
    configuration.sessionSettings = ["enable_seqscan": "off", "plan_cache_mode": "force_generic_plan", "jit": "off"]
    let pool = PostgresPool(group: group, configuration: configuration, telemetry: .disabled())
    let result = await group.loops[0].task {
      await pool.start()
      try await body(pool)
    }.result
    _ = await group.loops[0].task { await pool.close() }.result
    group.stop()
    try result.get()
  }

  /// The answer of a statement, as text.
  func query(_ sql: String) throws -> String {
    try server.query("set search_path = \(OrchestratorSchema.name); \(sql)").split(separator: "\n").last.map(
      String.init)
      ?? ""
  }

  /// A tenant that no other test has.
  static func tenant() -> TenantID { .make() }

  /// A lease in force, for a step of a run that is there.
  func lease(_ tenant: TenantID, project: Primitives.UUID? = nil) throws -> (
    run: RunID, step: StepID, token: Primitives.UUID
  ) {
    let (run, step, token) = (RunID.make(), StepID.make(), Primitives.UUID.random())
    _ = try query(
      """
      insert into run (id, tenant_id, task_id, workflow_version, workflow, input_sha256, version, status, project_id)
      values ('\(run.uuid)', '\(tenant.uuid)', '\(run.uuid)', 1, 'single', '\\x00', 1, 'running',
        \(project.map { "'\($0)'" } ?? "null"));
      insert into lease (step_id, run_id, tenant_id, step, attempt, token, worker, deadline)
      values ('\(step.uuid)', '\(run.uuid)', '\(tenant.uuid)', 'a', 1, '\(token)', 'w', now() + interval '1 hour')
      """)
    return (run, step, token)
  }
}
