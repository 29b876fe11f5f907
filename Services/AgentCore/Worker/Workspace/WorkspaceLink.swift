internal import AgentWorkspace
internal import Contracts
internal import Crypto
internal import HTTP
internal import HTTPWire
internal import JSON
internal import Primitives
internal import ServiceKit
internal import Telemetry

/// A request of a step to its workspace at the orchestrator.
struct WorkspaceCall: Sendable {
  let method: HTTPMethod
  let path: String
  var headers = HTTPHeaders()
  var body: HTTPClientRequest.Body = .none
  /// Bytes of the answer.
  var answerBytesMax = 1 << 20
  /// Time for one try.
  var timeout = Duration.seconds(15)

  init(_ method: HTTPMethod, _ path: String) {
    self.method = method
    self.path = path
  }

  /// The same with a JSON document.
  func sending(_ document: [UInt8]) -> WorkspaceCall {
    var call = self
    call.headers.set(.contentType, "application/json")
    call.body = .bytes(document)
    return call
  }
}

/// The answer to it.
struct WorkspaceReply: Sendable {
  let status: HTTPStatus
  let headers: HTTPHeaders
  let bytes: [UInt8]

  /// The document. Throws `WorkspaceError` for something else.
  func document() throws(WorkspaceError) -> JSONView {
    do { return try JSONDocument(parsing: bytes, limits: JSONLimits(depthMax: 256)).root } catch {
      throw WorkspaceError(.unavailable, code: "unreadable_answer", "The answer of the orchestrator cannot be read.")
    }
  }
}

/// Makes calls to the orchestrator until there is an answer or the time is over. Every call of it may be repeated.
struct WorkspaceLink: Sendable {
  /// Time for a call with all its tries.
  private static let patience = Duration.seconds(45)
  private static let firstPause = Duration.milliseconds(100)
  private static let pauseMax = Duration.seconds(3)
  private static let messageBytesMax = 500

  let client: HTTPClient
  let peers: PeerSet
  let credentials: WorkerCredentials
  let clock: any WorkerClock

  /// Sends a call on behalf of a step, or as the worker when there is none. Throws `WorkspaceError` or
  /// `CancellationError`.
  func send(_ call: WorkspaceCall, for step: WorkspaceStep?) async throws -> WorkspaceReply {
    let deadline = clock.now() &+ UInt64(clamping: WorkspaceLink.patience.nanoseconds)
    var pauses = Backoff(
      first: WorkspaceLink.firstPause, max: WorkspaceLink.pauseMax, seed: (step?.token.low ?? 0) ^ clock.now())
    while true {
      let refusal: WorkspaceError
      do {
        let reply = try await once(call, for: step)
        if reply.status.isSuccess || reply.status.code == 304 { return reply }
        refusal = WorkspaceLink.error(reply)
      } catch let error as HTTPClientError {
        guard error.code != .bodyTooLarge else {
          throw WorkspaceError(.refused, code: "answer_too_large", "The answer is larger than was asked for.")
        }
        refusal = WorkspaceError(.unavailable, code: "orchestrator_unavailable", error.description)
      } catch let error as HTTPWireError {
        throw WorkspaceError(.refused, code: "bad_address", "\(error)")
      }
      guard refusal.kind == .unavailable else { throw refusal }
      let pause = pauses.pause()
      guard clock.now() &+ UInt64(clamping: pause.nanoseconds) < deadline else { throw refusal }
      try await clock.sleep(for: pause)
    }
  }

  private func once(_ call: WorkspaceCall, for step: WorkspaceStep?) async throws -> WorkspaceReply {
    try Task.checkCancellation()
    var headers = call.headers
    if let step {
      headers.set(InternalHeader.assertion, step.assertion())
      headers.set(WorkspacePath.leaseToken, step.token.description)
    } else {
      headers.set(.authorization, credentials.authorization)
    }
    let trace = step?.traceparent.flatMap { TraceContext(traceparent: $0) }
    let answer = try await peers.send(with: client, peer: "orchestrator") { [headers] base in
      HTTPClientRequest(
        call.method, try base.appending(path: call.path), headers: headers, body: call.body, timeout: call.timeout,
        pauseMax: call.timeout, isIdempotent: true, trace: trace)
    }
    return WorkspaceReply(
      status: answer.status, headers: answer.headers, bytes: try await answer.body.collect(upTo: call.answerBytesMax))
  }

  /// What an answer means that is no success.
  static func error(_ reply: WorkspaceReply) -> WorkspaceError {
    let root = (try? JSONDocument(parsing: reply.bytes))?.root
    let code = root?["code"]?.string ?? ""
    var message = root?["detail"]?.string ?? "The orchestrator answered with status \(reply.status.code)."
    for fault in root?["errors"].map({ Array($0.elements.prefix(3)) }) ?? [] {
      message += " \(fault["pointer"]?.string ?? ""): \(fault["detail"]?.string ?? "")"
    }
    let kind: WorkspaceError.Kind =
      switch (Int(reply.status.code), code) {
      // Without words of the orchestrator it is somebody else's answer: a proxy that knows no replica at the moment.
      case (_, ""): .unavailable
      // A heartbeat brings a fresh assertion.
      case (401, "assertion_expired"): .unavailable
      case (403, _), (409, "lease_lost"): .leaseLost
      case (404, _): .notFound
      case (422, _) where code.hasSuffix("quota_exceeded"): .quota
      case (429, _), (500..., _): .unavailable
      default: .refused
      }
    return WorkspaceError(
      kind, code: code.isEmpty ? "status_\(reply.status.code)" : code,
      StorableText.make(message, bytesMax: messageBytesMax))
  }
}
