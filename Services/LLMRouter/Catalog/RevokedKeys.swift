internal import Primitives
internal import Synchronization

/// A virtual key that was taken back.
struct RevokedKey: Sendable, Hashable {
  let tenant: UUID
  let id: UUID
}

/// The virtual keys that were taken back and have not expired. Nothing but time bounds their number: a key lives a week
/// at most. Only what is new is read again.
final class RevokedKeys: Sendable {
  private struct State {
    var expiries: [RevokedKey: Timestamp] = [:]
    var readUntil: Timestamp?
  }

  private let state = Mutex(State())

  func contains(_ key: RevokedKey) -> Bool { state.withLock { $0.expiries[key] != nil } }

  /// The latest row that is known; nil: none.
  var readUntil: Timestamp? { state.withLock { $0.readUntil } }

  /// Takes over rows, and forgets keys that have expired.
  func add(_ rows: [(key: RevokedKey, expiresAt: Timestamp, revokedAt: Timestamp)], now: Timestamp) {
    state.withLock { state in
      for row in rows {
        state.expiries[row.key] = row.expiresAt
        if row.revokedAt > state.readUntil ?? Timestamp(unixMicroseconds: .min) { state.readUntil = row.revokedAt }
      }
      if state.expiries.values.contains(where: { $0 < now }) {
        state.expiries = state.expiries.filter { $0.value >= now }
      }
    }
  }
}
