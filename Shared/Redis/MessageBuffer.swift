internal import Synchronization

/// Messages between a connection and a reader on another thread: bounded, the oldest go first.
final class MessageBuffer: Sendable {
  private struct State {
    var messages: [RedisMessage] = []
    var head = 0
    /// Messages were dropped behind the last one that the reader got.
    var hasOverflowed = false
    var isFinished = false
    var reader: UnsafeContinuation<RedisMessage?, Never>?

    mutating func pop() -> RedisMessage? {
      if hasOverflowed {
        hasOverflowed = false
        return .gap(.overflow)
      }
      guard head < messages.count else { return nil }
      let message = messages[head]
      head += 1
      if head == messages.count {
        messages.removeAll(keepingCapacity: true)
        head = 0
      } else if head >= 64, head * 2 >= messages.count {
        messages.removeFirst(head)
        head = 0
      }
      return message
    }
  }

  private let state = Mutex(State())
  private let messagesMax: Int

  init(messagesMax: Int) { self.messagesMax = max(1, messagesMax) }

  func append(_ message: RedisMessage) {
    let reader: UnsafeContinuation<RedisMessage?, Never>? = state.withLock { state in
      if state.isFinished { return nil }
      if let reader = state.reader.take() { return reader }
      if state.messages.count - state.head >= messagesMax {
        state.head += 1
        state.hasOverflowed = true
        if state.head >= 64, state.head * 2 >= state.messages.count {
          state.messages.removeFirst(state.head)
          state.head = 0
        }
      }
      state.messages.append(message)
      return nil
    }
    reader?.resume(returning: message)
  }

  /// No more messages; the reader gets what is there, then the end.
  func finish() {
    let reader = state.withLock { state in
      state.isFinished = true
      return state.reader.take()
    }
    reader?.resume(returning: nil)
  }

  /// The next message; `nil` at the end or when the task is cancelled, which also ends the buffer. One reader at a time.
  func next() async -> RedisMessage? {
    await withTaskCancellationHandler {
      await withUnsafeContinuation { continuation in
        let answer: RedisMessage?? = state.withLock { state in
          if let message = state.pop() { return .some(message) }
          if state.isFinished { return .some(nil) }
          precondition(state.reader == nil, "two readers of one subscription")
          state.reader = continuation
          return nil
        }
        if let answer { continuation.resume(returning: answer) }
      }
    } onCancel: {
      finish()
    }
  }
}
