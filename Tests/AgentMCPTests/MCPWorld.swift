import AgentTools
import AgentWorkspace
import Contracts
import Glibc
import HTTP
import JSON
import Primitives
import Reactor
import Synchronization
import SystemSources
import Telemetry
import Testing

@testable import AgentMCP
@testable import MCP

/// Where the servers of the tests are, and what runs them.
enum TestServers {
  static let root: String = {
    var parts = #filePath.split(separator: "/")
    parts.removeLast(3)
    return "/" + parts.joined(separator: "/")
  }()
  static let folder = root + "/Tests/AgentMCPTests/servers"
  static let python = "/usr/bin/python3"
  /// The official package, newest and of the session era; installed by `make setup`.
  static let newPython = root + "/.build/mcp/bin/python"
  static let oldPython = root + "/.build/mcp-sessions/bin/python"
  /// The programs lie beside the test bundle.
  static let programs: String = {
    let own = CommandLine.arguments.first { $0.contains(".xctest") } ?? ""
    let folder = String(own[..<(own.lastIndex(of: "/") ?? own.startIndex)])
    guard let found = realpath(folder, nil) else { return folder }
    defer { free(found) }
    return String(cString: found)
  }()
  /// Whether programs can run in the jail: as root with users of their own, which have to be able to read the tree.
  static let hasJail: Bool = {
    guard access(programs + "/sandbox-jail", X_OK) == 0 else { return false }
    return geteuid() != 0 || [programs, folder].allSatisfy(isOpen)
  }()
  private static let worlds = Atomic<Int>(0)

  /// A jail of its own for a world.
  static func jail() -> ServerJail? {
    guard hasJail else { return nil }
    let number = worlds.add(1, ordering: .relaxed).newValue
    var jail = ServerJail(program: programs + "/sandbox-jail", folder: "/tmp/cadre-mcp-test-\(getpid())-\(number)")
    if geteuid() == 0 { jail.firstUser = 400_000 + UInt32(clamping: getpid() % 1000 * 4096 + Int32(number % 128) * 32) }
    jail.paths = [folder] + [root + "/.build/mcp", root + "/.build/mcp-sessions"].filter { access($0, R_OK) == 0 }
    return jail
  }

  /// How a script is run by the Python of an environment: by its interpreter, or, where a user of the jail cannot
  /// reach that one, by the system's with the packages of the environment.
  static func script(_ name: String, _ arguments: [String], python: String) -> (command: String, arguments: [String]) {
    let path = folder + "/" + name
    guard hasJail, geteuid() == 0, let real = realpath(python, nil) else {
      return (python, ["-B", path] + arguments)
    }
    defer { free(real) }
    let interpreter = String(cString: real)
    let packages =
      python.replacing("/bin/python", with: "/lib/") + (interpreter.split(separator: "/").last.map(String.init) ?? "")
      + "/site-packages"
    guard !isOpen(interpreter), access(packages, R_OK) == 0 else { return (python, ["-B", path] + arguments) }
    let program = "import runpy, sys; sys.path.insert(0, sys.argv.pop(1)); sys.argv.pop(0); "
    return (
      TestServers.python,
      ["-I", "-B", "-c", program + "runpy.run_path(sys.argv[0], run_name='__main__')", packages, path] + arguments
    )
  }

  private static func isOpen(_ path: String) -> Bool {
    var parts: [Substring] = []
    for part in path.split(separator: "/") {
      parts.append(part)
      var status = stat()
      if stat("/" + parts.joined(separator: "/"), &status) == 0, status.st_mode & 0o001 == 0 { return false }
    }
    return true
  }

  static var areInstalled: Bool { access(newPython, X_OK) == 0 && access(oldPython, X_OK) == 0 }
}

/// What the orchestrator would keep, in memory.
final class TestRegistry: RegistryReading {
  struct State {
    var servers: [RegisteredMCPServer] = []
    var secrets: [String: String] = [:]
    var reports: [MCPReport] = []
  }

  let state = Mutex(State())

  func registry(for step: WorkspaceStep) async throws -> ToolRegistrySnapshot {
    ToolRegistrySnapshot(revision: "r", tools: [], servers: state.withLock { $0.servers })
  }

