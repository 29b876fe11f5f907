internal import HTTPWire
internal import Primitives
internal import Reactor

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
  private var idle: [(socket: StreamSocket, since: UInt64)] = []
  private var waiters: [Promise<Void>] = []
  private(set) var open = 0

  init(loop: EventLoop, address: SocketAddress, connectionsMax: Int, waitersMax: Int) {
    self.loop = loop
    self.address = address
    self.connectionsMax = connectionsMax
    self.waitersMax = waitersMax
  }

  /// A connection, and whether it was used before. Throws `HTTPClientError` or `CancellationError`.
  func acquire(deadline: UInt64, fresh: Bool) async throws -> (socket: StreamSocket, reused: Bool) {
    while true {
      if !fresh, let socket = takeIdle() { return (socket, true) }
      if open < connectionsMax { break }
      if fresh, let oldest = idle.first {
        idle.removeFirst()
        discard(oldest.socket)
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
      return (try await StreamSocket.connect(to: address, deadline: deadline), false)
    } catch let error as ReactorError {
      released()
      throw HTTPClientError(.cannotConnect, reason: error.description)
    } catch {
      released()
      throw error
    }
  }

  /// Takes back a connection that is clean for another exchange.
  func giveBack(_ socket: StreamSocket) {
    socket.deadline = 0
    guard !socket.isClosed, !socket.peerClosed, socket.input.isEmpty else {
      discard(socket)
      return
    }
    idle.append((socket, loop.now))
    wakeWaiter()
  }

  /// Closes a connection that cannot be used again.
  func discard(_ socket: StreamSocket) {
    socket.close()
    released()
  }

  /// Closes what has been idle too long; called now and then.
  func closeStale() {
    while let oldest = idle.first, loop.now &- oldest.since > ClientConnectionPool.idleNanosecondsMax {
      idle.removeFirst()
      discard(oldest.socket)
    }
  }

  func closeIdle() {
    for entry in idle { discard(entry.socket) }
    idle = []
  }

  private func takeIdle() -> StreamSocket? {
    while let newest = idle.popLast() {
      let socket = newest.socket
      if socket.isClosed || socket.peerClosed || loop.now &- newest.since > ClientConnectionPool.idleNanosecondsMax {
        discard(socket)
        continue
      }
      return socket
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
