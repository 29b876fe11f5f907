internal import AgentSandbox
internal import AgentWorker
internal import Glibc
internal import HTTP
internal import HTTPWire
internal import Primitives
internal import Reactor
internal import ServiceKit
internal import Settings
internal import SystemSources
internal import Telemetry

@main
final class AgentCoreService: Service {
  static let program = ProgramDescription(
    name: "agent-core", summary: "Works: leases steps, thinks with models, acts with tools.",
    version: CadreVersion.current)
  static let defaultPort = 8083

  static let orchestrator = Setting(
    "orchestrator.url", .string(bytesMaximum: 2048), default: "http://127.0.0.1:8081",
    "Base URL of the orchestrator; several replicas are separated by commas.")
  static let router = Setting(
    "llm_router.url", .string(bytesMaximum: 2048), default: "http://127.0.0.1:8082",
    "Base URL of the llm-router; several replicas are separated by commas.")
  static let slots = Setting("worker.slots", .int(in: 1...256), default: 16, "Steps that run at the same time.")
  static let workerName = Setting(
    "worker.name", .string(bytesMaximum: 150), default: "",
    "Name of this worker in histories; empty takes host and process.")
  static let modelTimeout = Setting(
    "model.timeout_ms", .milliseconds(in: 100...7_200_000), default: .seconds(1860),
    "Time for a model's answer to begin; longer than the llm-router's own time for a call.")
  static let modelPatience = Setting(
    "model.retry_ms", .milliseconds(in: 0...3_600_000), default: .seconds(120),
    "Time for which a model call is tried again within its attempt while the llm-router cannot take it.")
  static let settings: [any SettingDeclaration] = [
    IdentitySettings.workerKeys, orchestrator, router, slots, workerName, modelTimeout, modelPatience,
  ] + SandboxSettings.all

  private let runner: StepRunner
  private let poller: StepPoller
  private let sandbox: Sandbox
  private let group: EventLoopGroup
  private let shutdownGrace: Duration

  init(_ context: ServiceContext) throws {
    let settings = context.settings
    var name = settings[AgentCoreService.workerName]
    if name.isEmpty { name = "agent-core-\(AgentCoreService.hostName())-\(getpid())" }
    let orchestrator = OrchestratorClient(
      client: context.client, peers: try PeerSet(settings[AgentCoreService.orchestrator], order: .sticky),
      credentials: try IdentitySettings.workerKeys(settings), name: name)
    let models = ModelClient(
      client: context.client, peers: try PeerSet(settings[AgentCoreService.router], order: .roundRobin),
      timeout: settings[AgentCoreService.modelTimeout])
    runner = StepRunner(
      models: models, link: orchestrator, clock: LoopClock(),
      policy: ModelRetryPolicy(patience: settings[AgentCoreService.modelPatience]), telemetry: context.telemetry)
    poller = StepPoller(
      source: orchestrator, slots: settings[AgentCoreService.slots], group: context.group,
      logger: context.telemetry.logger
    ) { [runner] step in await runner.run(step) }
    sandbox = Sandbox(settings, programFolder: AgentCoreService.programFolder(), telemetry: context.telemetry)
    group = context.group
    shutdownGrace = settings[CommonSettings.shutdownGrace]
  }

  private static func hostName() -> String {
    var buffer = [CChar](repeating: 0, count: 256)
    guard gethostname(&buffer, 255) == 0 else { return "host" }
    return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  /// The folder of this program, where those of the sandbox are too.
  private static func programFolder() -> String {
    var buffer = [CChar](repeating: 0, count: 4096)
    let count = readlink("/proc/self/exe", &buffer, buffer.count - 1)
    let path = buffer.prefix(max(0, count)).prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
    return path.lastIndex(of: UInt8(ascii: "/")).map { String(decoding: path[..<$0], as: UTF8.self) } ?? "/"
  }

  func route(_ router: inout Router) {}

  func readiness() -> [(name: String, isReady: Bool)] { [("orchestrator", poller.isConnected)] }

  func run() async {
    let sandbox = sandbox
    group.next().task { await sandbox.run() }
    await poller.run()
  }

  /// Takes on nothing more and lets what runs come to its end.
  func drain() async {
    poller.stop()
    let deadline = MonotonicClock.now() &+ UInt64(clamping: shutdownGrace.nanoseconds)
    while runner.count > 0, MonotonicClock.now() < deadline { try? await EventLoop.sleep(for: .milliseconds(10)) }
    await sandbox.stop()
  }
}
