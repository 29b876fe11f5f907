internal import AgentLoop
internal import AgentMCP
internal import AgentSandbox
internal import AgentToolCalls
internal import AgentTools
internal import AgentWorker
internal import Glibc
internal import HTTP
internal import HTTPWire
internal import PolicyDecisions
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
  /// Each step that runs holds a connection to the llm-router for as long as its model thinks.
  static var httpClient: HTTPClientConfiguration {
    var configuration = HTTPClientConfiguration()
    configuration.connectionsPerOriginMax = 1024
    return configuration
  }

  static let orchestrator = Setting(
    "orchestrator.url", .string(bytesMaximum: 2048), default: "http://127.0.0.1:8081",
    "Base URL of the orchestrator; several replicas are separated by commas.")
  static let router = Setting(
    "llm_router.url", .string(bytesMaximum: 2048), default: "http://127.0.0.1:8082",
    "Base URL of the llm-router; several replicas are separated by commas.")
  static let slots = Setting("worker.slots", .int(in: 1...1024), default: 16, "Steps that run at the same time.")
  static let workerName = Setting(
    "worker.name", .string(bytesMaximum: 150), default: "",
    "Name of this worker in histories; empty takes host and process.")
  static let modelTimeout = Setting(
    "model.timeout_ms", .milliseconds(in: 100...7_200_000), default: .seconds(1860),
    "Time for a model's answer to begin; longer than the llm-router's own time for a call.")
  static let modelPatience = Setting(
    "model.retry_ms", .milliseconds(in: 0...3_600_000), default: .seconds(120),
    "Time for which a model call is tried again within its attempt while the llm-router cannot take it.")
  static let settings: [any SettingDeclaration] =
    [
      IdentitySettings.workerKeys, orchestrator, router, slots, workerName, modelTimeout, modelPatience,
    ] + AgentSettings.all + ToolSettings.all + MCPSettings.all + SandboxSettings.all
    + PolicySettings.all

  private let runner: StepRunner
  private let poller: StepPoller
  private let memory: MemoryMonitor
  private let servers: MCPServers
  private let sandbox: Sandbox
  private let policies: PolicyRuntime
  private let policyState: WorkerPolicyFollower
  private let ending: WorkerDrain

  init(_ context: ServiceContext) throws {
    let settings = context.settings
    var name = settings[AgentCoreService.workerName]
    if name.isEmpty { name = "agent-core-\(AgentCoreService.hostName())-\(getpid())" }
    let replicas = try PeerSet(settings[AgentCoreService.orchestrator], order: .sticky)
    let credentials = try IdentitySettings.workerKeys(settings)
    let orchestrator = OrchestratorClient(
      client: context.client, peers: replicas, credentials: credentials, name: name)
    let workspace = WorkspaceClient(
      client: context.client, peers: replicas, credentials: credentials, clock: LoopClock())
    let risks = try ToolSettings.policy(settings)
    let fetcher = try ToolSettings.fetching(settings).map { rules, allowsPost in
      HTTPFetcher(
        rules: rules, allowsPost: allowsPost, client: context.client, agent: "cadre/\(CadreVersion.current)")
    }
    MCPSettings.removeLeftFolders()
    servers = MCPServers(
      try MCPSettings.configuration(settings), registry: workspace,
      egress: ListedHosts(MCPSettings.allowedHosts(settings), client: context.client),
      worker: name, group: context.group, telemetry: context.telemetry)
    sandbox = Sandbox(settings, telemetry: context.telemetry)
    policies = try PolicyRuntime(
      settings, client: context.client, telemetry: context.telemetry, labels: [("service", "agent-core")])
    let policyState = WorkerPolicyFollower(
      client: context.client, peers: replicas, credentials: credentials,
      DeliveredPolicies(policies.engine.control, telemetry: context.telemetry), logger: context.telemetry.logger)
    self.policyState = policyState
    let tools = ToolRunner(
      providers: [
        BuiltInProvider(artefacts: workspace, memories: workspace, fetcher: fetcher),
        MCPToolProvider(servers, artefacts: workspace),
        SandboxToolProvider(sandbox, artefacts: workspace, registry: workspace),
      ],
      policy: EngineToolPolicy(settings: risks, engine: policies.engine, tenants: policyState) {
        try? await LoopClock().sleep(for: $0)
      }, allowedRisks: risks.allowed, artefacts: workspace, telemetry: context.telemetry)
    let models = ModelClient(
      client: context.client, peers: try PeerSet(settings[AgentCoreService.router], order: .roundRobin),
      timeout: settings[AgentCoreService.modelTimeout])
    runner = StepRunner(
      models: models, tools: tools, artefacts: workspace, link: orchestrator, clock: LoopClock(),
      policy: ModelRetryPolicy(patience: settings[AgentCoreService.modelPatience]),
      limits: AgentSettings.limits(settings), isHalted: { policyState.isHalted }, telemetry: context.telemetry)
    poller = StepPoller(
      source: UnhaltedSteps(orchestrator) { policyState.isHalted }, slots: settings[AgentCoreService.slots],
      group: context.group,
      logger: context.telemetry.logger
    ) { [runner] step in await runner.run(step) }
    memory = MemoryMonitor(
      softBytes: UInt64(settings[AgentSettings.memorySoft]) << 20,
      hardBytes: UInt64(settings[AgentSettings.memoryHard]) << 20, telemetry: context.telemetry
    ) { [poller] level in
      poller.pause(level != .normal)
      // As if the supervisor had asked for it, which starts the process again.
      if level == .critical { kill(getpid(), SIGTERM) }
    }
    ending = WorkerDrain(
      try DrainPlan(settings), poller: poller, runner: runner, logger: context.telemetry.logger)
  }

  private static func hostName() -> String {
    var buffer = [CChar](repeating: 0, count: 256)
    if gethostname(&buffer, 255) != 0 { return "host" }
    return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  func route(_ router: inout Router) {}
  func readiness() -> [(name: String, isReady: Bool)] { [("orchestrator", poller.isConnected)] }

  func run() async {
    async let watching: Void = memory.run()
    async let serving: Void = sandbox.run()
    async let reloading: Void = policies.run()
    async let following: Void = policyState.run()
    await sandbox.settled()
    await poller.run()
    await watching
    await serving
    await reloading
    await following
  }

  /// Takes on nothing more, waits a little for what is about to end, and gives the rest back.
  func drain() async {
    await ending.run()
    await servers.shutDown()
    await sandbox.stop()
  }
}
