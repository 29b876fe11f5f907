internal import Reactor
internal import Synchronization

/// One call that several identical requests wait for: its leader asks the provider, its followers get the same answer,
/// streams as they come. `AnswerBuffer` has the rules; this wakes those who wait.
final class InFlightCall: Sendable {
  private struct State {
    var buffer = AnswerBuffer()
    var waiting: [(loop: EventLoop, promise: Promise<Void>)] = []
    var task: Task<Void, any Error>?
  }

  private let state = Mutex(State())

  /// The task that makes the call; it is cancelled when nobody reads any more.
  func attach(_ task: Task<Void, any Error>) { state.withLock { $0.task = task } }

  // MARK: The leader

  func begin(_ head: AnswerBuffer.Head) { change { $0.begin(head) } }
  func append(_ piece: [UInt8]) { change { $0.append(piece) } }
  func finish() { change { $0.finish() } }
  func fail(_ failure: CallFailure) { change { $0.fail(failure) } }
  func breakOff(_ event: [UInt8]) { change { $0.breakOff(event) } }

  /// Lets those who wait look again.
  func wake() { change { _ in } }

  private func change(_ body: (inout AnswerBuffer) -> Void) {
    let woken = state.withLock { state -> [(loop: EventLoop, promise: Promise<Void>)] in
      body(&state.buffer)
      let woken = state.waiting
      state.waiting = []
      return woken
    }
    // Promises belong to the loops of those who wait.
    for (loop, promise) in woken { loop.execute { promise.succeed(()) } }
  }

  // MARK: Readers

  /// Returns false when the call was cancelled because nobody read it.
  func join() -> Bool { state.withLock { $0.buffer.join() } }

  /// A reader is gone; without any the call is cancelled.
  func leave() {
    let task = state.withLock { $0.buffer.leave() ? $0.task : nil }
    task?.cancel()
  }

  /// The head, once it is there. Throws the `CallFailure` that came instead, and `CancellationError` when the reader is
  /// gone.
  func head() async throws -> AnswerBuffer.Head {
    while true {
      let (head, promise) = try state.withLock { state -> (AnswerBuffer.Head?, Promise<Void>?) in
        if let head = try state.buffer.readHead() { return (head, nil) }
        return (nil, InFlightCall.wait(&state))
      }
      if let head { return head }
      guard let promise else { throw CancellationError() }
      _ = try await promise.value()
    }
  }

  /// Piece `index`, once it is there; nil after the last. Throws `CancellationError` after a stream that broke, whose
  /// last piece is its error event, and the failure of a reader that was cut.
  func piece(_ index: Int, unless cut: StreamCut? = nil) async throws -> [UInt8]? {
    while true {
      if let failure = cut?.failure { throw failure }
      let (read, promise) = state.withLock { state -> (AnswerBuffer.Read, Promise<Void>?) in
        let read = state.buffer.read(index)
        return (read, read == .wait ? InFlightCall.wait(&state) : nil)
      }
      switch read {
      case .piece(let bytes): return bytes
      case .end: return nil
      case .broken: throw CancellationError()
      case .wait:
        guard let promise else { throw CancellationError() }
        _ = try await promise.value()
      }
    }
  }

  private static func wait(_ state: inout State) -> Promise<Void>? {
    guard let loop = EventLoop.current else { return nil }
    let promise = Promise<Void>(on: loop)
    state.waiting.append((loop, promise))
    return promise
  }
}
