internal import Crypto
internal import Glibc
internal import Primitives
public import Process
internal import Synchronization
internal import SystemSources

/// How a local stack is put together.
public struct StackConfiguration: Sendable {
  /// Folder of all data.
  public var data: String
  /// Folder of the executables.
  public var executables: String
  /// Port of the gateway; 0 for any.
  public var port = 8080
  /// Processes of each service, the mock provider excepted.
  public var replicas = 1
  /// An OpenAI-compatible provider; without one the mock provider answers.
  public var provider: Provider?
  /// Further settings of services, by service and environment name.
  public var environment: [String: [String: String]] = [:]
  /// Gives up safety against a crash of the machine, for tests.
  public var isThrowaway = false

  /// A real provider.
  public struct Provider: Sendable {
    /// Base URL with /v1.
    public let url: String
    /// Its key.
    public let key: String
    /// The model to use.
    public let model: String

    /// Makes a provider.
    public init(url: String, key: String, model: String) {
      self.url = url
      self.key = key
      self.model = model
    }
  }

  /// A stack with its data in `data`.
  public init(data: String, executables: String) {
    self.data = FileAccess.absolute(data)
    self.executables = FileAccess.absolute(executables)
  }
}

/// Everything that runs for one installation on one machine: Postgres, Redis and the services, started in order and
/// stopped in reverse.
public final class LocalStack: Sendable {
  /// One service process.
  public struct Running: Sendable {
    /// Name of the process: the service's, with a number from the second replica on.
    public let name: String
    /// Name of the service.
    public let service: String
    /// Its port.
    public let port: Int
    /// The port of its admin listener.
    public let adminPort: Int
    /// Its process.
    public let process: ChildProcess
  }

  /// What is started, in this order.
  public static let services = ["mock-provider", "llm-router", "orchestrator", "agent-core", "gateway"]

  /// The configuration.
  public let configuration: StackConfiguration
  /// A key for the gateway.
  public let apiKey: String
  /// The keys of identity.
  public let keys: StackKeys
  /// The folder of the sockets of Postgres and Redis.
  public let sockets: String
  private let postgresFolder: String
  private let ports: [String: Int]
  private let adminPorts: [String: Int]
  private let lock: StackLock
  private let currentPostgres: Mutex<PrivatePostgres>
  private let currentRedis: Mutex<PrivateRedis>
  private let running = Mutex<[Running]>([])

  /// Starts Postgres and Redis. `note` gets a sentence about each step.
  public init(_ configuration: StackConfiguration, note: (String) -> Void = { _ in }) throws(StackError) {
    self.configuration = configuration
    let data = configuration.data
    try FileAccess.makeFolder(data)
    try FileAccess.makeFolder(data + "/logs")
    try FileAccess.makeFolder(data + "/spool")
    lock = try StackLock(folder: data)
    var ports: [String: Int] = [:]
    for service in LocalStack.services {
      for name in LocalStack.names(of: service, configuration) { ports[name] = LoopbackPort.free() }
    }
    if configuration.port != 0 {
      guard LoopbackPort.isFree(configuration.port) else {
        throw StackError(
          "port \(configuration.port) is taken by another program; stop it, or choose another port with --port")
      }
      ports["gateway"] = configuration.port
    }
    self.ports = ports
    adminPorts = ports.mapValues { _ in LoopbackPort.free() }
    apiKey = try LocalStack.secret(data + "/api-key", prefix: "cadre_")
    keys = try StackKeys(folder: data + "/keys")
    sockets = try OwnFolder.make(
      "/tmp/cadre-\(FileAccess.shortName(of: data))", owner: try SystemUser.forServers(), mode: 0o711)
    note("starting Postgres and Redis")
    postgresFolder = LocalStack.postgresFolder(data, note)
    let postgres = try PrivatePostgres(
      folder: postgresFolder, sockets: sockets, log: data + "/logs/postgres.log",
      isThrowaway: configuration.isThrowaway)
    currentPostgres = Mutex(postgres)
    do {
      currentRedis = Mutex(try PrivateRedis(folder: data + "/redis", sockets: sockets, log: data + "/logs/redis.log"))
    } catch {
      postgres.stop()
      throw error
    }
  }

