internal import Contracts
internal import Reactor
internal import Synchronization

/// The live events of one run in this process: one stream of the orchestrator, any number of readers.
final class RunFeed: Sendable {
  /// Which run, and who may read it: readers of another tenant never share a feed.
  struct Key: Hashable, Sendable {
    let tenant: TenantID
    let run: RunID
  }

  /// What a reader finds.
  enum Reading: Sendable {
    case events([RunEvent])
    /// Nothing yet: wait for the promise.
    case wait(Promise<Void>)
    /// The reader was too slow, or came too late.
    case gone
    /// Nothing comes any more.
    case over
  }

  private struct State: Sendable {
    var ring: EventRing
    var readers = 0
    var isOver = false
    var waiting: [ObjectIdentifier: [Promise<Void>]] = [:]
    var loops: [ObjectIdentifier: EventLoop] = [:]
    var reading: Task<Void, any Error>?
  }

  let key: Key
  private let state: Mutex<State>

  init(_ key: Key, after sequence: Int64) {
    self.key = key
    state = Mutex(State(ring: EventRing(after: sequence)))
  }

  /// The number of the newest event.
  var last: Int64 { state.withLock { $0.ring.last } }

  /// Whether nothing comes any more.
  var isOver: Bool { state.withLock { $0.isOver } }

  /// One more reader.
  func join() { state.withLock { $0.readers += 1 } }

  /// One less. Returns whether nobody is left; then the stream of the orchestrator is given up.
  func leave() -> Bool {
    let (isLast, task) = state.withLock { state in
      state.readers -= 1
      return (state.readers == 0, state.reading)
    }
    if isLast { task?.cancel() }
    return isLast
  }

  /// The task that reads the stream of the orchestrator.
  func run(_ task: Task<Void, any Error>) {
    let isAlone = state.withLock { state in
      state.reading = task
      return state.readers == 0
    }
    if isAlone { task.cancel() }
  }

  /// What follows an event; on the loop of the reader.
  func read(after sequence: Int64, on loop: EventLoop) -> Reading {
    state.withLock { state in
      switch state.ring.read(after: sequence) {
      case .events(let events): return .events(events)
      case .gone: return .gone
      case .nothing:
        if state.isOver { return .over }
        let promise = Promise<Void>(on: loop)
        let id = ObjectIdentifier(loop)
        state.loops[id] = loop
        state.waiting[id, default: []].append(promise)
        return .wait(promise)
      }
    }
  }

  /// Adds events, and wakes the readers when there is something new.
  func publish(_ events: [RunEvent]) {
    let isNew = state.withLock { state in events.reduce(false) { state.ring.append($1) || $0 } }
    if isNew { wake() }
  }

  /// Says that nothing comes any more.
  func end() {
    state.withLock { $0.isOver = true }
    wake()
  }

  /// One turn of each loop wakes all of its readers.
  private func wake() {
    let woken = state.withLock { state in
      defer { state.waiting.removeAll(keepingCapacity: true) }
      return state.waiting.compactMap { id, promises in state.loops[id].map { ($0, promises) } }
    }
    for (loop, promises) in woken {
      loop.execute { for promise in promises { promise.succeed(()) } }
    }
  }
}
