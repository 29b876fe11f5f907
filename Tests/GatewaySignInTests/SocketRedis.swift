import Glibc
import RedisTestKit
import Synchronization

/// A redis-server of a test's own on a Unix socket: nobody else can have its address.
final class SocketRedis: Sendable {
  private let folder = TestFolder()
  private let process = Mutex<pid_t>(0)
  private var path: String { folder.path + "/redis.sock" }

  init() throws {
    let pid = try spawn([
      "redis-server", "--port", "0", "--unixsocket", folder.path + "/redis.sock", "--save", "", "--appendonly", "no",
      "--dir", folder.path, "--daemonize", "no",
    ])
    process.withLock { $0 = pid }
    for _ in 0..<12_000 {
      if canConnect() { return }
      usleep(5000)
    }
    stop()
    throw CannotStart()
  }

  struct CannotStart: Error {}

  deinit { stop() }

  var url: String { "unix:\(path)" }

  /// Kills it.
  func stop() {
    let pid = process.withLock { pid in
      defer { pid = 0 }
      return pid
    }
    guard pid > 0 else { return }
    kill(pid, SIGKILL)
    waitpid(pid, nil, 0)
  }

  private func canConnect() -> Bool {
    let fd = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(fd) }
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8.prefix(100)) }
    return withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(fd, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) == 0
      }
    }
  }
}
