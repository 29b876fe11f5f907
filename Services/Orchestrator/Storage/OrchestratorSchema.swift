package import Postgres

/// The schema `orchestrator`.
package enum OrchestratorSchema {
  package static let name = "orchestrator"
  package static let migrations = [
    Migration(version: 1, name: "runs", sql: String(decoding: PackageResources._001_runs_sql, as: UTF8.self)),
    Migration(version: 2, name: "workflows", sql: String(decoding: PackageResources._002_workflows_sql, as: UTF8.self)),
    Migration(version: 3, name: "histories", sql: String(decoding: PackageResources._003_histories_sql, as: UTF8.self)),
    Migration(version: 4, name: "claims", sql: String(decoding: PackageResources._004_claims_sql, as: UTF8.self)),
    Migration(version: 5, name: "lists", sql: String(decoding: PackageResources._005_lists_sql, as: UTF8.self)),
    Migration(
      version: 6, name: "deleted_workflows",
      sql: String(decoding: PackageResources._006_deleted_workflows_sql, as: UTF8.self)),
    Migration(version: 7, name: "asks", sql: String(decoding: PackageResources._007_asks_sql, as: UTF8.self)),
    Migration(version: 8, name: "workspace", sql: String(decoding: PackageResources._008_workspace_sql, as: UTF8.self)),
    Migration(version: 9, name: "tenancy", sql: String(decoding: PackageResources._009_tenancy_sql, as: UTF8.self)),
    Migration(version: 10, name: "policies", sql: String(decoding: PackageResources._010_policies_sql, as: UTF8.self)),
  ]
}
