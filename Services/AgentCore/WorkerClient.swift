internal import Contracts
internal import HTTP
internal import HTTPWire
internal import JSON
internal import Primitives
internal import ServiceKit
internal import Telemetry

/// The lease has passed to somebody else, or the run has ended: whatever the attempt does now has no effect.
struct LeaseLost: Error {}

/// Speaks the worker protocol with the orchestrator.
struct WorkerClient: Sendable {
  private static let answerBytesMax = 64 << 20
  private static let callTimeout = Duration.seconds(15)

  let client: HTTPClient
  let peers: PeerSet
  let token: InternalToken
  let name: String

  /// Takes up to `slots` steps, waiting for some.
  func lease(slots: Int, wait: Duration) async throws -> [LeasedStep] {
    var writer = JSONWriter()
    writer.beginObject()
    writer.member("worker", name)
    writer.member("job_types", raw: Array("[\"agent\"]".utf8))
    writer.member("slots", Int64(slots))
    writer.member("wait_ms", wait.milliseconds)
    writer.endObject()
    let (status, root) = try await post("/worker/v1/leases", writer.bytes, timeout: wait + WorkerClient.callTimeout)
    guard status.isSuccess, let leases = root["leases"] else {
      throw HTTPClientError(.protocolViolation, reason: "status \(status.code) to a request for leases")
    }
    return leases.elements.compactMap { LeasedStep($0) }
  }

  /// Records calls and prolongs the lease; without calls it only prolongs. Throws `LeaseLost`.
  func record(_ calls: [CallEntry], for step: LeasedStep) async throws {
    let status = try await send(step, "journal", calls) { _ in }
    if status == .conflict || status == .notFound { throw LeaseLost() }
    guard status.isSuccess else {
      throw AgentFailure(
        code: "journal_refused", message: "The orchestrator did not take a record (status \(status.code)).",
        isRetryable: true)
    }
  }

  /// Delivers a result. Returns whether it was taken.
  func succeed(_ step: LeasedStep, _ result: AttemptResult) async throws -> HTTPStatus {
    try await send(step, "result", result.calls) { $0.member("output", raw: result.output) }
  }

  /// Reports a failed attempt.
  func fail(_ step: LeasedStep, _ failure: AgentFailure) async throws -> HTTPStatus {
    try await send(step, "result", []) { writer in
      writer.key("failure")
      writer.beginObject()
      writer.member("code", failure.code)
      writer.member("message", String(failure.message.prefix(2000)))
      writer.member("retryable", failure.isRetryable)
      writer.endObject()
    }
  }

  private func send(
    _ step: LeasedStep, _ what: String, _ calls: [CallEntry], _ more: (inout JSONWriter) -> Void
  ) async throws -> HTTPStatus {
    var writer = JSONWriter()
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
    return try await post(
      "/worker/v1/steps/\(step.id)/\(what)", writer.bytes, timeout: WorkerClient.callTimeout, trace: step.trace
    ).status
  }

  private func post(
    _ path: String, _ body: [UInt8], timeout: Duration, trace: TraceContext? = nil
  ) async throws -> (status: HTTPStatus, root: JSONView) {
    var headers = HTTPHeaders()
    headers.append(.contentType, "application/json")
    headers.append(InternalHeader.token, token.text)
    // Fenced by its token, every call of the protocol may be repeated.
    let answer = try await peers.send(with: client, peer: "orchestrator") { base in
      HTTPClientRequest(
        .post, try base.appending(path: path), headers: headers, body: .bytes(body), timeout: timeout,
        isIdempotent: true, trace: trace)
    }
    let bytes = try await answer.body.collect(upTo: WorkerClient.answerBytesMax)
    guard let document = try? JSONDocument(parsing: bytes) else {
      throw HTTPClientError(.protocolViolation, reason: "an answer that is not JSON")
    }
    return (answer.status, document.root)
  }
}