  /// Postgres does not run as root. When its user cannot pass to the data folder, as below a root's home, its cluster
  /// lies elsewhere, under a name that belongs to the data folder.
  private static func postgresFolder(_ data: String, _ note: (String) -> Void) -> String {
    guard let user = try? SystemUser.forServers(), !FileAccess.isReachableByOthers(data) else {
      return data + "/postgres"
    }
    let folder = "/var/tmp/cadre-\(FileAccess.shortName(of: data))/postgres"
    note("the user \(user.name) cannot reach \(data); the database lies in \(folder)")
    return folder
  }

  private static func secret(_ path: String, prefix: String) throws(StackError) -> String {
    if let known = FileAccess.read(path)?.split(separator: "\n").first { return String(known) }
    let made = prefix + Hex.encode(SystemRandom.bytes(24))
    try FileAccess.write(path, made + "\n")
    return made
  }

  /// The database.
  public var postgres: PrivatePostgres { currentPostgres.withLock { $0 } }

  /// The socket of Redis.
  public var redisSocket: String { currentRedis.withLock { $0 }.socketPath }

  /// The port of a process by its name; the name of a service is that of its first replica.
  public func port(of name: String) -> Int { ports[name] ?? 0 }

  /// The port of the admin listener of a process by its name.
  public func adminPort(of name: String) -> Int { adminPorts[name] ?? 0 }

  /// The ports of all replicas of a service.
  public func ports(of service: String) -> [Int] {
    LocalStack.names(of: service, configuration).map { port(of: $0) }
  }

  /// Names of the processes of a service.
  private static func names(of service: String, _ configuration: StackConfiguration) -> [String] {
    guard service != "mock-provider" else { return [service] }
    return (1...max(1, configuration.replicas)).map { $0 == 1 ? service : "\(service)-\($0)" }
  }

  private static func service(of name: String) -> String {
    services.first { name == $0 || name.hasPrefix($0 + "-") } ?? name
  }

  /// The address of the API.
  public var url: String { "http://127.0.0.1:\(port(of: "gateway"))" }

  /// The services that run.
  public var processes: [Running] { running.withLock { $0 } }

  // MARK: Services

  /// Starts the services and waits until all are ready.
  public func startServices(note: (String) -> Void = { _ in }) throws(StackError) {
    for service in LocalStack.services where service != "mock-provider" || configuration.provider == nil {
      note("starting \(service)")
      for name in LocalStack.names(of: service, configuration) { try launch(name) }
    }
    for service in processes { try waitUntilReady(service) }
  }

  /// What to say of an executable that is not there. `make build` knows the options of release builds.
  static func missing(_ service: String, in folder: String) -> StackError {
    let command = folder.hasSuffix("/debug") ? "swift build --product \(service)" : "make build"
    return StackError("\(folder)/\(service) is missing; build it with: \(command)")
  }

  /// Starts a process of a service (again), by its name. Throws when it runs: a second one has no port, and what is
  /// known of the first must not be lost.
  public func launch(_ name: String) throws(StackError) {
    if let known = self.service(name), known.process.exitStatus == nil { throw StackError("\(name) runs already") }
    let service = LocalStack.service(of: name)
    let executable = "\(configuration.executables)/\(service)"
    guard FileAccess.exists(executable) else {
      throw LocalStack.missing(service, in: configuration.executables)
    }
    let process = try StackProgram.start(
      ProcessSpecification(
        executable, name: name, environment: environment(of: name), folder: configuration.data, log: log(of: name)))
    running.withLock { running in
      running.removeAll { $0.name == name }
      running.append(
        Running(
          name: name, service: service, port: port(of: name), adminPort: adminPort(of: name), process: process))
    }
    writeState()
  }

