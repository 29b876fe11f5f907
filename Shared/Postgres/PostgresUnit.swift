internal import Reactor

/// Statements between two synchronisation points, and who waits for them.
final class PostgresUnit {
  let statements: [PostgresStatement]
  let promise: Promise<[PostgresRows]>
  var sentAt: UInt64
  /// It belongs to a transaction that an earlier unit began.
  let isContinued: Bool
  var rows: [PostgresRows] = []
  var error: PostgresError?
  var wasRepeated = false
  /// The server no longer has a statement in the form in which it was prepared.
  var isStale = false

  init(
    _ statements: [PostgresStatement], _ promise: Promise<[PostgresRows]>, _ now: UInt64, isContinued: Bool = false
  ) {
    self.statements = statements
    self.promise = promise
    self.isContinued = isContinued
    sentAt = now
  }
}
