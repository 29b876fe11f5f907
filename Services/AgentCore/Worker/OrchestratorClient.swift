internal import AgentLoop
public import Contracts
public import HTTP
internal import HTTPWire
internal import JSON
internal import Primitives
public import ServiceKit
internal import Telemetry

/// Speaks the worker protocol with the orchestrator.
public struct OrchestratorClient: OrchestratorLink, StepSource {
  /// What one step holds must not keep the others of the same answer from being read.
  private static let limits = JSONLimits(depthMax: 256)

  private static let answerBytesMax = 64 << 20
  private static let callTimeout = Duration.seconds(15)
  private static let drainTimeout = Duration.seconds(2)
  private static let drainBytesMax = 64 << 10
  private static let detailBytesMax = 500

  private let client: HTTPClient
  private let peers: PeerSet
  private let credentials: WorkerCredentials
  private let name: String

  /// Makes a client of the replicas of the orchestrator, for the worker `name`.
  public init(client: HTTPClient, peers: PeerSet, credentials: WorkerCredentials, name: String) {
    self.client = client
    self.peers = peers
    self.credentials = credentials
    self.name = name.isEmpty ? "agent-core" : name
  }

  /// As `StepSource` says. Throws `LeaseRefusal`, or what the client throws.
  public func lease(slots: Int, wait: Duration) async throws -> (steps: [LeasedStep], unreadable: Int) {
    let request = LeaseRequest(worker: name, jobTypes: ["agent"], slots: slots, waitMilliseconds: wait.milliseconds)
    let (status, root) = try await post(
      WorkerPath.leases, request.document(), timeout: wait + OrchestratorClient.callTimeout,
      as: .worker, trace: .root(isSampled: false))
    guard status.isSuccess, let answer = root.flatMap({ LeaseAnswer($0) }) else {
      throw LeaseRefusal(status: Int(status.code), code: root?["code"]?.string ?? "")
    }
    let steps = answer.leases.compactMap { LeasedStep($0) }
    return (steps, answer.unreadableCount + answer.leases.count - steps.count)
  }

  /// As `StepSource` says. Every replica is asked: a request may wait at any of them.
  public func endWaits() async throws -> Bool {
    let body = DrainRequest(worker: name).document()
    var headers = HTTPHeaders()
    headers.append(.contentType, "application/json")
    headers.append(.authorization, credentials.authorization)
    let answers = await peers.sendToAll(with: client, peer: "orchestrator") { base in
      HTTPClientRequest(
        .post, try base.appending(path: WorkerPath.drain), headers: headers, body: .bytes(body),
        timeout: OrchestratorClient.drainTimeout, isIdempotent: true, trace: .root(isSampled: false))
    }
    var isKnown = true
    var failure: (any Error)?
    for answer in answers {
      switch answer {
      case .success(let answer):
        // An orchestrator of before knows no such address.
        if [404, 405].contains(Int(answer.status.code)) { isKnown = false }
        _ = try? await answer.body.collect(upTo: OrchestratorClient.drainBytesMax)
      case .failure(let error): failure = error
      }
    }
    if let failure, isKnown { throw failure }
    return isKnown
  }

  /// Records calls and extends the lease, once.
  public func record(_ calls: [CallReport], for step: LeasedStep, timeout: Duration) async throws -> LinkAnswer {
    let request = JournalRequest(token: step.token, attempt: step.attempt, calls: calls)
    // A heartbeat is no part of the story.
    let trace = calls.isEmpty ? step.trace.map { $0.child(isSampled: false) } : step.trace
    return try await send(step, WorkerPath.journal(step.id.description), request.document(), timeout, trace)
  }

  /// Says that the leases of these steps are at work, once.
  public func heartbeat(_ steps: [LeasedStep], timeout: Duration) async throws -> HeartbeatsAnswer {
    let request = HeartbeatRequest(
      worker: name, leases: steps.map { .init(step: $0.id, token: $0.token, attempt: $0.attempt) })
    do {
      let (status, root) = try await post(
        WorkerPath.heartbeats, request.document(), timeout: timeout, as: .worker, trace: .root(isSampled: false))
      if status.isSuccess, let answer = root.flatMap({ HeartbeatAnswer($0) }) {
        return OrchestratorClient.answers(answer, to: steps)
      }
      let code = root?["code"]?.string ?? ""
      // Without our own words for it, it is somebody else's 404: a proxy that knows no replica at the moment.
      if [404, 405].contains(Int(status.code)), !code.isEmpty { return .unsupported }
      return .unavailable(reason: code.isEmpty ? "status \(status.code)" : code)
    } catch let error as HTTPClientError {
      return .unavailable(reason: error.description)
    } catch let error as HTTPWireError {
      return .unavailable(reason: "\(error)")
    }
  }

