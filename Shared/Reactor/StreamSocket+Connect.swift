internal import CLinux
internal import Glibc

extension StreamSocket {
  /// Connects on the current loop before `deadline` (monotonic nanoseconds), trying each address of the name in turn.
  public static func connect(to address: SocketAddress, deadline: UInt64) async throws -> StreamSocket {
    guard let loop = EventLoop.current else { throw ReactorError(.closed, operation: "connect off a loop") }
    var last = ReactorError(.badAddress, operation: "connect")
    for candidate in try await address.resolved() {
      let fd = Glibc.socket(
        candidate.family, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
      guard fd >= 0 else { throw ReactorError(.system, operation: "socket", errno: errno) }
      if candidate.family != AF_UNIX { setNoDelay(fd) }
      do {
        if candidate.withSockaddr({ Glibc.connect(fd, $0, $1) }) != 0 {
          let number = errno
          // EAGAIN is a full backlog of a Unix socket: nothing is under way then.
          guard number == EINPROGRESS else {
            throw ReactorError(.system, operation: "connect", errno: number)
          }
          try await ConnectAttempt(fd, loop).wait(until: deadline)
        }
      } catch let error as ReactorError {
        Glibc.close(fd)
        last = error
        if error.code == .timedOut { break }
        continue
      } catch {
        Glibc.close(fd)
        throw error
      }
      // From here on the socket owns the descriptor, also when it refuses it.
      return try StreamSocket(adopting: fd, on: loop)
    }
    throw last
  }

  /// Bytes that the kernel takes beyond what is under way to the peer. Without this limit it takes megabytes, and a
  /// peer that reads slowly but steadily looks for minutes as if it took nothing.
  private static let kernelUnsentBytesMax: Int32 = 128 * 1024

  static func limitUnsent(_ fd: Int32) {
    var bytes = kernelUnsentBytesMax
    setsockopt(fd, Int32(IPPROTO_TCP), TCP_NOTSENT_LOWAT, &bytes, socklen_t(MemoryLayout<Int32>.size))
  }

  static func setNoDelay(_ fd: Int32) {
    var on: Int32 = 1
    setsockopt(fd, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
  }
}

/// Waits for a non-blocking `connect` to finish.
private final class ConnectAttempt: ReadinessHandler {
  private let fd: Int32
  private let loop: EventLoop
  private let done: Promise<Void>

  init(_ fd: Int32, _ loop: EventLoop) {
    self.fd = fd
    self.loop = loop
    done = Promise(on: loop)
  }

  func wait(until deadline: UInt64) async throws {
    try loop.watch(fd, for: .writable, handler: self)
    defer { loop.unwatch(fd) }
    do {
      try await done.value(deadline: deadline)
    } catch let error as ReactorError where error.code == .timedOut {
      throw ReactorError(.timedOut, operation: "connect")
    }
  }

  func ready(_ events: Readiness) {
    var number: Int32 = 0
    var size = socklen_t(MemoryLayout<Int32>.size)
    getsockopt(fd, SOL_SOCKET, SO_ERROR, &number, &size)
    if number == 0 {
      done.succeed(())
    } else {
      done.fail(ReactorError(.system, operation: "connect", errno: number))
    }
  }
}
