public import Primitives

/// The assertions that the orchestrator makes for leased steps. Each lasts as long as the lease at most: with every
/// extension of the lease the worker gets a fresh one.
public struct StepAssertions: Sendable {
  private let signer: AssertionSigner

  /// Signs with the orchestrator's first key.
  public init(_ signer: AssertionSigner) { self.signer = signer }

  /// An assertion about a step for the next `leaseMilliseconds`.
  public func text(for caller: Caller, leaseMilliseconds: Int64, now: Timestamp) -> String {
    let lease = min(max(0, leaseMilliseconds), caller.issuer.lifetimeSecondsMax * 1000)
    let end = now + .milliseconds(lease)
    // Rounded up: it never ends before the lease.
    let expiresAt = (end.unixMicroseconds + 999_999) / 1_000_000
    return signer.sign(Assertion(caller: caller, audiences: [.orchestrator, .router], expiresAt: expiresAt))
  }
}
