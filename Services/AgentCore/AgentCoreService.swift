internal import Glibc
internal import HTTP
internal import HTTPWire
internal import Primitives
internal import Reactor
internal import ServiceKit
internal import Settings
internal import Synchronization
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
    "llm_router.url", .string(bytesMaximum: 2048), default: "http://127.0.0.1:8082", "Base URL of the llm-router.")
  static let slots = Setting("worker.slots", .int(in: 1...256), default: 16, "Steps that run at the same time.")
  static let workerName = Setting(
    "worker.name", .string(bytesMaximum: 150), default: "",
    "Name of this worker in histories; empty takes host and process.")
  static let modelTimeout = Setting(
    "model.timeout_ms", .milliseconds(in: 100...3_600_000), default: .seconds(180),
    "Time for a model's answer to begin.")
  static let settings: [any SettingDeclaration] = [
    CommonSettings.internalToken, orchestrator, router, slots, workerName, modelTimeout,
  ]

  private static let leaseWait = Duration.seconds(20)
  private static let pauseAfterFailure = Duration.milliseconds(500)

  private let context: ServiceContext
  private let worker: WorkerClient
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
    worker = WorkerClient(
      client: context.client, peers: try PeerSet(context.settings[AgentCoreService.orchestrator], order: .sticky),
      token: token, name: name)
    let models = ModelClient(
      client: context.client,
      url: try HTTPURL(context.settings[AgentCoreService.router]).appending(path: "/v1/chat/completions"), token: token,
      timeout: context.settings[AgentCoreService.modelTimeout])
    runner = StepRunner(models: models, worker: worker, telemetry: context.telemetry)
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
    let polling = context.group.loops[0].task { [self] in await poll() }
    poller.withLock { $0 = polling }
    _ = await polling.result
  }

  private func poll() async {
    let freed = SlotGate(slots: slots)
    while !isDraining.load(ordering: .relaxed), !Task.isCancelled {
      guard let free = try? await freed.free() else { return }
      do {
        // The first request does not wait, so that readiness is known at once.
        let wait = isConnected.load(ordering: .relaxed) ? AgentCoreService.leaseWait : .zero
        let steps = try await worker.lease(slots: free, wait: wait)
        isConnected.store(true, ordering: .relaxed)
        for step in steps {
          freed.take()
          context.group.next().task { [runner] in
            await runner.run(step)
            freed.give()
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
    let deadline = MonotonicClock.now() &+ UInt64(context.settings[CommonSettings.shutdownGrace].nanoseconds)
    while runner.count > 0, MonotonicClock.now() < deadline { try? await EventLoop.sleep(for: .milliseconds(10)) }
  }
}

/// Counts free slots and lets the poller wait for one.
///
/// `@unchecked Sendable`: `free` is called by one task on its loop; the rest hops there or is guarded by the lock.
private final class SlotGate: @unchecked Sendable {
  private struct State {
    var free: Int
    var waiter: (loop: EventLoop, promise: Promise<Void>)?
  }

  private let state: Mutex<State>

  init(slots: Int) { state = Mutex(State(free: slots, waiter: nil)) }

  /// Waits until at least one slot is free and returns how many are.
  func free() async throws -> Int {
    while true {
      guard let loop = EventLoop.current else { preconditionFailure("polling off a loop") }
      let promise = Promise<Void>(on: loop)
      let free = state.withLock { state in
        if state.free == 0 { state.waiter = (loop, promise) }
        return state.free
      }
      if free > 0 { return free }
      try await promise.value()
    }
  }

  func take() { state.withLock { $0.free -= 1 } }

  func give() {
    let waiter = state.withLock { state in
      state.free += 1
      let waiter = state.waiter
      state.waiter = nil
      return waiter
    }
    if let waiter { waiter.loop.execute { waiter.promise.succeed(()) } }
  }
}
