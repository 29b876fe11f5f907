internal import Primitives
package import Routing
internal import Synchronization
internal import SystemSources

/// The health of each provider, model and key as this replica has seen it.
package final class HealthRegistry: Sendable {
  /// One of a provider's keys, for one model.
  package struct Key: Hashable, Sendable {
    package let target: TargetID
    package let key: Int
  }

  private struct Entry {
    var breaker = CircuitBreaker()
    var inFlight = 0
  }

  private struct State {
    var entries: [Key: Entry] = [:]
    /// Time to the first token of each target, smoothed, in microseconds.
    var firstToken: [TargetID: Int64] = [:]
    /// Providers that do not answer health probes.
    var blocked: Set<String> = []
    /// Calls that could be asked twice, and those that were; halved from time to time.
    var hedgeable = 0
    var hedged = 0
  }

  private static let hedgeDivisor = 5
  /// Calls that may be asked twice whatever their share.
  private static let hedgeable = 50

  private let policy: CircuitBreaker.Policy
  private let clock: @Sendable () -> Int64
  private let state = Mutex(State())

  /// `now`: milliseconds of a monotonic clock.
  package init(
    policy: CircuitBreaker.Policy, now: @escaping @Sendable () -> Int64 = { Int64(MonotonicClock.now() / 1_000_000) }
  ) {
    self.policy = policy
    clock = now
  }

  /// The health of a target: open when no key lets a call through.
  package func health(_ target: TargetID, keys: Int) -> TargetHealth {
    let now = clock()
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
  package func admit(_ target: TargetID, keys: Int, from start: Int, force: Bool) -> Key? {
    let now = clock()
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
  package func mayHedge() -> Bool {
    state.withLock { state in
      guard state.hedged * HealthRegistry.hedgeDivisor <= state.hedgeable + HealthRegistry.hedgeable else {
        return false
      }
      state.hedged += 1
      return true
    }
  }

  /// A call began that could be asked twice.
  package func noteHedgeable() {
    state.withLock { state in
      state.hedgeable += 1
      if state.hedgeable >= 1000 {
        state.hedgeable /= 2
        state.hedged /= 2
      }
    }
  }

  /// A call has its answer.
  package func succeeded(_ key: Key, firstTokenMicroseconds: Int64?) {
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
  package func answering(_ key: Key) {
    state.withLock { state in
      guard state.entries[key]?.breaker.state(at: clock()) != .closed else { return }
      state.entries[key]?.breaker.succeeded()
    }
  }

  /// A provider answers a health probe: targets that were broken or out of reach may be tried at once.
  package func reachable(provider: String) {
    let now = clock()
    state.withLock { state in
      for key in state.entries.keys where key.target.provider == provider {
        state.entries[key]?.breaker.reachable(at: now)
      }
    }
  }

  /// Returns whether the breaker is open now.
  @discardableResult
  package func failed(_ key: Key, _ failure: FailureClass, retryAfter: Int64?) -> Bool {
    let now = clock()
    return state.withLock { state in
      state.entries[key, default: Entry()].breaker.failed(failure, retryAfter: retryAfter, at: now, policy)
      state.entries[key, default: Entry()].inFlight -= 1
      return state.entries[key]?.breaker.state(at: now) == .open
    }
  }

  /// The call was broken off; nothing is learnt.
  package func released(_ key: Key) {
    state.withLock { state in
      state.entries[key, default: Entry()].breaker.released()
      state.entries[key, default: Entry()].inFlight -= 1
    }
  }

  /// A provider does not answer health probes, or answers again.
  package func block(provider: String, _ isBlocked: Bool) {
    state.withLock { state in
      if isBlocked { state.blocked.insert(provider) } else { state.blocked.remove(provider) }
    }
  }

  /// All breakers of a provider are closed again.
  package func forget(provider: String) {
    state.withLock { state in
      for key in state.entries.keys where key.target.provider == provider {
        state.entries[key]?.breaker = CircuitBreaker()
      }
    }
  }

  /// How many breakers, one for each model and key, are open now, by provider.
  package func openBreakers() -> [String: Int] {
    let now = clock()
    return state.withLock { state in
      var open: [String: Int] = [:]
      for (key, entry) in state.entries where entry.breaker.state(at: now) == .open {
        open[key.target.provider, default: 0] += 1
      }
      return open
    }
  }

  /// Keys whose breaker is not closed.
  package func unhealthy() -> [(key: Key, state: CircuitBreaker.State)] {
    let now = clock()
    return state.withLock { state in
      state.entries.compactMap { key, entry in
        let breaker = entry.breaker.state(at: now)
        return breaker == .closed ? nil : (key, breaker)
      }
    }
  }
}
