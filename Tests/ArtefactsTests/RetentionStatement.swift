import Postgres

@testable import RunStorage

/// The statement that deletes old runs.
enum RetentionStatement {
  static let sql = RunStore.deleteRuns.sql
}
