internal import AgentWorker
internal import Glibc
internal import HTTP
internal import HTTPWire
internal import Primitives
internal import Reactor
internal import ServiceKit
internal import Settings
internal import Synchronization
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
    CommonSettings.internalToken, orchestrator, router, slots, workerName, modelTimeout, modelPatience,
  ]

  /// Requests for steps that are under way at the same time. While one is answered, another still waits, so that what
  /// becomes ready in that moment needs no queue.
  private static let pollsMax = 4
  private static let leaseWait = Duration.seconds(20)
  private static let pauseAfterFailure = Duration.milliseconds(500)

  private let context: ServiceContext
  private let orchestrator: OrchestratorClient
  private let runner: StepRunner
  private let slots: Int
  private let isDraining = Atomic<Bool>(false)
  private let isConnected = Atomic<Bool>(false)
  private let poller = Mutex<Task<Void, any Error>?>(nil)

  init(_ context: ServiceContext) throws {
    self.context = context
    let token = try InternalToken(context.settings[CommonSettings.internalToken])
    var name = context.settings[AgentCoreService.workerName]
    if name.isEmpty { name = "agent-core-\(AgentCoreService.hostName())-\(getpid())" }
    orchestrator = OrchestratorClient(
      client: context.client, peers: try PeerSet(context.settings[AgentCoreService.orchestrator], order: .sticky),
      token: token, name: name)
    let models = ModelClient(
      client: context.client, peers: try PeerSet(context.settings[AgentCoreService.router], order: .roundRobin),
      token: token, timeout: context.settings[AgentCoreService.modelTimeout])
    runner = StepRunner(
      models: models, link: orchestrator, clock: LoopClock(),
      policy: ModelRetryPolicy(patience: context.settings[AgentCoreService.modelPatience]),
      telemetry: context.telemetry)
    slots = context.settings[AgentCoreService.slots]
  }

  private static func hostName() -> String {
    var buffer = [CChar](repeating: 0, count: 256)
    guard gethostname(&buffer, 255) == 0 else { return "host" }
    return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  func route(_ router: inout Router) {}

  func readiness() -> [(name: String, isReady: Bool)] {
    [("orchestrator", isConnected.load(ordering: .relaxed))]
  }

  /// Leases steps as slots become free, until the end.
  func run() async {
    let loop = context.group.loops[0]
    let gate = SlotGate(slots: slots, loop: loop)
    let polls = min(AgentCoreService.pollsMax, slots)
    let polling = loop.task { [self] in
      await withTaskGroup(of: Void.self) { group in
        for _ in 0..<polls { group.addTask { [self] in await poll(gate, slotsMax: (slots + polls - 1) / polls) } }
      }
    }
    poller.withLock { $0 = polling }
    _ = await polling.result
  }

  private func poll(_ gate: SlotGate, slotsMax: Int) async {
    while !isDraining.load(ordering: .relaxed), !Task.isCancelled {
      guard var offered = try? await gate.take(upTo: slotsMax) else { return }
      defer { gate.give(offered) }
      do {
        // The first request does not wait, so that readiness is known at once.
        let wait = isConnected.load(ordering: .relaxed) ? AgentCoreService.leaseWait : .zero
        let (steps, unreadable) = try await orchestrator.lease(slots: offered, wait: wait)
        isConnected.store(true, ordering: .relaxed)
        if unreadable > 0 {
          context.telemetry.logger.error("leases cannot be read", ["count": .int(Int64(unreadable))])
        }
        for step in steps.prefix(offered) {
          offered -= 1
          context.group.next().task { [runner] in
            await runner.run(step)
            gate.give(1)
          }
        }
      } catch is CancellationError {
        return
      } catch {
        isConnected.store(false, ordering: .relaxed)
        context.telemetry.logger.warning("no steps can be leased", ["reason": .string("\(error)")])
        try? await EventLoop.sleep(for: AgentCoreService.pauseAfterFailure)
      }
    }
  }

  /// Takes on nothing more and lets what runs come to its end.
  func drain() async {
    isDraining.store(true, ordering: .relaxed)
    poller.withLock { $0 }?.cancel()
    let grace = UInt64(clamping: context.settings[CommonSettings.shutdownGrace].nanoseconds)
    let deadline = MonotonicClock.now() &+ grace
    while runner.count > 0, MonotonicClock.now() < deadline { try? await EventLoop.sleep(for: .milliseconds(10)) }
  }
}
