internal import Reactor
internal import Synchronization
internal import SystemSources

/// A document that an issuer publishes, kept and fetched again by `RefreshState`.
final class PublishedDocument<Value: Sendable>: Sendable {
  /// Requests that wait for one fetch; more are refused.
  private static var waitersMax: Int { 1024 }

  private struct State {
    var refresh: RefreshState
    var value: Value?
    var waiters: [CheckedContinuation<Value?, Never>] = []
  }

  private let state: Mutex<State>
  private let group: EventLoopGroup
  private let fetch: @Sendable () async throws -> Value

  /// Fetches with `fetch`, which has a deadline, on a loop of `group`.
  init(
    group: EventLoopGroup, rules: RefreshState.Rules = RefreshState.Rules(),
    fetch: @escaping @Sendable () async throws -> Value
  ) {
    state = Mutex(State(refresh: RefreshState(rules)))
    self.group = group
    self.fetch = fetch
  }

  /// The document; `nil` when it cannot be had. `isEnough` says whether it holds what is looked for: if not, it may be
  /// fetched again.
  func value(_ isEnough: (Value) -> Bool = { _ in true }) async -> Value? {
    let now = MonotonicClock.now()
    let (action, value) = state.withLock { state in
      (state.refresh.ask(misses: state.value.map { !isEnough($0) } ?? false, at: now), state.value)
    }
    switch action {
    case .use: return value
    case .fail: return nil
    case .useAndFetch:
      start()
      return value
    case .fetch:
      start()
      return await wait()
    case .wait: return await wait()
    }
  }

  /// The fetch belongs to nobody: whoever leaves does not end it for others.
  private func start() {
    group.next().task { [self] in
      let fetched = try? await fetch()
      let now = MonotonicClock.now()
      let (waiters, value) = state.withLock { state in
        state.refresh.ended(isGood: fetched != nil, at: now)
        if let fetched { state.value = fetched }
        defer { state.waiters = [] }
        return (state.waiters, state.refresh.isUsable(at: now) ? state.value : nil)
      }
      for waiter in waiters { waiter.resume(returning: value) }
    }
  }

  /// Waits for the fetch that is under way, which may have ended meanwhile.
  private func wait() async -> Value? {
    await withCheckedContinuation { continuation in
      let now = MonotonicClock.now()
      let (isOver, value) = state.withLock { state -> (Bool, Value?) in
        guard state.refresh.isFetching else {
          return (true, state.refresh.isUsable(at: now) ? state.value : nil)
        }
        guard state.waiters.count < PublishedDocument.waitersMax else { return (true, nil) }
        state.waiters.append(continuation)
        return (false, nil)
      }
      if isOver { continuation.resume(returning: value) }
    }
  }
}
