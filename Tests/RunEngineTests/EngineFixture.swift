import Contracts
import Decider
import JSON
import Postgres
import Primitives
import Reactor
import RunEngine
import StepDispatch
import Synchronization
import Telemetry
import Workflows

@testable import RunStorage

let tenant = TenantID(UUID(high: 1, low: 1))

/// An engine over tables in memory. Its commits run on real loops; nothing in it waits for the time of day.
final class EngineFixture: Sendable {
  let group = EventLoopGroup(count: 2)
  let store = FakeStore()
  let workflows = FakeWorkflows()
  let engine: Engine
  let clock = ManualClock()

  private let traceparent: String?

  init(tracer: Tracer = Telemetry.disabled().tracer, traceparent: String? = nil) {
    self.traceparent = traceparent
    let telemetry = Telemetry.disabled()
    // Never connected: this replica is alone.
    let pool = PostgresPool(
      group: group, configuration: PostgresConfiguration(connectionString: ""), telemetry: telemetry)
    engine = Engine(
      group: group, store: store, queue: store, catalog: WorkflowCatalog(source: workflows),
      submitters: SubmitterCache(source: { _ in [] }),
      notifier: ReplicaNotifier(channel: ReplicaChannel(pool: pool), logger: telemetry.logger),
      metrics: RunMetrics(registry: telemetry.registry),
      tracing: RunTracing(tracer: tracer), logger: telemetry.logger)
  }

  deinit {
    // The last reference may go on a loop, which cannot wait for itself.
    let group = group
    Task.detached { group.stop() }
  }

  var timers: TimerService {
    TimerService(
      engine: engine, store: store, lease: .seconds(15), telemetry: .disabled(), now: { [clock] in clock.now })
  }

  /// Submits a run of a workflow with these steps.
  @discardableResult
  func submit(_ steps: WorkflowStep..., run: UInt64 = 1, name: String = "test") async throws -> RunID {
    let workflow = Workflow(name: name, version: 1, steps: steps)
    workflows.add(workflow)
    let run = RunID(UUID(high: run, low: 7))
    try await onLoop { [engine, traceparent] in
      _ = try await engine.accept(try EngineFixture.submission(workflow, run, traceparent: traceparent))
    }
    return run
  }

  static func submission(_ workflow: Workflow, _ run: RunID, traceparent: String? = nil) throws -> Submission {
    let facts = RunFacts(
      tenant: tenant, task: TaskID(run.uuid), project: nil, priority: 0, parent: nil, depth: 0,
      traceparent: traceparent)
    return try Submission.begin(
      run: run, facts: facts, task: NewTask(title: "a task"), principal: "somebody",
      workflow: CompiledWorkflow(workflow), input: Payload(Array(#"{"prompt":"p"}"#.utf8)))
  }

  /// Runs `body` on a loop, where the service handles its requests.
  func onLoop<Value: Sendable>(_ body: @escaping @Sendable () async throws -> Value) async throws -> Value {
    try await group.loops[0].task(body).value
  }

  /// Makes a change.
  @discardableResult
  func apply(_ input: RunInput, to run: RunID) async throws -> ChangeResult {
    try await onLoop { [engine] in try await engine.apply(input, to: run) }
  }

  /// Lets a timer be due and fires it.
  func fire(_ timer: DueTimer) async throws {
    store.change { $0.due = [timer] }
    let timers = timers
    try await onLoop { _ = try await timers.fireDue() }
  }

  func status(_ run: RunID, _ step: String) -> RunState.StepStatus? { store.run(run)?.state.step(step)?.status }
}

/// A clock that is moved by hand, in monotonic nanoseconds.
final class ManualClock: Sendable {
  private let time = Atomic<UInt64>(1_000_000_000_000)

  var now: UInt64 { time.load(ordering: .relaxed) }
  func advance(by duration: Duration) { time.add(UInt64(duration.nanoseconds), ordering: .relaxed) }
}

/// Workflow documents in memory.
final class FakeWorkflows: WorkflowSource {
  private let documents = Mutex<[String: [UInt8]]>([:])

  func add(_ workflow: Workflow) {
    var writer = JSONWriter()
    WorkflowDocument.write(workflow, to: &writer)
    let bytes = writer.bytes
    documents.withLock { $0[workflow.name] = bytes }
  }

  func workflow(_ tenant: TenantID, _ name: String, version: Int?) async throws -> WorkflowRow? {
    documents.withLock { $0[name] }.map { document in
      WorkflowRow(
        name: name, version: 1, document: document, createdBy: "somebody", createdAt: Timestamp(unixMicroseconds: 0))
    }
  }

  func used(_ tenant: TenantID, _ name: String, version: Int) async throws -> WorkflowRow? {
    try await workflow(tenant, name, version: version)
  }

  func exists(_ tenant: TenantID, _ name: String, version: Int) async throws -> Bool {
    documents.withLock { $0[name] != nil }
  }
}

func work(_ key: String, _ dependsOn: [String] = []) -> WorkflowStep {
  WorkflowStep(key: key, jobType: "agent", dependsOn: dependsOn)
}

/// A timer of a run, claimed when the run was at its newest version.
func timer(
  _ id: Int64, _ kind: TimerKind, _ run: RunID, _ fixture: EngineFixture, step: String? = nil, attempt: Int? = 1,
  other: RunID? = nil
) -> DueTimer {
  let stored = fixture.store.run(run)
  return DueTimer(
    id: id, tenant: tenant, run: run, kind: kind, step: step, attempt: attempt, other: other, ask: nil,
    traceparent: nil,
    runVersion: stored?.events.count, isRunEnded: stored?.state.status.isEnded ?? false)
}
