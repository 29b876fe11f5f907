package import Contracts
package import Reactor
internal import Synchronization

/// The live events of one run in this process: one stream of the orchestrator, any number of readers.
package final class RunFeed: Sendable {
  /// Which run, and who may read it: readers of another tenant never share a feed.
  package struct Key: Hashable, Sendable {
    package let tenant: TenantID
    package let run: RunID

    /// Makes a key.
    package init(tenant: TenantID, run: RunID) {
      self.tenant = tenant
      self.run = run
    }
  }

  /// What a reader finds.
  package enum Reading: Sendable {
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
    var members: [ObjectIdentifier: FeedMembers] = [:]
    /// Loops on which what is new will be given.
    var woken: Set<ObjectIdentifier> = []
    var reading: Task<Void, any Error>?
  }

  package let key: Key
  private let state: Mutex<State>

  /// A feed that goes on behind an event.
  package init(_ key: Key, after sequence: Int64) {
    self.key = key
    state = Mutex(State(ring: EventRing(after: sequence)))
  }

  /// The number of the newest event.
  var last: Int64 { state.withLock { $0.ring.last } }

  /// Whether nothing comes any more.
  var isOver: Bool { state.withLock { $0.isOver } }

  /// One more reader.
  package func join() { state.withLock { $0.readers += 1 } }

  /// One less. Returns whether nobody is left; then the stream of the orchestrator is given up.
  package func leave() -> Bool {
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

  /// What follows the last event of a reader; on its loop.
  package func read(for member: FeedMember, on loop: EventLoop) -> Reading {
    let (reading, members) = state.withLock { state -> (Reading, FeedMembers?) in
      switch state.ring.read(after: member.position) {
      case .events(let events): return (.events(events), nil)
      case .gone: return (.gone, nil)
      case .nothing:
        if state.isOver { return (.over, nil) }
        let id = ObjectIdentifier(loop)
        let members = state.members[id] ?? FeedMembers(on: loop, after: state.ring.last)
        state.members[id] = members
        return (.over, members)
      }
    }
    // Whatever is published from here on is given on this loop, and so after this.
    return members.map { .wait($0.add(member)) } ?? reading
  }

  /// Forgets a reader, before it leaves; on its loop.
  package func forget(_ member: FeedMember, on loop: EventLoop) {
    state.withLock { $0.members[ObjectIdentifier(loop)] }?.remove(member)
  }

  /// Adds events, and gives them to the readers when there is something new.
  package func publish(_ events: [RunEvent]) {
    let isNew = state.withLock { state in events.reduce(false) { state.ring.append($1) || $0 } }
    if isNew { wake() }
  }

  /// Says that nothing comes any more.
  package func end() {
    state.withLock { $0.isOver = true }
    wake()
  }

  /// One turn of each loop serves all of its readers.
  private func wake() {
    let woken = state.withLock { state in
      state.members.compactMap { id, members in state.woken.insert(id).inserted ? members : nil }
    }
    for members in woken { members.loop.execute { [self] in give(to: members) } }
  }

  /// Gives the readers of a loop what is new; on that loop.
  private func give(to members: FeedMembers) {
    while true {
      let (reading, isOver) = state.withLock { state in
        let reading = state.ring.read(after: members.position)
        if reading == .nothing { state.woken.remove(ObjectIdentifier(members.loop)) }
        if reading == .gone { members.position = state.ring.last }
        return (reading, state.isOver)
      }
      switch reading {
      case .events(let events): members.give(events)
      case .gone: members.wake()
      case .nothing:
        if isOver { members.wake() }
        return
      }
    }
  }
}
