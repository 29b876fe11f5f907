internal import Contracts
internal import Postgres
internal import Primitives

/// Claims: taking steps off the queue.
extension RunStore {
  /// Claims that are made with all rules before it is checked again whether there are any to apply.
  private static let plainAgainAfter = 200

  /// Gives up to `workers.count` steps of a job type to `workers`, one to each entry: fairly between tenants, by
  /// priority and age within one, never beyond a limit. Takes them off the queue and records the start in each history.
  package func claim(
    jobType: String, workers: [String], milliseconds: Int64, _ scan: ClaimScan
  ) async throws -> ClaimResult {
    let request = ClaimRequest(
      jobType: jobType, workers: workers, milliseconds: milliseconds, replica: replica, scan: scan)
    // A hint only: the plain statement finds out itself whether it may be used.
    if !claimsWithRules.takeOne() {
      if let result = try await claim(ClaimStatements.plain, request) { return result }
      claimsWithRules.set(RunStore.plainAgainAfter)
    }
    return try await claim(ClaimStatements.withRules, request) ?? ClaimResult()
  }

  /// One statement of a claim; `nil` when it was not made for what it found.
  private func claim(
    _ statement: Statement<ClaimRequest, ClaimedRow>, _ request: ClaimRequest
  ) async throws -> ClaimResult? {
    let results = try await retrying {
      try await pool.batch([ClaimStatements.lock.call(()), statement.call(request)])
    }
    let rows = try statement.rows(results[1])
    guard let first = rows.first else { return ClaimResult() }
    guard first.scan.isApplicable else { return nil }
    var result = first.scan.result
    result.steps = rows.compactMap(\.step)
    return result
  }
}

/// A claim as it is asked for.
struct ClaimRequest: Sendable {
  let jobType: String
  let workers: [String]
  let milliseconds: Int64
  let replica: Int32
  let scan: ClaimScan
}
