public import Reactor
internal import Synchronization

/// Counts free slots and lets those who ask for steps wait for one.
///
/// `@unchecked Sendable`: the state is guarded by the lock; promises are delivered on the loop.
public final class SlotGate: @unchecked Sendable {
  private struct State {
    var free: Int
    var waiters: [Promise<Void>] = []
  }

  private let loop: EventLoop
  private let state: Mutex<State>

  /// Makes a gate for tasks on `loop`.
  public init(slots: Int, loop: EventLoop) {
    self.loop = loop
    state = Mutex(State(free: slots))
  }

  /// Waits until at least one slot is free and takes up to `count` of them. Returns how many. Throws
  /// `CancellationError`.
  public func take(upTo count: Int) async throws -> Int {
    while true {
      let promise = Promise<Void>(on: loop)
      let taken = state.withLock { state in
        let taken = min(count, state.free)
        state.free -= taken
        if taken == 0 { state.waiters.append(promise) }
        return taken
      }
      if taken > 0 { return taken }
      do { try await promise.value() } catch {
        state.withLock { $0.waiters.removeAll { $0 === promise } }
        throw error
      }
    }
  }

  /// Gives slots back and wakes as many who wait for one.
  public func give(_ count: Int) {
    guard count > 0 else { return }
    let woken = state.withLock { state in
      state.free += count
      let woken = Array(state.waiters.prefix(count))
      state.waiters.removeFirst(woken.count)
      return woken
    }
    for promise in woken { loop.execute { promise.succeed(()) } }
  }
}