  /// Notes what runs for `cadre doctor`, `status` and `logs`, which do without it when it cannot be written.
  private func writeState() {
    let state = StackState(
      url: url, postgres: postgres.connectionString, redis: "unix:\(redisSocket)",
      executables: configuration.executables,
      processes: processes.map {
        StackState.Process(
          name: $0.name, service: $0.service, adminPort: $0.adminPort, processID: $0.process.processID)
      })
    try? FileAccess.write(StackState.path(in: configuration.data), state.text)
  }

  /// Starts one more process of a service, on a port of its own or a chosen one; it stops with the rest.
  public func startReplica(
    of name: String, environment more: [String: String] = [:], port chosen: Int? = nil
  ) throws(StackError) -> Running {
    let port = chosen ?? LoopbackPort.free()
    let label = "\(name)-\(port)"
    var environment = environment(of: name).merging(more) { $1 }
    let adminPort = LoopbackPort.free()
    environment["CADRE_HTTP_PORT"] = "\(port)"
    environment["CADRE_ADMIN_PORT"] = "\(adminPort)"
    let process = try StackProgram.start(
      ProcessSpecification(
        "\(configuration.executables)/\(name)", name: label, environment: environment, folder: configuration.data,
        log: log(of: label)))
    let replica = Running(name: label, service: name, port: port, adminPort: adminPort, process: process)
    running.withLock { running in
      running.removeAll { $0.name == label }
      running.append(replica)
    }
    writeState()
    try waitUntilReady(replica)
    return replica
  }

  /// Waits until a service answers that it is ready.
  public func waitUntilReady(_ service: Running, seconds: Int = 30) throws(StackError) {
    let deadline = MonotonicClock.now() + UInt64(seconds) * 1_000_000_000
    while MonotonicClock.now() < deadline {
      if let status = service.process.exitStatus {
        throw StackError(
          "\(service.name) ended with status \(status) while it was starting:\n"
            + FileAccess.tail(log(of: service.name), bytesMax: 1500))
      }
      if BlockingHTTP.send(port: service.adminPort, path: "/readyz", seconds: 2)?.status == 200 { return }
      ThreadPause.milliseconds(10)
    }
    throw StackError("\(service.name) was not ready after \(seconds) s; see \(log(of: service.name))")
  }

  /// A running process by name.
  public func service(_ name: String) -> Running? { processes.first { $0.name == name } }

  /// The replicas of a service that were started with the stack.
  public func replicas(of service: String) -> [Running] {
    LocalStack.names(of: service, configuration).compactMap { self.service($0) }
  }

  /// The log file of a service.
  public func log(of name: String) -> String { "\(configuration.data)/logs/\(name).log" }

