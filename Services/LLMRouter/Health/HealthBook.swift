internal import Primitives
internal import Routing
internal import Synchronization
internal import SystemSources

/// What is known of the health of each provider, model and key, on this replica.
final class HealthBook: Sendable {
  /// One of a provider's keys, for one model.
  struct Key: Hashable, Sendable {
    let target: TargetID
    let key: Int
  }

  private struct Entry {
    var breaker = Breaker()
    var inFlight = 0
  }

  private struct State {
    var entries: [Key: Entry] = [:]
    /// Time to the first token of each target, smoothed, in microseconds.
    var firstToken: [TargetID: Int64] = [:]
    /// Providers that do not answer when they are looked at.
    var blocked: Set<String> = []
    /// Calls that could be asked twice, and those that were; halved from time to time.
    var hedgeable = 0
    var hedged = 0
  }

  private static let hedgeDivisor = 5
  /// Calls that may be asked twice before there is a share to speak of.
  private static let hedgeable = 50

  private let policy: Breaker.Policy
  private let state = Mutex(State())

  init(policy: Breaker.Policy) { self.policy = policy }

  private static var now: Int64 { Int64(MonotonicClock.now() / 1_000_000) }

  /// The health of a target: open when no key lets a call through.
  func health(_ target: TargetID, keys: Int) -> TargetHealth {
    let now = HealthBook.now
    return state.withLock { state in
      var isOpen = true
      let isBlocked = state.blocked.contains(target.provider)
      var inFlight = 0
      for key in 0..<max(1, keys) {
        let entry = state.entries[Key(target: target, key: key)]
        inFlight += entry?.inFlight ?? 0
        if entry?.breaker.isPassable(at: now, policy) ?? true { isOpen = false }
      }
      return TargetHealth(
        isOpen: isOpen || isBlocked, inFlight: inFlight, firstTokenMicroseconds: state.firstToken[target] ?? 0)
    }
  }

  /// Takes the first key, from `start` on, whose breaker lets a call through; with `force` the first of all when none
  /// does.
  func admit(_ target: TargetID, keys: Int, from start: Int, force: Bool) -> Key? {
    let now = HealthBook.now
    return state.withLock { state in
      for offset in 0..<(state.blocked.contains(target.provider) ? 0 : keys) {
        let key = Key(target: target, key: (start + offset) % keys)
        if state.entries[key, default: Entry()].breaker.admit(at: now, policy) {
          state.entries[key, default: Entry()].inFlight += 1
          return key
        }
      }
      guard force, keys > 0 else { return nil }
      let key = Key(target: target, key: start % keys)
      state.entries[key, default: Entry()].inFlight += 1
      return key
    }
  }

  /// Whether a second target may be asked at the same time: up to a fifth of the calls, so that providers who are slow
  /// because they have too much to do do not get twice as much.
  func mayHedge() -> Bool {
    state.withLock { state in
      guard state.hedged * HealthBook.hedgeDivisor <= state.hedgeable + HealthBook.hedgeable else { return false }
      state.hedged += 1
      return true
    }
  }

  /// A call began that could be asked twice.
  func noteHedgeable() {
    state.withLock { state in
      state.hedgeable += 1
      if state.hedgeable >= 1000 {
        state.hedgeable /= 2
        state.hedged /= 2
      }
    }
  }

  func succeeded(_ key: Key, firstTokenMicroseconds: Int64?) {
    state.withLock { state in
      state.entries[key, default: Entry()].breaker.succeeded()
      state.entries[key, default: Entry()].inFlight -= 1
      if let value = firstTokenMicroseconds {
        let old = state.firstToken[key.target] ?? value
        state.firstToken[key.target] = old + (value - old) / 5
      }
    }
  }

  /// The first token came: the target is there, however long the answer takes. A probe has succeeded.
  func answering(_ key: Key) {
    state.withLock { state in
      guard state.entries[key]?.breaker.state(at: HealthBook.now) != .closed else { return }
      state.entries[key]?.breaker.succeeded()
    }
  }

  /// A provider answers when it is looked at: targets that were broken or out of reach may be tried at once.
  func reachable(provider: String) {
    let now = HealthBook.now
    state.withLock { state in
      for key in state.entries.keys where key.target.provider == provider {
        state.entries[key]?.breaker.reachable(at: now)
      }
    }
  }

  /// Returns whether the breaker is open now.
  @discardableResult
  func failed(_ key: Key, _ failure: FailureClass, retryAfter: Int64?) -> Bool {
    let now = HealthBook.now
    return state.withLock { state in
      state.entries[key, default: Entry()].breaker.failed(failure, retryAfter: retryAfter, at: now, policy)
      state.entries[key, default: Entry()].inFlight -= 1
      return state.entries[key]?.breaker.state(at: now) == .open
    }
  }

  /// The call was broken off; nothing is learnt.
  func released(_ key: Key) {
    state.withLock { state in
      state.entries[key, default: Entry()].breaker.released()
      state.entries[key, default: Entry()].inFlight -= 1
    }
  }

  /// A provider does not answer when it is looked at, or does again.
  func block(provider: String, _ isBlocked: Bool) {
    state.withLock { state in
      if isBlocked { state.blocked.insert(provider) } else { state.blocked.remove(provider) }
    }
  }

  /// All breakers of a provider are closed again.
  func forget(provider: String) {
    state.withLock { state in
      for key in state.entries.keys where key.target.provider == provider { state.entries[key]?.breaker = Breaker() }
    }
  }

  /// Keys that are not closed, for display.
  func unhealthy() -> [(key: Key, state: Breaker.State)] {
    let now = HealthBook.now
    return state.withLock { state in
      state.entries.compactMap { key, entry in
        let breaker = entry.breaker.state(at: now)
        return breaker == .closed ? nil : (key, breaker)
      }
    }
  }
}
