internal import AgentLoop
internal import Contracts
public import HTTP
internal import HTTPWire
internal import JSON
internal import Primitives
public import ServiceKit
internal import SystemSources
public import Telemetry

/// Calls models through the llm-router.
public struct ModelClient: ModelTransport {
  /// A larger answer could not be recorded.
  private static let answerBytesMax = 7 << 20
  /// The answer becomes part of other documents, which have the same limit of depth.
  private static let depthMax = 100
  private static let path = "/v1/chat/completions"

  private let client: HTTPClient
  private let peers: PeerSet
  private let timeout: Duration

  /// Makes a client of the replicas of the llm-router. `timeout` is the time for an answer to begin.
  public init(client: HTTPClient, peers: PeerSet, timeout: Duration) {
    self.client = client
    self.peers = peers
    self.timeout = timeout
  }

  /// Asks for a chat completion, once.
  public func send(_ request: [UInt8], for step: LeasedStep, trace: TraceContext) async throws -> ModelOutcome {
    let started = MonotonicClock.now()
    let answer: HTTPClientResponse
    let bytes: [UInt8]
    do {
      answer = try await peers.send(with: client, peer: "llm-router") { base in
        HTTPClientRequest(
          .post, try base.appending(path: ModelClient.path), headers: headers(step), body: .bytes(request),
          timeout: timeout,
          trace: trace)
      }
      bytes = try await answer.body.collect(upTo: ModelClient.answerBytesMax)
    } catch let error as HTTPClientError {
      return ModelClient.outcome(error)
    } catch let error as HTTPWireError {
      return .unreadable(
        AgentFailure(code: "worker_failed", message: "The call cannot be made: \(error).", isRetryable: false))
    }
    guard answer.status.isSuccess else { return .refused(ModelClient.refusal(answer, bytes)) }
    let document: JSONDocument
    do {
      document = try JSONDocument(parsing: bytes, limits: JSONLimits(depthMax: ModelClient.depthMax))
    } catch {
      return .unreadable(
        AgentFailure(
          code: "llm_router_garbage", message: "The model's answer cannot be read: \(error).", isRetryable: true))
    }
    return .answered(
      ModelReply(
        document: document, model: answer.headers[InternalHeader.model] ?? "unknown",
        usage: ModelClient.usage(answer, document.root),
        milliseconds: Int64(clamping: (MonotonicClock.now() &- started) / 1_000_000)))
  }

  private func headers(_ step: LeasedStep) -> HTTPHeaders {
    var headers = HTTPHeaders()
    headers.append(.contentType, "application/json")
    // It says for which tenant, run, step, project and agent the model is called.
    headers.append(InternalHeader.assertion, step.assertion.text)
    headers.append(InternalHeader.optionalTools, "1")
    return headers
  }

  private static func outcome(_ error: HTTPClientError) -> ModelOutcome {
    switch error.code {
    case .cannotConnect, .overloaded: .unreachable(reason: error.description)
    case .timedOut where error.outcomeUnknown: .timedOut
    case .timedOut: .unreachable(reason: error.description)
    case .connectionLost, .protocolViolation: .broken(reason: error.description)
    case .bodyTooLarge:
      .unreadable(
        AgentFailure(
          code: "answer_too_large", message: "The model's answer is larger than \(answerBytesMax) bytes.",
          isRetryable: false))
    }
  }

  private static func refusal(_ answer: HTTPClientResponse, _ bytes: [UInt8]) -> ModelRefusal {
    let root = (try? JSONDocument(parsing: bytes))?.root
    // The shape of a model's dialect, or a problem of the service itself.
    let error = root?["error"] ?? root
    let shouldRetry: Bool? =
      switch answer.headers["x-should-retry"] {
      case "true": true
      case "false": false
      default: nil
      }
    return ModelRefusal(
      status: Int(answer.status.code), code: error?["code"]?.string ?? error?["type"]?.string ?? "llm_router_refused",
      message: error?["message"]?.string ?? error?["detail"]?.string
        ?? "The llm-router answered with status \(answer.status.code).",
      shouldRetry: shouldRetry, retryAfterSeconds: answer.headers[.retryAfter].flatMap { Int64($0) },
      isNotServing: answer.headers.contains(InternalHeader.notServing))
  }

  private static func usage(_ answer: HTTPClientResponse, _ root: JSONView) -> Usage {
    let cost = answer.headers[InternalHeader.costMicroUSD].flatMap { Int64($0) }
    return Usage(
      inputTokens: tokens(root["usage"]?["prompt_tokens"]), outputTokens: tokens(root["usage"]?["completion_tokens"]),
      costMicroUSD: max(0, cost ?? 0), unpricedCalls: cost == nil ? 1 : 0, modelCalls: 1)
  }

  /// A count, also of a provider that writes whole numbers as `12.0`.
  private static func tokens(_ view: JSONView?) -> Int64 {
    view?.whole(in: 0...Int64.max) ?? 0
  }
}
