/// Where a worker gets steps from.
public protocol StepSource: Sendable {
  /// Takes up to `slots` steps, waiting for some. Leases that cannot be read are counted: their time passes, and the
  /// steps are leased again. Throws when there is no answer.
  func lease(slots: Int, wait: Duration) async throws -> (steps: [LeasedStep], unreadable: Int)
  /// Has the calls of `lease` that wait answered: with what was leased meanwhile, or with nothing. Returns whether that
  /// can be asked for; throws when there is no answer.
  func endWaits() async throws -> Bool
}