  /// What is said of each step; of one that is left out nothing is known.
  private static func answers(_ answer: HeartbeatAnswer, to steps: [LeasedStep]) -> HeartbeatsAnswer {
    guard answer.entries.count == steps.count, zip(answer.entries, steps).allSatisfy({ $0.step == $1.id }) else {
      return .unavailable(reason: "the answer is about other leases")
    }
    return .answered(
      zip(answer.entries, steps).map { entry, step in
        guard case .held(_, let assertion) = entry.outcome else { return .lost }
        if let assertion { step.assertion.renew(assertion) }
        return .accepted
      })
  }

  /// Delivers an outcome, once.
  public func deliver(_ outcome: AttemptOutcome, for step: LeasedStep) async throws -> LinkAnswer {
    let reported: ResultRequest.Outcome =
      switch outcome {
      case .success(let result): .output(result.output)
      case .failure(let failure):
        .failure(FailureReport(code: failure.code, message: failure.message, isRetryable: failure.isRetryable))
      case .waiting(let wait): .wait(wait.asks)
      case .released: .released
      }
    let request = ResultRequest(token: step.token, attempt: step.attempt, calls: outcome.calls, outcome: reported)
    return try await send(
      step, WorkerPath.result(step.id.description), request.document(), OrchestratorClient.callTimeout, step.trace)
  }

  private func send(
    _ step: LeasedStep, _ path: String, _ body: [UInt8], _ timeout: Duration, _ trace: TraceContext?
  ) async throws -> LinkAnswer {
    do {
      let (status, root) = try await post(
        path, body, timeout: timeout, as: .holder(of: step), trace: trace)
      if status.isSuccess, let fresh = root.flatMap({ JournalAnswer($0).assertion }) { step.assertion.renew(fresh) }
      return OrchestratorClient.answer(status, root)
    } catch let error as HTTPClientError {
      return .unavailable(reason: error.description)
    } catch let error as HTTPWireError {
      return .refused(code: "bad_address", detail: "\(error)")
    }
  }

  private static func answer(_ status: HTTPStatus, _ root: JSONView?) -> LinkAnswer {
    if status.isSuccess { return .accepted }
    let code = root?["code"]?.string ?? ""
    switch Int(status.code) {
    case 404, 409, 410:
      // Without our own words for it, it is somebody else's 404: a proxy that knows no replica at the moment.
      if code.isEmpty { return .unavailable(reason: "status \(status.code)") }
      let detail = root?["detail"]?.string ?? ""
      return code == "journal_gap" || (code == "stale" && detail.contains("journal_gap")) ? .repeated : .lost
    case 400, 413, 415, 422:
      var detail = root?["detail"]?.string ?? "status \(status.code)"
      let faults = root?["errors"].map { Array($0.elements.prefix(3)) } ?? []
      for fault in faults { detail += " \(fault["pointer"]?.string ?? ""): \(fault["detail"]?.string ?? "")" }
      return .refused(
        code: code.isEmpty ? "status_\(status.code)" : code,
        detail: StorableText.make(detail, bytesMax: detailBytesMax))
    default: return .unavailable(reason: code.isEmpty ? "status \(status.code)" : code)
    }
  }

  /// What a request proves.
  private enum Sender {
    /// That a worker asks for steps.
    case worker
    /// That the worker holds the lease of a step.
    case holder(of: LeasedStep)
  }

  private func post(
    _ path: String, _ body: [UInt8], timeout: Duration, as sender: Sender, trace: TraceContext? = nil
  ) async throws -> (status: HTTPStatus, root: JSONView?) {
    var headers = HTTPHeaders()
    headers.append(.contentType, "application/json")
    switch sender {
    case .worker: headers.append(.authorization, credentials.authorization)
    case .holder(let step): headers.append(InternalHeader.assertion, step.assertion.text)
    }
    // Fenced by its token, every call of the protocol may be repeated.
    let answer = try await peers.send(with: client, peer: "orchestrator") { base in
      HTTPClientRequest(
        .post, try base.appending(path: path), headers: headers, body: .bytes(body), timeout: timeout,
        isIdempotent: true, trace: trace)
    }
    let bytes = try await answer.body.collect(upTo: OrchestratorClient.answerBytesMax)
    return (answer.status, (try? JSONDocument(parsing: bytes, limits: OrchestratorClient.limits))?.root)
  }
}

/// The orchestrator gives no leases at the moment.
struct LeaseRefusal: Error, CustomStringConvertible {
  let status: Int
  let code: String

  var description: String { "the orchestrator answered with status \(status)\(code.isEmpty ? "" : " (\(code))")" }
}
