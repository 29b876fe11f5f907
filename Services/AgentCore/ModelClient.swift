internal import Contracts
internal import HTTP
internal import HTTPWire
internal import JSON
internal import ServiceKit
internal import Telemetry

/// Calls models through the llm-router.
struct ModelClient: Sendable {
  private static let answerBytesMax = 8 << 20

  /// An answer, with what it consumed.
  struct Reply: Sendable {
    let document: JSONDocument
    let model: String
    let usage: Usage
  }

  let client: HTTPClient
  let url: HTTPURL
  let token: InternalToken
  let timeout: Duration

  /// Asks for a chat completion. Throws `AgentFailure` with a reason that a person understands, or `CancellationError`.
  func complete(_ request: [UInt8], for step: LeasedStep, trace: TraceContext) async throws -> Reply {
    var headers = HTTPHeaders()
    headers.append(.contentType, "application/json")
    headers.append(InternalHeader.token, token.text)
    headers.append(InternalHeader.tenant, step.tenant)
    headers.append(InternalHeader.run, step.run)
    headers.append(InternalHeader.step, step.id)
    if let principal = step.principal, principal.utf8.allSatisfy({ $0 >= 32 && $0 != 127 }) {
      headers.append(InternalHeader.principal, principal)
    }
    if let project = step.project { headers.append(InternalHeader.project, project) }
    if let agent = step.agent { headers.append(InternalHeader.agent, agent) }
    let answer: HTTPClientResponse
    let bytes: [UInt8]
    do {
      answer = try await client.send(
        HTTPClientRequest(.post, url, headers: headers, body: .bytes(request), timeout: timeout, trace: trace),
        peer: "llm-router")
      bytes = try await answer.body.collect(upTo: ModelClient.answerBytesMax)
    } catch let error as HTTPClientError {
      throw AgentFailure(
        code: "llm_router_failed", message: "The model call failed: \(error).", isRetryable: error.code != .bodyTooLarge
      )
    }
    guard let document = try? JSONDocument(parsing: bytes) else {
      throw AgentFailure(code: "model_garbage", message: "The llm-router's answer is not JSON.", isRetryable: true)
    }
    guard answer.status.isSuccess else { throw failure(answer, document.root["error"]) }
    return Reply(
      document: document, model: answer.headers[InternalHeader.model] ?? "unknown", usage: usage(answer, document.root))
  }

  private func failure(_ answer: HTTPClientResponse, _ error: JSONView?) -> AgentFailure {
    AgentFailure(
      code: error?["code"]?.string ?? "llm_router_refused",
      message: error?["message"]?.string ?? "The llm-router answered with status \(answer.status.code).",
      isRetryable: answer.headers["x-should-retry"] == "true")
  }

  private func usage(_ answer: HTTPClientResponse, _ root: JSONView) -> Usage {
    let cost = answer.headers[InternalHeader.costMicroUSD].flatMap { Int64($0) }
    return Usage(
      inputTokens: max(0, root["usage"]?["prompt_tokens"]?.int ?? 0),
      outputTokens: max(0, root["usage"]?["completion_tokens"]?.int ?? 0), costMicroUSD: max(0, cost ?? 0),
      unpricedCalls: cost == nil ? 1 : 0, modelCalls: 1)
  }
}
