import Glibc
import Primitives
import Reactor
import ReactorTestKit
import Synchronization
import Testing

@testable import Redis

struct FixtureError: Error {
  let text: String
  init(_ text: String) { self.text = text }
}

/// A redis-server of the test's own on a Unix socket.
final class TestRedis: Sendable {
  private static let numbers = Atomic<Int>(0)
  let folder: String
  var path: String { folder + "/redis.sock" }
  private let options: [String]
  private let process = Mutex<pid_t>(0)

  init(_ options: [String] = []) throws {
    self.options = options
    let number = TestRedis.numbers.add(1, ordering: .relaxed).newValue
    folder = "/tmp/redis-\(getpid())-\(number)"
    mkdir(folder, 0o700)
    try start()
  }

  func configuration(_ change: (inout RedisConfiguration) -> Void = { _ in }) -> RedisConfiguration {
    var configuration = RedisConfiguration(address: .unix(path))
    // Wide, because the tests share two cores with compilers; the tests of time-outs set their own.
    configuration.commandTimeout = .seconds(20)
    configuration.connectTimeout = .seconds(20)
    change(&configuration)
    return configuration
  }

  func start() throws {
    let words =
      [
        "redis-server", "--port", "0", "--unixsocket", path, "--save", "", "--appendonly", "no", "--dir", folder,
        "--logfile", folder + "/log", "--daemonize", "no",
      ] + options
    var arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) }
    defer { for argument in arguments { free(argument) } }
    arguments.append(nil)
    var pid: pid_t = 0
    guard posix_spawnp(&pid, "redis-server", nil, nil, arguments, environ) == 0 else { throw FixtureError("spawn") }
    process.withLock { $0 = pid }
    for _ in 0..<2000 {
      if canConnect() { return }
      usleep(5000)
    }
    throw FixtureError("redis-server does not listen")
  }

  private func canConnect() -> Bool {
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

  func stop() {
    let pid = process.withLock { pid in
      defer { pid = 0 }
      return pid
    }
    guard pid > 0 else { return }
    kill(pid, SIGKILL)
    waitpid(pid, nil, 0)
    unlink(path)
  }

  func signal(_ number: Int32) { process.withLock { _ = kill($0, number) } }

  deinit {
    stop()
    unlink(folder + "/log")
    rmdir(folder)
  }
}

/// Runs `body` on a loop of a group with a started pool.
func withPool(
  _ configuration: RedisConfiguration, loops: Int = 1, observer: (any RedisObserver)? = nil,
  _ body: @escaping @Sendable (RedisPool) async throws -> Void
) async throws {
  let group = EventLoopGroup(count: loops)
  let pool = RedisPool(group: group, configuration: configuration, observer: observer)
  await pool.start()
  let result = await group.loops[0].task { try await body(pool) }.result
  await pool.close()
  group.stop()
  try result.get()
}

/// A server that does what `serve` says with each accepted socket, and a pool that is connected to it as well as it
/// gets.
func withFakeServer(
  _ change: @escaping @Sendable (inout RedisConfiguration) -> Void = { _ in },
  serve: @escaping @Sendable (PeerSocket) async throws -> Void,
  _ body: @escaping @Sendable (RedisPool) async throws -> Void
) async throws {
  let group = EventLoopGroup(count: 1)
  let loop = group.loops[0]
  let result = await loop.task {
    let listener = try Listener(on: loop, address: .host("127.0.0.1", port: 0)) { fd in
      guard let socket = PeerSocket(adopting: fd, on: loop) else { return }
      loop.task {
        try? await serve(socket)
        socket.closeWhenFlushed()
      }
    }
    var configuration = RedisConfiguration(address: .host("127.0.0.1", port: listener.port))
    configuration.commandTimeout = .seconds(20)
    configuration.clientName = ""
    change(&configuration)
    let pool = RedisPool(group: group, configuration: configuration)
    await pool.start()
    let result = await loop.task { try await body(pool) }.result
    await pool.close()
    listener.close()
    try result.get()
  }.result
  group.stop()
  try result.get()
}

extension PeerSocket {
  /// Reads one command as a client writes it; `nil` at the end of the stream.
  func nextCommand() async throws -> [[UInt8]]? {
    func line() async throws -> [UInt8]? {
      while true {
        if let end = input.readable.firstIndex(of: 10) {
          return Array(input.take(end + 1).dropLast(2))
        }
        guard try await fill() else { return nil }
      }
    }
    guard let head = try await line(), let count = Int(String(decoding: head.dropFirst(), as: UTF8.self)) else {
      return nil
    }
    var words: [[UInt8]] = []
    for _ in 0..<count {
      guard let head = try await line(), let length = Int(String(decoding: head.dropFirst(), as: UTF8.self)) else {
        return nil
      }
      while input.count < length + 2 { guard try await fill() else { return nil } }
      words.append(Array(input.take(length + 2).dropLast(2)))
    }
    return words
  }

  /// Answers the greeting (a PING, since the fake server's clients have no name).
  func answerGreeting() async throws {
    _ = try await nextCommand()
    write("+PONG\r\n")
  }
}

/// Waits until `condition` holds; gives up after many tries.
func eventually(_ what: Comment, _ condition: @escaping @Sendable () async -> Bool) async throws {
  for _ in 0..<4000 {
    if await condition() { return }
    try await Task.sleep(for: .milliseconds(5))
  }
  Issue.record("never happened: \(what)")
}

/// The error that `body` throws.
func failure(_ body: () async throws -> some Any) async -> RedisError? {
  do {
    _ = try await body()
    return nil
  } catch { return error as? RedisError }
}

func openDescriptors() -> Int {
  guard let folder = opendir("/proc/self/fd") else {
    Issue.record("descriptors cannot be counted")
    return -1
  }
  defer { closedir(folder) }
  var count = 0
  while readdir(folder) != nil { count += 1 }
  return count
}

extension RedisPool {
  /// Sets a key.
  func set(_ key: RedisArgument, _ value: RedisArgument) async throws {
    _ = try await send(["SET", key, value])
  }
}
