internal import Contracts
internal import HTTP
internal import HTTPWire
internal import JSON
internal import Primitives
internal import ServiceKit
internal import Settings
internal import Telemetry

/// `/v1/chat/completions` and `/v1/models`.
struct CompletionRoutes: Sendable {
  private static let requestBytesMax = 32 << 20
  private static let answerBytesMax = 64 << 20
  private static let errorBytesMax = 256 << 10

  let catalog: ModelCatalog
  let token: InternalToken
  let client: HTTPClient
  let telemetry: Telemetry
  let metrics: RouterMetrics
  let timeout: Duration

  func add(to router: inout Router) {
    let options = RouteOptions(bodyBytesMax: CompletionRoutes.requestBytesMax, cancelsOnDisconnect: true)
    router.on(.post, "/v1/chat/completions", options) { request in
      do {
        return try await complete(request)
      } catch let error as OpenAIError {
        return error.response
      } catch let problem as Problem {
        return OpenAIError.invalid(problem.detail, nil, status: problem.status).response
      }
    }
    router.on(.get, "/v1/models") { request in
      try token.require(request)
      return .json { writer in
        writer.member("object", "list")
        writer.key("data")
        writer.beginArray()
        for name in catalog.names {
          writer.beginObject()
          writer.member("id", name)
          writer.member("object", "model")
          writer.member("created", Int64(0))
          writer.member("owned_by", catalog.target(name)?.provider ?? "")
          writer.endObject()
        }
        writer.endArray()
      }
    }
  }

  private func complete(_ request: HTTPRequest) async throws -> HTTPResponse {
    try token.require(request)
    let asked = try CompletionRequest(try await request.json())
    guard let target = catalog.target(asked.model) else {
      throw OpenAIError(
        status: .notFound, type: "invalid_request_error", code: "model_not_found",
        message: "The model '\(asked.model.prefix(100))' does not exist here. Available: "
          + catalog.names.prefix(20).joined(separator: ", ") + ".", parameter: "model", isRetryable: false)
    }
    let call = ModelCall(
      target: target, metrics: metrics, startedAt: request.receivedAt,
      span: telemetry.tracer.startSpan("chat \(target.model.name)", kind: .client, parent: request.trace))
    do {
      let answer = try await send(asked, target, call)
      call.headArrived()
      guard answer.status.isSuccess else { throw try await refused(answer, target) }
      return asked.wantsStream
        ? stream(answer, asked, call) : try await whole(answer, call)
    } catch {
      let failure = describe(error, target)
      call.failed(failure)
      throw failure
    }
  }

  private func send(
    _ asked: CompletionRequest, _ target: Target, _ call: ModelCall
  ) async throws -> HTTPClientResponse {
    var headers = HTTPHeaders()
    headers.append(.contentType, "application/json")
    headers.append(.accept, asked.wantsStream ? "text/event-stream" : "application/json")
    if !target.key.isEmpty { headers.append(.authorization, "Bearer \(target.key.reveal())") }
    let request = HTTPClientRequest(
      .post, target.completions, headers: headers, body: .bytes(asked.bytes(for: target.model)), timeout: timeout,
      trace: call.span.context)
    return try await client.send(request, peer: "provider:\(target.provider)")
  }

  // MARK: Answers

  private func whole(_ answer: HTTPClientResponse, _ call: ModelCall) async throws -> HTTPResponse {
    let bytes = try await answer.body.collect(upTo: CompletionRoutes.answerBytesMax)
    guard let root = try? JSONDocument(parsing: bytes).root, root.kind == .object else {
      throw OpenAIError.provider(
        .badGateway, "provider_garbage", "The provider's answer is not valid JSON.", isRetryable: true)
    }
    if let error = root["error"], !error.isNull {
      throw OpenAIError.provider(
        .badGateway, "provider_error",
        "The provider answered with an error: \(error["message"]?.string?.prefix(500) ?? "no message")",
        isRetryable: true)
    }
    let account = CallAccount(usage: root["usage"], of: call.target.model)
    call.finished(account, finish: root["choices"]?[0]?["finish_reason"]?.string)
    var response = HTTPResponse.json(.ok, bytes)
    annotate(&response.headers, call.target, account)
    return response
  }

