internal import Postgres

/// What became of a row that was to be added.
package enum Addition: Sendable {
  /// It is there.
  case added
  /// There is one for the same purpose.
  case exists
  /// There are as many as there may be.
  case tooMany

  /// The outcome of an insertion that writes nothing when there are too many rows.
  init(_ insertedRows: () async throws -> Int) async throws {
    do { self = try await insertedRows() > 0 ? .added : .tooMany } catch let error as PostgresError
      where error.isUniqueViolation
    { self = .exists }
  }
}
