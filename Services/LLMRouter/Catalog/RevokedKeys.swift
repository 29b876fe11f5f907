package import Primitives
internal import Synchronization

/// The virtual keys that were revoked and have not expired. Nothing but time bounds their number: a key lives a week
/// at most. Only what is new is read again.
package final class RevokedKeys: Sendable {
  private struct State {
    var expiries: [RevokedKey: Timestamp] = [:]
    var readUntil: Timestamp?
  }

  private let state = Mutex(State())

  /// No key is revoked.
  package init() {}

  /// Whether a key is revoked.
  package func contains(_ key: RevokedKey) -> Bool { state.withLock { $0.expiries[key] != nil } }

  /// The latest row that is known; nil: none.
  package var readUntil: Timestamp? { state.withLock { $0.readUntil } }

  /// Takes over rows, and forgets keys that have expired.
  package func add(_ rows: [RevokedKeyRow], now: Timestamp) {
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
