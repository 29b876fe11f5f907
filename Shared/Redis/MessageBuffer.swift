internal import Synchronization

/// Messages between a connection and a reader on another thread: bounded in number and bytes, the oldest go first.
final class MessageBuffer: Sendable {
  private struct State {
    var messages: [RedisMessage] = []
    var head = 0
    var bytes = 0
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
      return takeFirst()
    }

    mutating func takeFirst() -> RedisMessage {
      let message = messages[head]
      bytes -= MessageBuffer.size(message)
      head += 1
      if head == messages.count {
        messages.removeAll(keepingCapacity: true)
        head = 0
      } else if head >= MessageBuffer.compactionMin, head * 2 >= messages.count {
        messages.removeFirst(head)
        head = 0
      }
      return message
    }
  }

  private let state = Mutex(State())
  private let messagesMax: Int
  private let bytesMax: Int
  /// Read messages that may stand in front of the unread ones before those move up.
  private static let compactionMin = 64

  init(messagesMax: Int, bytesMax: Int) {
    self.messagesMax = max(1, messagesMax)
    self.bytesMax = bytesMax
  }

  private static func size(_ message: RedisMessage) -> Int {
    if case .published(let channel, let payload) = message { channel.utf8.count + payload.count } else { 0 }
  }

  func append(_ message: RedisMessage) {
    let reader: UnsafeContinuation<RedisMessage?, Never>? = state.withLock { state in
      if state.isFinished { return nil }
      if let reader = state.reader.take() { return reader }
      let size = MessageBuffer.size(message)
      while state.head < state.messages.count,
        state.messages.count - state.head >= messagesMax || state.bytes + size > bytesMax
      {
        _ = state.takeFirst()
        state.hasOverflowed = true
      }
      state.bytes += size
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

  /// The next message; `nil` at the end or when the task is cancelled, which also ends the buffer. One reader at a
  /// time: a second one is told the end.
  func next() async -> RedisMessage? {
    await withTaskCancellationHandler {
      await withUnsafeContinuation { continuation in
        let answer: RedisMessage?? = state.withLock { state in
          if let message = state.pop() { return .some(message) }
          if state.isFinished { return .some(nil) }
          // A second reader finds nothing here.
          if state.reader != nil { return .some(nil) }
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
