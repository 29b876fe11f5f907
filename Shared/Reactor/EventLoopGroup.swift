internal import Glibc
internal import Synchronization

/// The event loops of a process, by default one per core.
public final class EventLoopGroup: Sendable {
  /// The loops, in the order of their `index`.
  public let loops: [EventLoop]
  private let cursor = Atomic<Int>(0)

  /// Starts `count` loops (default: one per core, at most 16).
  public init(count: Int? = nil, name: String = "loop") {
    let cores = min(16, max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))))
    loops = (0..<max(1, count ?? cores)).map { EventLoop(index: $0, name: name) }
  }

  /// One loop after the other.
  public func next() -> EventLoop {
    loops[Int(UInt(bitPattern: cursor.wrappingAdd(1, ordering: .relaxed).oldValue) % UInt(loops.count))]
  }

  /// Runs `body` on each loop and waits for all of them.
  public func onEach(_ body: @escaping @Sendable (EventLoop) async throws -> Void) async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      for loop in loops {
        group.addTask(executorPreference: loop) { try await body(loop) }
      }
      try await group.waitForAll()
    }
  }

  /// Ends all loops and waits for their threads. Not from a loop.
  public func stop() {
    for loop in loops { loop.stop() }
  }
}

/// One value per loop, made on first use there: how pools and caches avoid locks.
///
/// `@unchecked Sendable`: slot n is touched on loop n only, and the array of slots never changes.
public final class PerLoop<Value>: @unchecked Sendable {
  private let slots: UnsafeMutablePointer<Value?>
  private let group: EventLoopGroup
  private let make: @Sendable (EventLoop) -> Value

  /// Makes the slots; `make` runs on each loop at its first use.
  public init(_ group: EventLoopGroup, make: @escaping @Sendable (EventLoop) -> Value) {
    self.group = group
    self.make = make
    slots = .allocate(capacity: group.loops.count)
    slots.initialize(repeating: nil, count: group.loops.count)
  }

  deinit {
    slots.deinitialize(count: group.loops.count)
    slots.deallocate()
  }

  /// The value of the loop that the caller runs on; it must be a loop of the group.
  public var current: Value {
    // Where code runs is decided by our own code, not by input.
    guard let loop = EventLoop.current else { preconditionFailure("PerLoop off a loop") }
    // Where code runs is decided by our own code, not by input.
    precondition(loop.index < group.loops.count && group.loops[loop.index] === loop, "a loop of another group")
    if let value = slots[loop.index] { return value }
    let value = make(loop)
    slots[loop.index] = value
    return value
  }

  /// The value of the current loop if it has been made.
  public var existing: Value? {
    guard let loop = EventLoop.current, loop.index < group.loops.count else { return nil }
    return slots[loop.index]
  }
}
