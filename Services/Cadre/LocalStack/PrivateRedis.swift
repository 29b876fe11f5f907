internal import Glibc
internal import Primitives
internal import Process
internal import SystemSources

/// A Redis of its own, reachable by a Unix socket only.
public final class PrivateRedis: Sendable {
  /// Where it listens.
  public let socketPath: String
  private let process: ChildProcess

  /// Starts a server with its data in `folder` and its socket in `sockets`. It never evicts: counters of budgets are
  /// worth more than cached answers, which are not kept any more when the memory is used up.
  public init(folder: String, sockets: String, log: String) throws(StackError) {
    guard let program = FileAccess.findProgram("redis-server") else {
      throw StackError("redis-server is missing; install it with: apt-get install redis-server")
    }
    try FileAccess.makeFolder(folder)
    socketPath = sockets + "/redis.sock"
    unlink(socketPath)
    process = try StackProgram.start(
      ProcessSpecification(
        program,
        [
          "--port", "0", "--unixsocket", socketPath, "--unixsocketperm", "700", "--dir", folder, "--appendonly", "yes",
          "--appendfsync", "everysec", "--save", "", "--maxmemory", "512mb", "--maxmemory-policy", "noeviction",
          "--daemonize", "no",
        ], name: "redis", environment: ["PATH": "/usr/bin:/bin"], folder: folder, log: log))
    let deadline = MonotonicClock.now() + 10_000_000_000
    while !FileAccess.exists(socketPath) {
      guard process.exitStatus == nil, MonotonicClock.now() < deadline else {
        throw StackError("Redis did not start:\n\(FileAccess.tail(log, bytesMax: 2000))")
      }
      ThreadPause.milliseconds(5)
    }
  }

  /// Whether it runs.
  public var isRunning: Bool { process.exitStatus == nil }

  /// Stops the server.
  public func stop() { process.stop() }
}