  func source(of tool: UserTool, for step: WorkspaceStep) async throws -> [UInt8] { [] }

  func secrets(of server: MCPServerID, for step: WorkspaceStep) async throws -> MCPSecrets {
    MCPSecrets(state.withLock { $0.secrets })
  }

  /// Pins what is first seen, where the registration says so.
  func report(_ report: MCPReport, on server: MCPServerID) async throws {
    state.withLock { state in
      state.reports.append(report)
      guard let tools = report.tools, let place = state.servers.firstIndex(where: { $0.id == server }),
        state.servers[place].trust == .pin
      else { return }
      let known = Set(state.servers[place].tools.map(\.name))
      let fresh = tools.filter { !known.contains($0.name) }
      state.servers[place] = state.servers[place].with(state.servers[place].tools + fresh)
    }
  }

  /// A person approves what the server offers now.
  func approve() {
    state.withLock { state in
      guard let tools = state.reports.last(where: { $0.tools != nil })?.tools, !state.servers.isEmpty else { return }
      state.servers[0] = state.servers[0].with(tools)
    }
  }

  var reports: [MCPReport] { state.withLock { $0.reports } }
}

extension RegisteredMCPServer {
  func with(_ tools: [ToolDefinition]) -> RegisteredMCPServer {
    RegisteredMCPServer(
      id: id, name: name, version: version, transport: transport, trust: trust,
      usesNetwork: usesNetwork, timeoutMilliseconds: timeoutMilliseconds, tools: tools)
  }
}

/// Files of a run, in memory.
final class TestArtefacts: ArtefactStoring {
  let files = Mutex<[String: [UInt8]]>([:])

  func put(
    _ name: ArtefactName, _ bytes: [UInt8], mediaType: String?, for step: WorkspaceStep
  ) async throws -> ArtefactReference {
    files.withLock { $0[name.text] = bytes }
    return ArtefactReference(
      name: name.text, sha256: "", bytes: Int64(bytes.count), mediaType: mediaType ?? "application/octet-stream")
  }

  func artefact(
    _ name: ArtefactName, bytesMax: Int, for step: WorkspaceStep
  ) async throws -> (reference: ArtefactReference, bytes: [UInt8]) {
    throw WorkspaceError(.notFound, code: "not_found", "none")
  }

  func artefacts(for step: WorkspaceStep) async throws -> [ArtefactReference] { [] }
}

/// Keeps the lines of the log.
final class LineSink: LogSink {
  let lines = Mutex<[String]>([])
  func write(_ line: String) { lines.withLock { $0.append(line) } }
}

/// Event loops, a registry with one server, and what calls its tools.
final class MCPWorld: Sendable {
  /// What no test waits for in earnest.
  static let generous: UInt64 = 600_000_000_000

  let group = EventLoopGroup(count: 1, name: "mcp-test")
  let registry = TestRegistry()
  let artefacts = TestArtefacts()
  let log = LineSink()
  let telemetry: Telemetry
  let servers: MCPServers
  let provider: MCPToolProvider
  let server: RegisteredMCPServer
  let tenant = TenantID.make()

  init(
    _ transport: RegisteredMCPServer.Transport, name: String = "s", trust: RegisteredMCPServer.Trust = .pin,
    secrets: [String: String] = [:], usesNetwork: Bool = false,
    configure: (inout MCPConfiguration) -> Void = { _ in }
  ) {
    var configuration = MCPConfiguration()
    configuration.commands = [TestServers.python, TestServers.newPython, TestServers.oldPython]
    configuration.startTime = .seconds(600)
    configuration.discoveryTime = .seconds(600)
    configuration.limits.messageBytesMax = 4 << 20
    configuration.jail = TestServers.jail()
    configuration.launcher = TestServers.programs + "/sandbox-jail"
    configure(&configuration)
    let registryOfMetrics = MetricsRegistry()
    telemetry = Telemetry(
      service: "test", registry: registryOfMetrics,
      tracer: Tracer(sampler: Sampler(ratio: 0, followsParent: false), sink: nil),
      logger: Logger(service: "test", minimum: .debug, sink: log))
    servers = MCPServers(
      configuration, registry: registry,
      egress: ListedHosts(["127.0.0.1"], client: HTTPClient(group: group, telemetry: telemetry)), worker: "w",
      group: group, telemetry: telemetry)
    provider = MCPToolProvider(servers, artefacts: artefacts)
    server = RegisteredMCPServer(
      id: MCPServerID.make(), name: name, version: 1, transport: transport, trust: trust, usesNetwork: usesNetwork,
      timeoutMilliseconds: 30_000, tools: [])
    registry.state.withLock {
      $0.servers = [server]
      $0.secrets = secrets
    }
  }

