package import RunStorage

/// The ready queue, as far as the dispatcher uses it: one call for each claim.
package protocol StepQueue: Sendable {
  /// Leases ready steps of a job type to `workers`, one to each entry as far as there are steps.
  func claim(jobType: String, workers: [String], milliseconds: Int64, _ scan: ClaimScan) async throws -> ClaimResult
  /// Ends leases that nobody will use.
  func releaseUndelivered(_ steps: [LeasedStep]) async throws
}

extension RunStore: StepQueue {}
