internal import AnswerCache
internal import Synchronization

/// The calls in inFlight that identical requests may join, by their key in the cache.
package final class SingleFlight: Sendable {
  /// Completed calls that are remembered.
  private static let completedMax = 256

  private struct State {
    var calls: [CacheKey: InFlightCall] = [:]
    /// The keys of the latest completed calls, in a ring, and how many there were.
    var completed: [CacheKey] = []
    var completedCount = 0
  }

  private let state = Mutex(State())

  /// No call is in inFlight.
  package init() {}

  /// How many calls were completed; see `hasCompleted(_:since:)`.
  var completedCount: Int { state.withLock { $0.completedCount } }

  /// Whether a call of the key may have been completed since: whoever found nothing in the cache before has to look
  /// again.
  func hasCompleted(_ key: CacheKey, since count: Int) -> Bool {
    state.withLock { state in
      let newCount = state.completedCount - count
      guard newCount > 0 else { return false }
      guard newCount < SingleFlight.completedMax else { return true }
      return (count..<state.completedCount).contains { state.completed[$0 % SingleFlight.completedMax] == key }
    }
  }

  /// The call of a key, and whether the request leads it: then it has to make the call.
  func join(_ key: CacheKey) -> (call: InFlightCall, isLeader: Bool) {
    state.withLock { state in
      if let call = state.calls[key], call.join() { return (call, false) }
      let call = InFlightCall()
      _ = call.join()
      state.calls[key] = call
      return (call, true)
    }
  }

  /// Nobody joins this call any more.
  func complete(_ key: CacheKey, _ call: InFlightCall) {
    state.withLock { state in
      // A call that was cancelled may have a successor already.
      if state.calls[key] === call { state.calls[key] = nil }
      if state.completed.count < SingleFlight.completedMax {
        state.completed.append(key)
      } else {
        state.completed[state.completedCount % SingleFlight.completedMax] = key
      }
      state.completedCount += 1
    }
  }
}
