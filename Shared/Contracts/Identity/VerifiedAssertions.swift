public import Primitives
internal import Synchronization

/// A verifier with a bounded memory of what it has found good, by the exact text. The time is checked at every use.
/// Only good texts are kept, so that forged ones displace nothing.
public final class VerifiedAssertions: Sendable {
  /// Texts of each of the two halves: when the young half is full, it becomes the old one, and the old one goes.
  package static let halfMax = 4096

  private struct Memory {
    var young: [String: Assertion] = [:]
    var old: [String: Assertion] = [:]
  }

  private let verifier: AssertionVerifier
  private let memory = Mutex(Memory())

  /// Puts a memory in front of a verifier.
  public init(_ verifier: AssertionVerifier) { self.verifier = verifier }

  /// As `AssertionVerifier.verify`.
  public func verify(_ text: String, now: Timestamp, late: Int64 = 0) throws(AssertionError) -> Assertion {
    if let known = find(text) {
      try verifier.checkTime(of: known, now: now, late: late)
      return known
    }
    let assertion = try verifier.verify(text, now: now, late: late)
    keep(text, assertion)
    return assertion
  }

  /// How many texts are known.
  package var count: Int { memory.withLock { $0.young.count + $0.old.count } }

  private func find(_ text: String) -> Assertion? {
    memory.withLock { $0.young[text] ?? $0.old[text] }
  }

  private func keep(_ text: String, _ assertion: Assertion) {
    memory.withLock { memory in
      if memory.young.count >= VerifiedAssertions.halfMax {
        memory.old = memory.young
        memory.young = [:]
      }
      memory.young[text] = assertion
    }
  }
}
