internal import Contracts
internal import Dialects
internal import HTTP
internal import HTTPWire
internal import JSON
internal import ModelCalls
internal import ModelCatalog
internal import Pricing
internal import Primitives
internal import Routing
internal import Settings
internal import SystemSources
internal import Telemetry

/// The endpoints that clients of OpenAI and Anthropic know.
struct CallRoutes: Sendable {
  private static let requestBytesMax = 32 << 20
  private static let countBytesMax = 64 << 10

  let calls: CallService

  func add(to router: inout Router) {
    let options = RouteOptions(bodyBytesMax: CallRoutes.requestBytesMax, cancelsOnDisconnect: true)
    let paths: [(String, Dialect)] = [
      ("/v1/chat/completions", .chat), ("/v1/responses", .responses), ("/v1/embeddings", .embeddings),
      ("/v1/messages", .messages), ("/v1/completions", .completions),
    ]
    for (path, dialect) in paths {
      router.on(.post, path, options) { request in try await calls.answer(request, dialect) }
    }
    router.on(.post, "/v1/messages/count_tokens", options) { request in
      try await answering(request, in: .messages) { try await count(request) }
    }
    router.on(.get, "/v1/models") { request in
      try await answering(request, in: .named(by: request)) { try models(request).page(request) }
    }
    // Names may hold slashes.
    router.on(.get, "/v1/models/{model*}") { request in
      try await answering(request, in: .named(by: request)) { try models(request).one(try request.parameter("model")) }
    }
  }

  // MARK: Models

  private func models(_ request: HTTPRequest) throws -> ModelList {
    ModelList(calls.catalog.current.table, of: try calls.authenticator.principal(of: request), .named(by: request))
  }

  // MARK: Counting

  /// Tokens of a prompt: counted by the provider where it can, else estimated.
  private func count(_ request: HTTPRequest) async throws -> HTTPResponse {
    let caller = try calls.authenticator.principal(of: request)
    let document = try await request.json()
    guard let messages = document.root["messages"], messages.kind == .array, messages.count > 0 else {
      throw CallFailure.invalid("'messages' must be a list with at least one message.", "messages")
    }
    let snapshot = calls.catalog.current
    let estimate = TokenEstimate.prompt(document.root)
    let query = RouteQuery(
      model: document.root["model"]?.string ?? "", complexity: caller.complexity, allowed: caller.allowed)
    let plan: RoutePlan
    do { plan = try snapshot.table.route(query, random: 0) { _ in TargetHealth() } } catch {
      throw CallFailure(error, known: caller.known(of: snapshot.table))
    }
    if let target = plan.targets.first, let provider = snapshot.providers[target.provider], provider.kind == .anthropic,
      let key = provider.keys.first
    {
      do {
        if let count = try await ask(provider, key.reveal(), target, document, request) {
          return .json { $0.member("input_tokens", count) }
        }
      } catch let failure as CallFailure where failure.failureClass == .model || failure.status == .notFound {
        // Not every server of this dialect has the address.
      }
    }
    return .json { $0.member("input_tokens", estimate) }
  }

  /// The provider's count; nil when its answer has none.
  private func ask(
    _ provider: Provider, _ key: String, _ target: ModelTarget, _ document: JSONDocument, _ request: HTTPRequest
  ) async throws -> Int64? {
    var writer = JSONWriter(reservingBytes: document.bytes.count + 64)
    writer.beginObject()
    writer.member("model", target.providerModel)
    for (name, value) in document.root.members where name.string != "model" {
      writer.member(name.string ?? "", raw: value.rawBytes)
    }
    writer.endObject()
    var headers = HTTPHeaders()
    headers.append(.contentType, "application/json")
    headers.append("anthropic-version", request.headers["anthropic-version"] ?? "2023-06-01")
    if let beta = request.headers["anthropic-beta"] { headers.append("anthropic-beta", beta) }
    if !key.isEmpty { headers.append(.xAPIKey, key) }
    do {
      let answer = try await calls.client.send(
        HTTPClientRequest(
          .post, try provider.base.appending(path: "/messages/count_tokens"), headers: headers,
          body: .bytes(writer.bytes), timeout: calls.limits.times.with(provider.record.times).timeout,
          isIdempotent: true, trace: request.trace),
        peer: "provider:\(provider.name)")
      let body = try await answer.decoded(upTo: CallRoutes.countBytesMax).body.collect(
        upTo: CallRoutes.countBytesMax)
      guard answer.status.isSuccess else {
        throw CallFailure(
          status: answer.status, body: body, retryAfterMilliseconds: RetryAfter.milliseconds(answer.headers),
          provider: provider, filter: calls.filter)
      }
      let count = (try? JSONDocument(parsing: body).root)?["input_tokens"]?.int
      return count.flatMap { $0 >= 0 ? $0 : nil }
    } catch let error as HTTPClientError {
      throw CallFailure(error, provider: provider)
    }
  }
}