  /// Passes the provider's events on as they come. The usage event is kept back when the caller has not asked for it.
  private func stream(_ answer: HTTPClientResponse, _ asked: CompletionRequest, _ call: ModelCall) -> HTTPResponse {
    let (wantsUsage, body) = (asked.wantsUsage, answer.body)
    var response = HTTPResponse(
      .ok,
      body: .stream(length: nil) { writer in
        var relay = StreamRelay(wantsUsage: wantsUsage)
        do {
          while let piece = try await body.next() {
            let passed = try relay.pass(piece)
            if !passed.isEmpty { try await writer.write(passed) }
          }
          guard relay.isComplete else {
            throw HTTPClientError(.connectionLost, outcomeUnknown: true, reason: "the stream ended early")
          }
          call.finished(
            CallAccount(usage: relay.usage?.root["usage"], of: call.target.model), finish: relay.finishReason)
        } catch {
          let failure = describe(error, call.target)
          call.failed(failure, CallAccount(usage: relay.usage?.root["usage"], of: call.target.model))
          if error is CancellationError { throw error }
          // The only way to tell a client in mid-stream: an event with an error; then no [DONE].
          try await writer.write(Array("data: ".utf8) + failure.document + [10, 10])
          throw error
        }
      })
    response.headers.append(.contentType, "text/event-stream; charset=utf-8")
    response.headers.append(.cacheControl, "no-cache")
    annotate(&response.headers, call.target, nil)
    return response
  }

  private func annotate(_ headers: inout HTTPHeaders, _ target: Target, _ account: CallAccount?) {
    headers.append(InternalHeader.model, target.model.name)
    headers.append(InternalHeader.provider, target.provider)
    if let cost = account?.costMicroUSD { headers.append(InternalHeader.costMicroUSD, String(cost)) }
  }

  // MARK: Failures

  /// What a provider's refusal means to the caller, who has nothing to do with its keys.
  private func refused(_ answer: HTTPClientResponse, _ target: Target) async throws -> OpenAIError {
    let bytes = try await answer.body.collect(upTo: CompletionRoutes.errorBytesMax)
    let said = (try? JSONDocument(parsing: bytes).root)?["error"]?["message"]?.string.map { String($0.prefix(500)) }
    let status = answer.status
    switch status.code {
    case 401, 403:
      return .provider(
        .badGateway, "provider_rejected_key",
        "The provider \"\(target.provider)\" does not accept its API key (\(status.code)). Check api_key of this provider in "
          + "the configuration of the llm-router.", isRetryable: false)
    case 429:
      return OpenAIError(
        status: .tooManyRequests, type: "rate_limit_error", code: "provider_rate_limited",
        message: "The provider \"\(target.provider)\" limits the rate of calls\(said.map { ": \($0)" } ?? ".")",
        parameter: nil, isRetryable: true)
    case 400..<500:
      return OpenAIError(
        status: status, type: "invalid_request_error", code: "provider_refused",
        message:
          "The provider \"\(target.provider)\" refused the request (\(status.code))\(said.map { ": \($0)" } ?? ".")",
        parameter: nil, isRetryable: false)
    default:
      return .provider(
        .badGateway, "provider_failed",
        "The provider \"\(target.provider)\" failed (\(status.code))\(said.map { ": \($0)" } ?? ".")", isRetryable: true
      )
    }
  }

  private func describe(_ error: any Error, _ target: Target) -> OpenAIError {
    switch error {
    case let error as OpenAIError: return error
    case let error as HTTPClientError where error.code == .cannotConnect:
      return .provider(
        .badGateway, "provider_unreachable",
        "The provider \"\(target.provider)\" at \(target.completions.host) cannot be reached: \(error.reason). Check base_url and "
          + "the network.", isRetryable: true)
    case let error as HTTPClientError where error.code == .timedOut:
      return .provider(
        .gatewayTimeout, "provider_timeout", "The provider \"\(target.provider)\" did not answer in time.",
        isRetryable: true)
    case let error as HTTPClientError:
      return .provider(
        .badGateway, "provider_failed", "The call to the provider \"\(target.provider)\" failed: \(error).",
        isRetryable: true)
    default:
      return .provider(
        .badGateway, "provider_failed", "The call to the provider \"\(target.provider)\" was broken off.",
        isRetryable: true)
    }
  }
}
