public import Primitives
internal import Synchronization

/// The assertions that an issuer makes for callers, each used for a while: a caller who asks often costs one signature
/// in twenty seconds for each service.
public final class CallerAssertions: Sendable {
  /// How long an assertion is valid; the rest of the time after its last use covers the way to the service.
  public static let lifetimeSeconds: Int64 = 60
  /// How long it is used.
  public static let useSeconds: Int64 = 20
  /// Callers that are remembered at the same time.
  static let callersMax = 10_000

  private struct Use: Hashable {
    let caller: Caller
    let audience: Audience
  }

  private struct Signed {
    let text: String
    let madeAt: Int64
  }

  private let signer: AssertionSigner
  private let callersMax: Int
  private let signed = Mutex<[Use: Signed]>([:])

  /// Signs with an issuer's first key.
  public convenience init(_ signer: AssertionSigner) { self.init(signer, callersMax: CallerAssertions.callersMax) }

  /// The same, remembering at most `callersMax` callers.
  package init(_ signer: AssertionSigner, callersMax: Int) {
    self.signer = signer
    self.callersMax = callersMax
  }

  /// How many callers are remembered.
  package var count: Int { signed.withLock { $0.count } }

  /// An assertion about a caller for a service.
  public func text(for caller: Caller, to audience: Audience, now: Timestamp) -> String {
    let use = Use(caller: caller, audience: audience)
    let seconds = now.unixMicroseconds / 1_000_000
    let known = signed.withLock { $0[use] }
    // Also made anew when the clock has gone back.
    if let known, (0..<CallerAssertions.useSeconds).contains(seconds - known.madeAt) { return known.text }
    let assertion = Assertion(
      caller: caller, audiences: Audiences(audience), expiresAt: seconds + CallerAssertions.lifetimeSeconds)
    let text = signer.sign(assertion)
    signed.withLock { signed in
      if signed.count >= callersMax { signed.removeAll(keepingCapacity: true) }
      signed[use] = Signed(text: text, madeAt: seconds)
    }
    return text
  }
}
