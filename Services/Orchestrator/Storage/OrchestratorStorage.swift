package import Postgres

/// The stores of the orchestrator, one for each group of tables.
package struct OrchestratorStorage: Sendable {
  package let runs: RunStore
  package let workflows: WorkflowStore
  package let projects: ProjectStore
  package let approvals: ApprovalStore
  package let schedules: ScheduleStore
  package let limits: LimitStore
  package let zones: TimeZoneStore
  package let replicas: ReplicaChannel

  /// The stores on the database of a pool; lists are read by `reads`.
  package init(pool: PostgresPool, reads: PostgresReader) {
    runs = RunStore(pool: pool, reads: reads)
    workflows = WorkflowStore(pool: pool)
    projects = ProjectStore(pool: pool)
    approvals = ApprovalStore(pool: pool)
    schedules = ScheduleStore(pool: pool)
    limits = LimitStore(pool: pool)
    zones = TimeZoneStore(pool: pool)
    replicas = ReplicaChannel(pool: pool)
  }
}
