package import Decider
package import Postgres

/// Why a change of a run was not made.
package enum ChangeRefusal: Error {
  /// The decider refused it.
  case byDecider(RunRefusal)
  /// The worker's lease has ended or belongs to somebody else.
  case leaseLost
  /// There is no such run.
  case unknownRun
  /// The document of its workflow is gone, so that it can only be cancelled.
  case workflowGone
  /// Others moved the run again and again.
  case contended
  /// The history cannot be read by this version.
  case unreadable(String)
  /// The database failed.
  case byStore(PostgresError)
}
