internal import Glibc

/// The right to read from a socket. It cannot be copied and its reads are exclusive, so there is never a second reader.
///
/// Who shares it among tasks keeps it in an optional and takes it out for each read: who finds it gone knows that
/// another read is under way, and the owner can wait for its return (see `HTTPRequestBody`).
public struct StreamReader: ~Copyable, Sendable {
  private static let bytesMin = 4096
  private static let bytesUsual = 16 * 1024

  /// The socket that is read from.
  public let socket: StreamSocket

  init(socket: StreamSocket) { self.socket = socket }

  /// Bytes received and not yet consumed.
  public var input: ByteBuffer {
    _read { yield socket.input }
    _modify { yield &socket.input }
  }

  /// Waits until more input has arrived, at most until `deadline` (monotonic nanoseconds). Returns `false` at the end
  /// of the stream. Throws the socket's failure, `timedOut` or `interrupted`; after the last two the connection goes
  /// on.
  public mutating func fill(until deadline: UInt64 = .max) async throws(ReactorError) -> Bool {
    let socket = socket
    while true {
      if let failure = socket.failure { throw failure }
      if socket.isClosed { throw ReactorError(.closed, operation: "read") }
      if socket.readIsInterrupted {
        socket.readIsInterrupted = false
        throw ReactorError(.interrupted, operation: "read")
      }
      if socket.kernelReadable {
        if let got = try StreamReader.readOnce(socket) { return got }
      }
      socket.input.releaseIfEmpty()
      if deadline <= socket.loop.now { throw ReactorError(.timedOut, operation: "read") }
      socket.awaitRead(until: deadline)
      let wake = await withUnsafeContinuation { continuation in
        // Reaching this point may have taken a turn of the loop: what happened meanwhile must not be waited for.
        if socket.kernelReadable || socket.isClosed || socket.readIsInterrupted {
          continuation.resume(returning: StreamSocket.ReadWake.ready)
        } else {
          socket.readWaiter = continuation
        }
      }
      if case .timedOut = wake { throw ReactorError(.timedOut, operation: "read") }
    }
  }

  /// Reads what the kernel has: `true` for bytes, `false` for the end, `nil` when it has nothing yet.
  private static func readOnce(_ socket: StreamSocket) throws(ReactorError) -> Bool? {
    let isFresh = !socket.input.hasMemory
    let room =
      isFresh ? socket.loop.scratch : socket.input.room(atLeast: socket.input.isEmpty ? bytesUsual : bytesMin)
    while true {
      let count = recv(socket.fd, room.baseAddress, room.count, 0)
      if count > 0 {
        if isFresh {
          socket.input.append(UnsafeRawBufferPointer(rebasing: room[..<count]))
        } else {
          socket.input.commit(count)
        }
        socket.bytesReceived &+= UInt64(count)
        // A short read has emptied the kernel's buffer: with edge triggering the next bytes announce themselves.
        if count < room.count && !socket.peerClosed { socket.kernelReadable = false }
        return true
      }
      if count == 0 {
        socket.peerClosed = true
        return false
      }
      switch errno {
      case EINTR: continue
      case EAGAIN:
        socket.kernelReadable = false
        return nil
      case let number:
        let error = ReactorError(
          number == ECONNRESET || number == EPIPE ? .peerClosed : .system, operation: "read", errno: number)
        socket.fail(error)
        throw error
      }
    }
  }
}
