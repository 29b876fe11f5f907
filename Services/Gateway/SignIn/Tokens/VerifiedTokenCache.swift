internal import GatewayRequests
internal import Synchronization

/// Tokens that were verified lately, by digest. None is believed longer than it says itself, and none longer than keys
/// can have been withdrawn for.
final class VerifiedTokenCache: Sendable {
  private struct Entry {
    let identity: Identity
    let endsAt: Int64
  }

  /// Seconds for which a verification is believed.
  static let ageSecondsMax: Int64 = 60
  private static let entriesMax = 10_000

  private let entries = Mutex<[[UInt8]: Entry]>([:])

  func find(_ digest: [UInt8], at unixSeconds: Int64) -> Identity? {
    entries.withLock { entries in
      guard let entry = entries[digest] else { return nil }
      guard unixSeconds < entry.endsAt else {
        entries[digest] = nil
        return nil
      }
      return entry.identity
    }
  }

  func add(_ digest: [UInt8], _ identity: Identity, expiresAt: Int64, at unixSeconds: Int64) {
    let endsAt = min(expiresAt, unixSeconds &+ VerifiedTokenCache.ageSecondsMax)
    guard unixSeconds < endsAt else { return }
    entries.withLock { entries in
      if entries.count >= VerifiedTokenCache.entriesMax {
        entries = entries.filter { unixSeconds < $0.value.endsAt }
        if entries.count >= VerifiedTokenCache.entriesMax { entries.removeAll() }
      }
      entries[digest] = Entry(identity: identity, endsAt: endsAt)
    }
  }
}