  private func environment(of name: String) -> [String: String] {
    var environment: [String: String] = [
      "PATH": "/usr/bin:/bin", "CADRE_HTTP_PORT": "\(port(of: name))", "CADRE_ADMIN_PORT": "\(adminPort(of: name))",
    ]
    for (key, value) in ProcessEnvironment.all where key.hasPrefix("OTEL_") { environment[key] = value }
    let service = LocalStack.service(of: name)
    environment.merge(keys.environment(of: service)) { $1 }
    let orchestrator = addresses(of: "orchestrator")
    let router = addresses(of: "llm-router")
    switch service {
    case "orchestrator": environment["CADRE_POSTGRES_URL"] = postgres.connectionString
    case "agent-core":
      environment["CADRE_ORCHESTRATOR_URL"] = orchestrator
      environment["CADRE_LLM_ROUTER_URL"] = router
    case "gateway":
      environment["CADRE_ORCHESTRATOR_URL"] = orchestrator
      environment["CADRE_LLM_ROUTER_URL"] = router
      environment["CADRE_POSTGRES_URL"] = postgres.connectionString
      environment["CADRE_AUTH_KEY"] = apiKey
      environment["CADRE_REDIS_URL"] = "unix:\(redisSocket)"
    case "llm-router":
      let mock = StackConfiguration.Provider(
        url: "http://127.0.0.1:\(port(of: "mock-provider"))/v1", key: LocalStack.mockKey, model: "mock-model")
      let provider = configuration.provider ?? mock
      environment["CADRE_POSTGRES_URL"] = postgres.connectionString
      environment["CADRE_REDIS_URL"] = "unix:\(redisSocket)"
      environment["CADRE_LEDGER_SPOOL_FOLDER"] = configuration.data + "/spool"
      environment["CADRE_PROVIDER_URL"] = provider.url
      environment["CADRE_PROVIDER_KEY"] = provider.key
      environment["CADRE_PROVIDER_MODEL"] = provider.model
      if configuration.provider == nil {
        environment["CADRE_PROVIDER_INPUT_USD_PER_MILLION"] = "0.15"
        environment["CADRE_PROVIDER_OUTPUT_USD_PER_MILLION"] = "0.6"
      }
    default: environment["CADRE_PROVIDER_KEY"] = LocalStack.mockKey
    }
    return environment.merging(configuration.environment[service] ?? [:]) { $1 }
  }

  private func addresses(of service: String) -> String {
    ports(of: service).map { "http://127.0.0.1:\($0)" }.joined(separator: ",")
  }

  /// The mock provider's key; no secret, it guards nothing.
  private static let mockKey = "sk-mock-provider"

  // MARK: The end

  /// Stops the database and starts it again on its data.
  public func restartPostgres(isImmediate: Bool) throws(StackError) {
    postgres.stop(isImmediate: isImmediate)
    let started = try PrivatePostgres(
      folder: postgresFolder, sockets: sockets, log: configuration.data + "/logs/postgres.log",
      isThrowaway: configuration.isThrowaway)
    currentPostgres.withLock { $0 = started }
  }

  /// Starts the database again after it has ended by itself. It may still be recovering when this returns: its clients
  /// wait by themselves.
  public func relaunchPostgres() throws(StackError) {
    let started = try PrivatePostgres(
      folder: postgresFolder, sockets: sockets, log: configuration.data + "/logs/postgres.log",
      isThrowaway: configuration.isThrowaway, waits: false)
    currentPostgres.withLock { $0 = started }
  }

  /// Whether Redis runs.
  public var isRedisRunning: Bool { currentRedis.withLock { $0 }.isRunning }

  /// Starts Redis again after it has ended by itself.
  public func relaunchRedis() throws(StackError) {
    let started = try PrivateRedis(
      folder: configuration.data + "/redis", sockets: sockets, log: configuration.data + "/logs/redis.log")
    currentRedis.withLock { $0 = started }
  }

  /// Ends the services without mercy; beside `stop()`, which then has nothing to wait for. What they had begun is
  /// recovered as after a crash.
  public func killServices() {
    for service in processes { service.process.kill(SIGKILL) }
  }

  /// Stops everything in reverse order. Nothing is left running.
  public func stop() {
    for service in processes.reversed() { service.process.stop() }
    running.withLock { $0 = [] }
    currentRedis.withLock { $0 }.stop()
    postgres.stop()
    FileAccess.removeFile(StackState.path(in: configuration.data))
    FileAccess.removeFolder(sockets)
  }
}

/// The variables of this process.
public enum ProcessEnvironment {
  /// All of them.
  public static var all: [String: String] {
    var result: [String: String] = [:]
    var next = environ
    while let entry = next.pointee {
      let text = String(cString: entry)
      if let equals = text.firstIndex(of: "=") {
        result[String(text[..<equals])] = String(text[text.index(after: equals)...])
      }
      next = next.advanced(by: 1)
    }
    return result
  }
}
