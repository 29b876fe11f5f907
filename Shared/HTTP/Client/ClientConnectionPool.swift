internal import HTTPWire
internal import Primitives
internal import Reactor

/// One connection to a server, with both of its halves.
///
/// `@unchecked Sendable`: confined to its loop.
final class ClientConnection: @unchecked Sendable {
  let socket: StreamSocket
  let writer: StreamWriter
  /// Here unless somebody reads.
  var reader: StreamReader?

  init?(_ socket: StreamSocket) {
    guard let reader = socket.takeReader(), let writer = socket.takeWriter() else { return nil }
    self.socket = socket
    self.reader = consume reader
    self.writer = writer
  }
}

/// The connections of one loop to one plain-HTTP origin: idle ones are used again, the newest first; beyond the limit
/// callers wait in order.
///
/// `@unchecked Sendable`: confined to its loop.
final class ClientConnectionPool: @unchecked Sendable {
  /// Shorter than the idle time of our own servers and of nginx (75 s), so that we close first and no request meets a
  /// close.
  private static let idleNanosecondsMax: UInt64 = 55_000_000_000

  private let loop: EventLoop
  private let address: SocketAddress
  private let connectionsMax: Int
  private let waitersMax: Int
  private var idle: [(connection: ClientConnection, since: UInt64)] = []
  private var waiters: [Promise<Void>] = []
  private(set) var open = 0

  init(loop: EventLoop, address: SocketAddress, connectionsMax: Int, waitersMax: Int) {
    self.loop = loop
    self.address = address
    self.connectionsMax = connectionsMax
    self.waitersMax = waitersMax
  }

  /// A connection, and whether it was used before. Throws `HTTPClientError` or `CancellationError`.
  /// For a request that is not safe to repeat, a kept connection is looked at once more: it must not meet the server's
  /// end of it.
  func acquire(deadline: UInt64, fresh: Bool, isRepeatable: Bool) async throws -> (
    connection: ClientConnection, reused: Bool
  ) {
    while true {
      if !fresh, let connection = takeIdle(isRepeatable) { return (connection, true) }
      if open < connectionsMax { break }
      if fresh, let oldest = idle.first {
        idle.removeFirst()
        discard(oldest.connection)
        break
      }
      guard waiters.count < waitersMax else { throw HTTPClientError(.overloaded) }
      let turn = Promise<Void>(on: loop)
      waiters.append(turn)
      do {
        try await turn.value(deadline: deadline)
      } catch let error as ReactorError {
        waiters.removeAll { $0 === turn }
        throw HTTPClientError(error.code == .timedOut ? .timedOut : .overloaded)
      } catch {
        waiters.removeAll { $0 === turn }
        throw error
      }
    }
    open += 1
    do {
      let socket = try await StreamSocket.connect(to: address, deadline: deadline)
      guard let connection = ClientConnection(socket) else { throw ReactorError(.closed, operation: "connect") }
      return (connection, false)
    } catch let error as ReactorError {
      released()
      throw HTTPClientError(.cannotConnect, reason: error.description)
    } catch {
      released()
      throw error
    }
  }

  /// Takes back a connection that is clean for another exchange.
  func giveBack(_ connection: ClientConnection) {
    let socket = connection.socket
    guard !socket.isClosed, !socket.peerClosed, !socket.hasInput, socket.unsentCount == 0,
      connection.writer.failure == nil
    else {
      discard(connection)
      return
    }
    idle.append((connection, loop.now))
    wakeWaiter()
  }

  /// Closes a connection that cannot be used again.
  func discard(_ connection: ClientConnection) {
    connection.socket.close()
    released()
  }

  /// Closes what has been idle too long; called now and then.
  func closeStale() {
    while let oldest = idle.first, loop.now &- oldest.since > ClientConnectionPool.idleNanosecondsMax {
      idle.removeFirst()
      discard(oldest.connection)
    }
  }

  func closeIdle() {
    let entries = idle
    idle = []
    for entry in entries { discard(entry.connection) }
  }

  private func takeIdle(_ isRepeatable: Bool) -> ClientConnection? {
    while let newest = idle.popLast() {
      let socket = newest.connection.socket
      let isOld = loop.now &- newest.since > ClientConnectionPool.idleNanosecondsMax
      if isOld || socket.isClosed || socket.peerClosed || (!isRepeatable && socket.hasNews) {
        discard(newest.connection)
        continue
      }
      return newest.connection
    }
    return nil
  }

  private func released() {
    open -= 1
    wakeWaiter()
  }

  private func wakeWaiter() {
    while !waiters.isEmpty {
      let first = waiters.removeFirst()
      if first.isSettled { continue }
      first.succeed(())
      return
    }
  }
}
