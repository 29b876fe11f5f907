import Contracts
import Postgres
import PostgresTestKit
import Primitives
import Reactor
import RunStorage
import SystemSources
import Telemetry
import Testing

/// Everything that needs the private cluster, one test after the other.
@Suite(.serialized) enum WorkspaceTests {}

/// One private cluster with the orchestrator's schema.
struct WorkspaceDatabase: Sendable {
  static let shared = Result { try WorkspaceDatabase() }

  let cluster: TestCluster

  private init() throws {
    cluster = try TestCluster("workspace", schema: OrchestratorSchema.name)
    try cluster.makeSchema(OrchestratorSchema.migrations)
    try cluster.query(TenantRole.grants(of: OrchestratorSchema.name))
  }

  /// Runs `body` with a pool of four connections, as the orchestrator has them.
  func withPool(_ body: @escaping @Sendable (PostgresPool) async throws -> Void) async throws {
    let group = EventLoopGroup(count: 1)
    var configuration = PostgresConfiguration(connectionString: cluster.connectionString)
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

  /// The last line of the answer of a statement of the owner.
  @discardableResult func query(_ sql: String) throws -> String { try cluster.query(sql) }

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
