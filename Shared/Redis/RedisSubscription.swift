/// What a subscriber is told.
public enum RedisMessage: Sendable, Hashable {
  /// Somebody published.
  case published(channel: String, payload: [UInt8])
  /// Messages may have been missed before this point: read anew what they would have told.
  case gap(RedisGap)
}

/// Why messages may have been missed.
public enum RedisGap: Sendable, Hashable {
  /// The connection was lost and made again.
  case reconnected
  /// The reader was slower than the publishers.
  case overflow
}

/// The messages of some channels, for one reader. Ends when `cancel` is called, when the reader's task is cancelled
/// while it waits, or when the last reference to it goes away.
public final class RedisSubscription: AsyncSequence, Sendable {
  /// One message.
  public typealias Element = RedisMessage

  private let subscriber: Subscriber

  init(_ subscriber: Subscriber) { self.subscriber = subscriber }

  deinit { subscriber.stop() }

  /// Ends the subscription; the reader gets what is buffered, then the end.
  public func cancel() { subscriber.stop() }

  /// An iterator over what arrives; it keeps the subscription alive.
  public func makeAsyncIterator() -> Iterator { Iterator(subscription: self) }

  /// Reads messages as they arrive.
  public struct Iterator: AsyncIteratorProtocol {
    let subscription: RedisSubscription

    /// The next message; `nil` at the end.
    public mutating func next() async -> RedisMessage? { await subscription.subscriber.buffer.next() }

    /// The next message; `nil` at the end.
    public mutating func next(isolation actor: isolated (any Actor)?) async throws(Never) -> RedisMessage? {
      await subscription.subscriber.buffer.next()
    }
  }
}
