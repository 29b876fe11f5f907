public import Glibc
internal import LocalStack
public import Reactor
internal import Synchronization

/// What a server of the tests could not do.
public struct ServerError: Error {
  /// What it was.
  public let text: String
  init(_ text: String) { self.text = text }
}

/// A port of 127.0.0.1 that nobody listens at now.
public func freePort() throws -> Int {
  let port = LoopbackPort.free()
  guard port > 0 else { throw ServerError("no port") }
  return port
}

/// Starts a program and returns its process.
public func spawn(_ words: [String]) throws -> pid_t {
  var arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) }
  defer { for argument in arguments { free(argument) } }
  arguments.append(nil)
  var actions = posix_spawn_file_actions_t()
  posix_spawn_file_actions_init(&actions)
  defer { posix_spawn_file_actions_destroy(&actions) }
  for fd in [1, 2] as [Int32] { posix_spawn_file_actions_addopen(&actions, fd, "/dev/null", O_WRONLY, 0) }
  var pid: pid_t = 0
  guard posix_spawnp(&pid, words[0], &actions, nil, arguments, environ) == 0 else { throw ServerError(words[0]) }
  return pid
}

/// Runs a program to its end.
public func run(_ words: [String]) throws {
  var status: Int32 = 0
  guard waitpid(try spawn(words), &status, 0) > 0, status == 0 else { throw ServerError(words.joined(separator: " ")) }
}

/// Writes a file.
public func write(_ text: String, to path: String) throws {
  guard let file = fopen(path, "w") else { throw ServerError(path) }
  defer { fclose(file) }
  fputs(text, file)
}

/// A folder that goes with its owner.
public final class TestFolder: Sendable {
  private static let numbers = Atomic<Int>(0)
  /// The folder.
  public let path: String

  /// Makes a folder.
  public init() {
    path = "/tmp/redis-many-\(getpid())-\(TestFolder.numbers.add(1, ordering: .relaxed).newValue)"
    mkdir(path, 0o700)
  }

  deinit { try? run(["rm", "-rf", path]) }
}

/// A redis-server, or a sentinel, at a port of its own.
public final class PortRedis: Sendable {
  /// The port.
  public let port: Int
  /// The port of a cluster's bus.
  public let busPort: Int
  private let process = Mutex<pid_t>(0)
  private let arguments: [String]
  private let log: String
  /// Its folder lives as long as it.
  private let folder: TestFolder

  /// `options` with one word for each; `isSecured` for a server that speaks TLS only.
  public init(
    _ folder: TestFolder, _ options: [String] = [], isSecured: Bool = false, isCluster: Bool = false,
    sentinel: String? = nil
  ) throws {
    port = try freePort()
    busPort = try freePort()
    let own = "\(folder.path)/\(port)"
    mkdir(own, 0o700)
    self.folder = folder
    log = own + "/server.log"
    var words = ["redis-server"]
    if let sentinel {
      try write(sentinel, to: own + "/sentinel.conf")
      words += [own + "/sentinel.conf", "--sentinel"]
    } else {
      words += ["--save", "", "--appendonly", "no"]
    }
    words += isSecured ? ["--port", "0", "--tls-port", "\(port)"] : ["--port", "\(port)"]
    words += ["--bind", "127.0.0.1", "--dir", own, "--daemonize", "no", "--logfile", log]
    if isCluster {
      words += ["--cluster-enabled", "yes", "--cluster-port", "\(busPort)"]
    }
    arguments = words + options
    try start()
  }

  deinit { stop() }

  /// Where it listens.
  public var address: SocketAddress { .host("127.0.0.1", port: port) }

  /// Starts it, again with the same data.
  public func start() throws {
    let pid = try spawn(arguments)
    process.withLock { $0 = pid }
    var status: Int32 = 0
    for _ in 0..<4000 {
      if canConnect() { return }
      if waitpid(pid, &status, WNOHANG) == pid {
        process.withLock { $0 = 0 }
        throw ServerError("redis-server ended with \(status): \(said)")
      }
      usleep(5000)
    }
    throw ServerError("redis-server does not listen: \(said)")
  }

  /// The end of what it has written.
  private var said: String {
    guard let file = fopen(log, "r") else { return "nothing" }
    defer { fclose(file) }
    var bytes = [UInt8](repeating: 0, count: 64 << 10)
    let count = fread(&bytes, 1, bytes.count, file)
    return String(decoding: bytes[..<count].suffix(1000), as: UTF8.self)
  }

  private func canConnect() -> Bool {
    let fd = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    defer { close(fd) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = inet_addr("127.0.0.1")
    address.sin_port = in_port_t(UInt16(port).bigEndian)
    return withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(fd, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
      }
    }
  }

  /// Kills it.
  public func stop() {
    let pid = process.withLock { pid in
      defer { pid = 0 }
      return pid
    }
    guard pid > 0 else { return }
    kill(pid, SIGKILL)
    waitpid(pid, nil, 0)
  }
}

/// An authority and a server's certificate for 127.0.0.1 and localhost, and a client's.
public struct TestCertificates: Sendable {
  /// The authority's certificate.
  public let ca: String
  /// The server's and client's certificate.
  public let certificate: String
  /// Its key.
  public let key: String

  /// Makes them, or makes them anew.
  public init(_ folder: TestFolder, _ name: String = "tls") throws {
    let base = "\(folder.path)/\(name)"
    (ca, certificate, key) = (base + "-ca.crt", base + ".crt", base + ".key")
    let make = ["openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-batch"]
    try run(make + ["-x509", "-days", "2", "-subj", "/CN=\(name) authority", "-keyout", base + "-ca.key", "-out", ca])
    try run(make + ["-subj", "/CN=redis", "-keyout", key, "-out", base + ".csr"])
    try write("subjectAltName=IP:127.0.0.1,DNS:localhost\n", to: base + ".ext")
    try run([
      "openssl", "x509", "-req", "-in", base + ".csr", "-CA", ca, "-CAkey", base + "-ca.key", "-CAcreateserial",
      "-days",
      "2", "-extfile", base + ".ext", "-out", certificate,
    ])
  }

  /// A server's options.
  public func options(clients: String = "no") -> [String] {
    [
      "--tls-cert-file", certificate, "--tls-key-file", key, "--tls-ca-cert-file", ca, "--tls-auth-clients", clients,
    ]
  }
}
