/// The end of a call.
typealias RedisResult = Result<RedisValue, RedisError>

/// Who gets a reply.
enum ReplySink {
  /// Nobody any more: the reply is read to keep the order, and dropped.
  case nobody
  /// A task that waits for this one reply.
  case task(UnsafeContinuation<RedisResult, Never>)
  /// One of the replies of a group.
  case group(ReplyGroup)

  func finish(_ result: RedisResult) {
    switch self {
    case .nobody: break
    case .task(let continuation): continuation.resume(returning: result)
    case .group(let group): group.add(result)
    }
  }
}

/// Collects the replies to a greeting, whose commands are sent together; errors of the server are elements.
final class ReplyGroup {
  private var values: [RedisValue] = []
  private let count: Int
  private var continuation: UnsafeContinuation<RedisResult, Never>?

  init(count: Int, _ continuation: UnsafeContinuation<RedisResult, Never>) {
    self.count = count
    self.continuation = continuation
    values.reserveCapacity(count)
  }

  /// Takes the next reply, or the one failure of all of them.
  func add(_ result: RedisResult) {
    guard let waiter = continuation else { return }
    switch result {
    case .success(let value):
      values.append(value)
      guard values.count == count else { return }
      continuation = nil
      waiter.resume(returning: .success(.array(values)))
    case .failure(let error):
      continuation = nil
      // What was answered before has been executed, even if the rest has not left.
      let outcomeUnknown = error.outcomeUnknown || !values.isEmpty
      waiter.resume(
        returning: .failure(RedisError(error.code, outcomeUnknown: outcomeUnknown, detail: error.detail)))
    }
  }
}

/// A command that was sent and not yet answered.
struct PendingCommand {
  var sink: ReplySink
  /// Distinguishes the call from all others of its loop; 0 for a greeting and for probes.
  let token: UInt64
  let name: RedisCommandName
  /// When the caller gives up (monotonic nanoseconds).
  let deadline: UInt64
  /// When the call began, 0 when nobody measures.
  let startedAt: UInt64
  /// Encoded size.
  let bytes: Int
  /// The position in the connection's output at which the command ends.
  let end: UInt64

  /// Whether the caller has gone.
  var isAbandoned: Bool { if case .nobody = sink { true } else { false } }
}

/// Unanswered commands in the order in which they were sent: a ring that grows and is never copied while it turns.
struct PendingCommands {
  private var slots: ContiguousArray<PendingCommand?> = []
  private var head = 0
  private(set) var count = 0

  var first: PendingCommand? { count == 0 ? nil : slots[head] }

  subscript(index: Int) -> PendingCommand? {
    get { slots[(head + index) & (slots.count - 1)] }
    set { slots[(head + index) & (slots.count - 1)] = newValue }
  }

  mutating func append(_ command: PendingCommand) {
    if count == slots.count { grow() }
    slots[(head + count) & (slots.count - 1)] = command
    count += 1
  }

  mutating func popFirst() -> PendingCommand? {
    guard count > 0 else { return nil }
    let command = slots[head].take()
    head = (head + 1) & (slots.count - 1)
    count -= 1
    return command
  }

  private mutating func grow() {
    var larger = ContiguousArray<PendingCommand?>()
    let size = max(16, slots.count * 2)
    larger.reserveCapacity(size)
    for index in 0..<count { larger.append(self[index]) }
    while larger.count < size { larger.append(nil) }
    slots = larger
    head = 0
  }
}
