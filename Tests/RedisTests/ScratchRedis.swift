import Glibc
import Reactor
import Redis
import Synchronization
import Testing

/// A real server of the test's own, on a Unix socket in a folder of its own. Killed when the process ends, at the latest.
final class ScratchRedis: Sendable {
  struct StartFailure: Error {}

  private static let processes = Mutex<Set<pid_t>>([])
  private static let killAtExit: Void = {
    atexit { ScratchRedis.processes.withLock { for process in $0 { kill(process, SIGKILL) } } }
  }()
  /// Looks, 5 ms apart, for a server that is starting.
  private static let looksMax = 2000

  private let folder: String
  private let extra: [String]
  private let process = Mutex<pid_t>(0)

  var address: SocketAddress { .unix(folder + "/redis.sock") }

  init(_ extra: [String] = []) throws {
    _ = ScratchRedis.killAtExit
    var template = Array("/tmp/redis-tests-XXXXXX".utf8CString)
    guard let made = mkdtemp(&template) else { throw StartFailure() }
    folder = String(cString: made)
    self.extra = extra
    try start()
  }

  deinit {
    stop()
    rmdir(folder)
  }

  func start() throws {
    let socket = folder + "/redis.sock"
    let words =
      ["redis-server", "--port", "0", "--save", "", "--appendonly", "no", "--dir", folder, "--unixsocket", socket]
      + ["--logfile", "/dev/null"] + extra
    var arguments = words.map { strdup($0) } + [nil]
    defer { for argument in arguments { free(argument) } }
    var pid: pid_t = 0
    guard posix_spawnp(&pid, "redis-server", nil, nil, &arguments, environ) == 0 else { throw StartFailure() }
    process.withLock { $0 = pid }
    ScratchRedis.processes.withLock { _ = $0.insert(pid) }
    for _ in 0..<ScratchRedis.looksMax {
      if accepts(socket) { return }
      usleep(5000)
    }
    throw StartFailure()
  }

  /// Ends the server as a crash would.
  func stop() {
    let pid = process.withLock { pid in
      defer { pid = 0 }
      return pid
    }
    guard pid > 0 else { return }
    kill(pid, SIGKILL)
    waitpid(pid, nil, 0)
    ScratchRedis.processes.withLock { _ = $0.remove(pid) }
    unlink(folder + "/redis.sock")
  }

  private func accepts(_ path: String) -> Bool {
    let fd = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(fd) }
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
    return withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(fd, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) == 0
      }
    }
  }
}

/// All tests of the module: one after the other, because one of them counts the descriptors of the process.
@Suite(.serialized) struct RedisTests {}

/// Runs `body` with a pool that has tried to connect, and stops the loops afterwards.
func withPool(
  _ configuration: RedisConfiguration, loops: Int = 2, _ body: (RedisPool, EventLoopGroup) async throws -> Void
) async throws {
  let group = EventLoopGroup(count: loops)
  let pool = RedisPool(group: group, configuration: configuration)
  await pool.start()
  do {
    try await body(pool, group)
  } catch {
    await pool.close()
    group.stop()
    throw error
  }
  await pool.close()
  group.stop()
}

/// Whether `condition` comes true; a limit keeps a broken test from hanging.
func eventually(_ condition: () async -> Bool) async -> Bool {
  for _ in 0..<4000 {
    if await condition() { return true }
    try? await Task.sleep(for: .milliseconds(3))
  }
  return false
}

/// What `body` throws, if it is an error of the client.
func failure<Value>(_ body: () async throws -> Value) async -> RedisError? {
  do {
    _ = try await body()
    return nil
  } catch {
    return error as? RedisError
  }
}
