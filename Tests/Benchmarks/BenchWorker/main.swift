import Contracts
import Glibc
import HTTP
import HTTPWire
import JSON
import Primitives
import Reactor
import ServiceKit
import Synchronization
import SystemSources
import Telemetry

/// Drives orchestrators with runs whose steps do nothing, and plays their workers.
/// `bench-worker PORT[,PORT] GATEWAY_KEYS WORKER_KEYS WORKFLOW RUNS OPEN`: RUNS runs, at most OPEN of them at the same
/// time. Prints one line of JSON: runs per second, and the time of a run from its submission to its end.
if CommandLine.arguments.dropFirst() == ["replay"] {
  ReplayBenchmark.run()
  exit(0)
}
guard CommandLine.arguments.count == 7, let runs = Int(CommandLine.arguments[5]),
  let openMax = Int(CommandLine.arguments[6])
else {
  print("usage: bench-worker PORT[,PORT] GATEWAY_KEYS WORKER_KEYS WORKFLOW RUNS OPEN")
  exit(2)
}
signal(SIGPIPE, SIG_IGN)

/// What the gateway and a worker show.
struct BenchIdentity: Sendable {
  let worker: WorkerCredentials
  private let caller: Caller
  private let assertions: CallerAssertions

  init(gatewayKeys: String, workerKeys: String) throws {
    worker = WorkerCredentials(try KeyList(workerKeys, named: "WORKER_KEYS"))
    let keys = try SigningKeys(issuer: .gateway, setting: gatewayKeys, named: "GATEWAY_KEYS")
    assertions = CallerAssertions(AssertionSigner(keys))
    caller = Caller(
      issuer: .gateway, tenant: TenantID(UUID(high: 0x7000, low: 0x8000_0000_0000_0001)), principal: "bench",
      scopes: [.api])
  }

  var assertion: String { assertions.text(for: caller, to: .orchestrator, now: WallClock.now()) }
}

/// One orchestrator.
struct Peer: Sendable {
  let client: HTTPClient
  let base: HTTPURL
  let identity: BenchIdentity

  func post(_ path: String, _ body: [UInt8]) async throws -> JSONView {
    var headers = HTTPHeaders()
    headers.append(.contentType, "application/json")
    if path.hasPrefix("/worker/") {
      headers.append(.authorization, identity.worker.authorization)
    } else {
      headers.append(InternalHeader.assertion, identity.assertion)
    }
    let answer = try await client.send(
      HTTPClientRequest(
        .post, try base.appending(path: path), headers: headers, body: .bytes(body), timeout: .seconds(60),
        isIdempotent: false, trace: nil), peer: "orchestrator")
    let bytes = try await answer.body.collect(upTo: 64 << 20)
    guard answer.status.isSuccess else {
      throw Refusal(text: "\(answer.status.code) \(String(decoding: bytes, as: UTF8.self))")
    }
    return try JSONDocument(parsing: bytes).root
  }
}

struct Refusal: Error { let text: String }

/// Counts runs and wakes submitters when one has ended.
final class Progress: Sendable {
  private struct State {
    var started: [String: UInt64] = [:]
    var ended: Set<String> = []
    var latencies: [UInt64] = []
    var errors = 0
  }

  private let state = Mutex(State())

  func began(_ run: String, at time: UInt64) {
    state.withLock { state in
      if state.ended.remove(run) != nil {
        state.latencies.append(MonotonicClock.now() - time)
      } else {
        state.started[run] = time
      }
    }
  }

  func ended(_ run: String) {
    state.withLock { state in
      if let time = state.started.removeValue(forKey: run) {
        state.latencies.append(MonotonicClock.now() - time)
      } else {
        state.ended.insert(run)
      }
    }
  }

  func failed() { state.withLock { $0.errors += 1 } }
  var open: Int { state.withLock { $0.started.count - $0.ended.count } }
  var done: Int { state.withLock { $0.latencies.count } }
  var errors: Int { state.withLock { $0.errors } }

  func percentile(_ part: Double) -> Double {
    state.withLock { state in
      let sorted = state.latencies.sorted()
      return sorted.isEmpty ? 0 : Double(sorted[min(sorted.count - 1, Int(Double(sorted.count) * part))]) / 1e6
    }
  }
}

let group = EventLoopGroup(count: 1)
let client = HTTPClient(group: group, configuration: HTTPClientConfiguration(), telemetry: .disabled(service: "bench"))
let identity = try BenchIdentity(
  gatewayKeys: CommandLine.arguments[2], workerKeys: CommandLine.arguments[3])
let peers = try CommandLine.arguments[1].split(separator: ",").map {
  Peer(client: client, base: try HTTPURL("http://127.0.0.1:\($0)"), identity: identity)
}
let workflow = CommandLine.arguments[4]
let progress = Progress()
let submitted = Atomic(0)

@Sendable func deliver(_ leases: [StepLease], to peer: Peer) async {
  let batch = ResultBatch(
    leases.map { lease in
      ResultBatch.Entry(
        step: lease.step, assertion: lease.assertion,
        result: ResultRequest(token: lease.token, attempt: lease.attempt, outcome: .output(Array("{}".utf8))))
    })
  do {
    let answer = ResultBatchAnswer(try await peer.post(WorkerPath.results, batch.document()))
    for (lease, entry) in zip(leases, answer?.entries ?? []) {
      switch entry.outcome {
      case .accepted(let result): if result.runStatus == "succeeded" { progress.ended(lease.run.description) }
      case .refused: progress.failed()
      }
    }
  } catch { progress.failed() }
}

@Sendable func work(for peer: Peer) async {
  let request = LeaseRequest(worker: "bench", jobTypes: ["bench"], slots: 64, waitMilliseconds: 5000).document()
  while progress.done < runs {
    do {
      let answer = LeaseAnswer(try await peer.post(WorkerPath.leases, request))
      let leases = answer?.leases ?? []
      if !leases.isEmpty { group.loops[0].task { await deliver(leases, to: peer) } }
    } catch {
      progress.failed()
      try? await EventLoop.sleep(for: .milliseconds(100))
    }
  }
}

@Sendable func submit(to peer: Peer) async {
  let body = Array(#"{"workflow":"\#(workflow)","input":{}}"#.utf8)
  while submitted.add(1, ordering: .relaxed).newValue <= runs {
    while openMax > 0, progress.open >= openMax { try? await EventLoop.sleep(for: .milliseconds(1)) }
    let time = MonotonicClock.now()
    do {
      let task = try await peer.post("/api/v1/tasks", body)
      progress.began(task["run"]?["id"]?.string ?? "", at: time)
    } catch { progress.failed() }
  }
}

group.loops[0].task {
  let start = MonotonicClock.now()
  await withTaskGroup(of: Void.self) { tasks in
    for peer in peers { for _ in 0..<16 { tasks.addTask { await work(for: peer) } } }
    for index in 0..<(openMax == 0 ? 64 : min(openMax, 64)) {
      tasks.addTask { await submit(to: peers[index % peers.count]) }
    }
    tasks.addTask {
      while (openMax == 0 ? progress.open : progress.done) + progress.errors < runs {
        try? await EventLoop.sleep(for: .milliseconds(1))
      }
      let seconds = Double(MonotonicClock.now() - start) / 1e9
      let rate = Double(openMax == 0 ? progress.open : progress.done) / seconds
      print(
        "{\"rate\":\(rate),\"p50\":\(progress.percentile(0.5)),\"p99\":\(progress.percentile(0.99)),\"errors\":\(progress.errors)}"
      )
      fflush(nil)
      exit(progress.errors == 0 ? 0 : 1)
    }
  }
}
while true { pause() }
