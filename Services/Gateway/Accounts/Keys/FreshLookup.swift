internal import Primitives
internal import Synchronization
internal import SystemSources

/// How long values of a store are good.
package struct FreshTimes: Sendable {
  /// Without asking, while changes are heard of.
  package var fresh = Duration.seconds(5)
  /// Without asking, while changes are not heard of.
  package var deaf = Duration.seconds(1)
  /// While the store does not answer.
  package var grace = Duration.seconds(10)

  /// The standard times.
  package init() {}
}

/// Reads values of a store through a `FreshCache`. Bounded in how many questions the store is asked at once.
package final class FreshLookup<Key: Hashable & Sendable, Value: Sendable>: Sendable {
  /// What a lookup found.
  package enum Source: String, Sendable, CaseIterable {
    /// A value that was read a moment ago.
    case hit
    /// The store was asked.
    case miss
    /// The store did not answer, and the value was read within the grace time.
    case stale
  }

  /// Nobody can say: the store does not answer, or too many questions wait.
  package struct Unavailable: Error {
    package init() {}
  }

  /// Questions that the store is asked at once.
  private static var questionsMax: Int { 256 }

  private let times: FreshTimes
  private let isAbsence: @Sendable (Value) -> Bool
  private let isListening: @Sendable () -> Bool
  private let now: @Sendable () -> UInt64
  private let read: @Sendable (Key) async throws -> Value
  private let cache: Mutex<FreshCache<Key, Value>>
  private let questions = Atomic<Int>(0)

  /// Makes a lookup. `isAbsence` says of a value that there is nothing; `isListening` whether changes are heard of at
  /// the moment.
  package init(
    countMax: Int, absencesMax: Int, times: FreshTimes = FreshTimes(),
    now: @escaping @Sendable () -> UInt64 = { MonotonicClock.now() },
    isAbsence: @escaping @Sendable (Value) -> Bool, isListening: @escaping @Sendable () -> Bool,
    read: @escaping @Sendable (Key) async throws -> Value
  ) {
    self.times = times
    self.isAbsence = isAbsence
    self.isListening = isListening
    self.now = now
    self.read = read
    cache = Mutex(FreshCache(countMax: countMax, absencesMax: absencesMax))
  }

  /// The value. Throws `Unavailable`.
  package func value(_ key: Key) async throws(Unavailable) -> (Value, Source) {
    let limits = FreshCache<Key, Value>.Limits(
      fresh: UInt64(clamping: (isListening() ? times.fresh : times.deaf).nanoseconds),
      grace: UInt64(clamping: times.grace.nanoseconds))
    let time = now()
    switch cache.withLock({ $0.lookup(key, limits, now: time) }) {
    case .known(let value): return (value, .hit)
    case .ask(let ticket, let fallback):
      let asked = questions.wrappingAdd(1, ordering: .relaxed).newValue
      defer { questions.wrappingSubtract(1, ordering: .relaxed) }
      guard asked <= FreshLookup.questionsMax else { return try FreshLookup.instead(fallback) }
      do {
        let value = try await read(key)
        // As old as the question: the answer says nothing of what came later.
        cache.withLock { $0.put(key, value, isAbsence: isAbsence(value), ticket, now: time) }
        return (value, .miss)
      } catch { return try FreshLookup.instead(fallback) }
    }
  }

  private static func instead(_ fallback: Value?) throws(Unavailable) -> (Value, Source) {
    guard let fallback else { throw Unavailable() }
    return (fallback, .stale)
  }

  /// The value has changed.
  package func forget(_ key: Key) { cache.withLock { $0.remove(key) } }

  /// Values have changed that meet a condition.
  package func forget(where isChanged: (Value) -> Bool = { _ in true }) {
    cache.withLock { $0.removeAll(where: isChanged) }
  }
}