  /// A world with the server that misbehaves in one way.
  static func hostile(
    _ mode: String, trust: RegisteredMCPServer.Trust = .pin, secrets: [String: String] = [:],
    configure: (inout MCPConfiguration) -> Void = { _ in }
  ) -> MCPWorld {
    MCPWorld(
      .stdio(
        command: TestServers.python, arguments: ["-I", "-S", "-B", TestServers.folder + "/hostile.py", mode],
        environmentNames: Array(secrets.keys)), trust: trust, secrets: secrets, configure: configure)
  }

  func context(_ nanoseconds: UInt64 = MCPWorld.generous) -> ToolContext {
    ToolContext(
      tenant: tenant, run: RunID.make(), step: StepID.make(), token: UUID.version7(),
      assertion: { "" }, deadline: MonotonicClock.now() &+ nanoseconds)
  }

  var step: WorkspaceStep { WorkspaceStep(context()) }

  /// The runner of the one server.
  func runner() throws -> ServerRunner { try #require(servers.runner(server, of: tenant)) }

  /// The definitions that the server offers, or why there are none.
  func definitions(_ nanoseconds: UInt64 = MCPWorld.generous) async throws -> [ToolDefinition] {
    let (runner, step) = (try runner(), step)
    return try await runner.loop.hop {
      try await runner.use(step, deadline: MonotonicClock.now() &+ nanoseconds) {
        (_, catalogue) throws(MCPError) in catalogue.definitions
      }
    }
  }

  /// Calls a tool by the name of its server, as the platform would.
  func call(
    _ tool: String, _ arguments: String = "{}", nanoseconds: UInt64 = MCPWorld.generous, key: String = "k",
    answers: [ToolAnswer] = []
  ) async throws -> ToolResult {
    let context = context(nanoseconds)
    let tools = try await provider.tools(for: context)
    let found = try #require(tools.first { $0.0.name == "\(server.name)__\(tool)" }, "\(tools.map(\.0.name))")
    let invocation = ToolInvocation(
      name: found.0.name, arguments: try JSONDocument(parsing: arguments), context: context, idempotencyKey: key,
      answers: answers)
    return try await found.1.run(invocation)
  }

  /// The process of the server and its descriptors, while it runs.
  func process() async throws -> (id: Int32, descriptors: [OpenDescriptor]) {
    let runner = try runner()
    return try await runner.loop.hop {
      guard let connection = runner.connection as? StdioConnection else { return (0, []) }
      return (connection.processID, connection.descriptors.map { OpenDescriptor($0) })
    }
  }

  func end() async {
    await servers.shutDown()
    #expect(servers.processes == 0)
    group.stop()
  }
}

/// A descriptor and what it leads to.
struct OpenDescriptor: Sendable {
  let number: Int32
  let inode: UInt64

  init(_ number: Int32) {
    self.number = number
    var status = stat()
    inode = fstat(number, &status) == 0 ? UInt64(status.st_ino) : 0
  }

  /// Whether it still leads to the same.
  var isOpen: Bool {
    var status = stat()
    return fstat(number, &status) == 0 && UInt64(status.st_ino) == inode
  }
}

/// Waits for a condition, for a long time at most.
func eventually(_ condition: () async throws -> Bool) async rethrows -> Bool {
  let deadline = MonotonicClock.now() &+ MCPWorld.generous
  while MonotonicClock.now() < deadline {
    if try await condition() { return true }
    try? await Task.sleep(for: .milliseconds(10))
  }
  return false
}
