public import AgentLoop
internal import Contracts
public import HTTP
internal import HTTPWire
internal import JSON
internal import Primitives
public import ServiceKit
internal import Telemetry

/// Speaks the worker protocol with the orchestrator.
public struct OrchestratorClient: OrchestratorLink {
  /// What one step holds must not keep the others of the same answer from being read.
  private static let limits = JSONLimits(depthMax: 256)

  private static let answerBytesMax = 64 << 20
  private static let callTimeout = Duration.seconds(15)
  private static let detailBytesMax = 500

  private let client: HTTPClient
  private let peers: PeerSet
  private let token: InternalToken
  private let name: String

  /// Makes a client of the replicas of the orchestrator, for the worker `name`.
  public init(client: HTTPClient, peers: PeerSet, token: InternalToken, name: String) {
    self.client = client
    self.peers = peers
    self.token = token
    self.name = StorableText.make(name, bytesMax: 200, fallback: "agent-core")
  }

  /// Takes up to `slots` steps, waiting for some. Leases that cannot be read are counted; their time passes and the
  /// steps are leased again.
  public func lease(slots: Int, wait: Duration) async throws -> (steps: [LeasedStep], unreadable: Int) {
    var writer = JSONWriter()
    writer.beginObject()
    writer.member("worker", name)
    writer.member("job_types", raw: Array("[\"agent\"]".utf8))
    writer.member("slots", Int64(slots))
    writer.member("wait_ms", wait.milliseconds)
    writer.endObject()
    let (status, root) = try await post(
      "/worker/v1/leases", writer.bytes, timeout: wait + OrchestratorClient.callTimeout)
    guard status.isSuccess, let leases = root?["leases"] else {
      throw LeaseRefusal(status: Int(status.code), code: root?["code"]?.string ?? "")
    }
    let steps = leases.elements.compactMap { LeasedStep($0) }
    return (steps, leases.count - steps.count)
  }

  /// Records calls and prolongs the lease, once.
  public func record(_ calls: [CallEntry], for step: LeasedStep, timeout: Duration) async throws -> LinkAnswer {
    try await send(step, "journal", calls, timeout) { _ in }
  }

  /// Delivers an outcome, once.
  public func deliver(_ outcome: AttemptOutcome, for step: LeasedStep) async throws -> LinkAnswer {
    try await send(step, "result", outcome.calls, OrchestratorClient.callTimeout) { writer in
      switch outcome {
      case .success(let result): writer.member("output", raw: result.output)
      case .failure(let failure):
        writer.key("failure")
        writer.beginObject()
        writer.member("code", failure.code)
        writer.member("message", failure.message)
        writer.member("retryable", failure.isRetryable)
        writer.endObject()
      }
    }
  }

  private func send(
    _ step: LeasedStep, _ what: String, _ calls: [CallEntry], _ timeout: Duration, _ more: (inout JSONWriter) -> Void
  ) async throws -> LinkAnswer {
    var writer = JSONWriter(reservingBytes: calls.reduce(512) { $0 + $1.result.count + 512 })
    writer.beginObject()
    writer.member("token", step.token)
    writer.member("attempt", step.attempt)
    if !calls.isEmpty {
      writer.key("calls")
      writer.beginArray()
      for call in calls { call.write(to: &writer) }
      writer.endArray()
    }
    more(&writer)
    writer.endObject()
    do {
      let (status, root) = try await post(
        "/worker/v1/steps/\(step.id)/\(what)", writer.bytes, timeout: timeout, trace: step.trace)
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

  private func post(
    _ path: String, _ body: [UInt8], timeout: Duration, trace: TraceContext? = nil
  ) async throws -> (status: HTTPStatus, root: JSONView?) {
    var headers = HTTPHeaders()
    headers.append(.contentType, "application/json")
    headers.append(InternalHeader.token, token.text)
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
