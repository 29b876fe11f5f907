internal import CLinux
internal import Glibc

/// Accepts connections on one loop. Several loops listen on the same TCP port (`SO_REUSEPORT`); the kernel spreads
/// connections.
///
/// `@unchecked Sendable`: confined to its loop after `init`.
public final class Listener: ReadinessHandler, @unchecked Sendable {
  private static let acceptsPerTurnMax = 64
  /// Pause after the process ran out of descriptors: accepting again at once would only spin.
  private static let exhaustedPause = Duration.milliseconds(50)

  private let loop: EventLoop
  private var fd: Int32
  private let onAccept: (Int32) -> Void
  /// The port that the kernel chose, when 0 was asked for; 0 for Unix sockets.
  public let port: Int
  /// Times that accepting failed for want of descriptors or memory.
  public private(set) var exhaustions: UInt64 = 0

  /// Binds and listens. `onAccept` gets non-blocking descriptors on the loop and owns them. Throws `ReactorError`.
  public init(
    on loop: EventLoop, address: SocketAddress, backlog: Int32 = 1024, onAccept: @escaping (Int32) -> Void
  ) throws(ReactorError) {
    loop.preconditionCurrent()
    guard let resolved = try address.lookUp(passive: true, numericOnly: false).first else {
      throw ReactorError(.badAddress, operation: "listen")
    }
    let fd = socket(
      resolved.family, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard fd >= 0 else { throw ReactorError(.system, operation: "socket", errno: errno) }
    var on: Int32 = 1
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<Int32>.size))
    if resolved.family != AF_UNIX {
      setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, socklen_t(MemoryLayout<Int32>.size))
    }
    guard resolved.withSockaddr({ bind(fd, $0, $1) }) == 0, listen(fd, backlog) == 0 else {
      let number = errno
      Glibc.close(fd)
      throw ReactorError(.system, operation: "bind \(address)", errno: number)
    }
    self.fd = fd
    self.loop = loop
    self.onAccept = onAccept
    port = Listener.boundPort(fd)
    try loop.watch(fd, for: .readable, handler: self)
  }

  /// Throws when another process (or this one) listens at the address already. Blocks briefly for names.
  public static func requireFree(_ address: SocketAddress) throws(ReactorError) {
    guard let resolved = try address.lookUp(passive: true, numericOnly: false).first else {
      throw ReactorError(.badAddress, operation: "listen")
    }
    guard resolved.family != AF_UNIX else { return }
    let fd = socket(resolved.family, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard fd >= 0 else { throw ReactorError(.system, operation: "socket", errno: errno) }
    defer { Glibc.close(fd) }
    var on: Int32 = 1
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<Int32>.size))
    guard resolved.withSockaddr({ bind(fd, $0, $1) }) == 0 else {
      throw ReactorError(.system, operation: "bind \(address)", errno: errno)
    }
  }

  /// Stops listening; accepted connections stay. On the loop.
  public func close() {
    loop.preconditionCurrent()
    guard fd >= 0 else { return }
    loop.unwatch(fd)
    Glibc.close(fd)
    fd = -1
  }

  /// Called by the loop.
  public func ready(_ events: Readiness) {
    for _ in 0..<Listener.acceptsPerTurnMax {
      guard fd >= 0 else { return }
      let accepted = cadre_accept(fd)
      if accepted >= 0 {
        StreamSocket.setNoDelay(accepted)
        StreamSocket.limitUnsent(accepted)
        onAccept(accepted)
        continue
      }
      switch errno {
      case EINTR, ECONNABORTED: continue
      case EMFILE, ENFILE, ENOBUFS, ENOMEM:
        exhaustions += 1
        pause()
        return
      default: return
      }
    }
  }

  private func pause() {
    loop.unwatch(fd)
    loop.schedule(after: Listener.exhaustedPause) { [weak self] in
      guard let self, fd >= 0 else { return }
      try? loop.watch(fd, for: .readable, handler: self)
    }
  }

  private static func boundPort(_ fd: Int32) -> Int {
    var address = sockaddr_storage()
    var size = socklen_t(MemoryLayout<sockaddr_storage>.size)
    let known = withUnsafeMutablePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(fd, $0, &size) }
    }
    guard known == 0, address.ss_family == sa_family_t(AF_INET) || address.ss_family == sa_family_t(AF_INET6) else {
      return 0
    }
    return withUnsafeBytes(of: address) { Int($0[2]) << 8 | Int($0[3]) }
  }
}
