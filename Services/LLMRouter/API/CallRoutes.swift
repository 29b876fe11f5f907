internal import Contracts
internal import Dialects
internal import HTTP
internal import HTTPWire
internal import JSON
internal import Pricing
internal import Primitives
internal import Routing
internal import Settings
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
      ("/v1/messages", .messages),
    ]
    for (path, dialect) in paths {
      router.on(.post, path, options) { request in try await calls.answer(request, dialect) }
    }
    router.on(.post, "/v1/messages/count_tokens", options) { request in
      try await told(request, .messages) { try await count(request) }
    }
    router.on(.get, "/v1/models") { request in
      try await told(request, dialect(request)) { try list(request) }
    }
    router.on(.get, "/v1/models/{model}") { request in
      try await told(request, dialect(request)) { try show(request) }
    }
  }

  /// Both worlds ask at the same path; Anthropic's clients name their version.
  private func dialect(_ request: HTTPRequest) -> Dialect {
    request.headers.contains("anthropic-version") ? .messages : .chat
  }

  private func told(
    _ request: HTTPRequest, _ dialect: Dialect, _ body: () async throws -> HTTPResponse
  ) async throws -> HTTPResponse {
    do { return try await body() } catch let failure as CallFailure {
      return failure.response(dialect, id: request.trace.traceIDText)
    } catch let problem as Problem {
      return CallFailure.invalid(problem.detail, nil, status: problem.status)
        .response(dialect, id: request.trace.traceIDText)
    }
  }

  // MARK: Models

  private func list(_ request: HTTPRequest) throws -> HTTPResponse {
    let caller = try calls.desk.identify(request)
    let table = calls.catalog.current.table
    let names = (table.models + table.aliasNames).filter { caller.allowed?.contains($0) ?? true }
    let isMessages = dialect(request) == .messages
    return .json { writer in
      if isMessages {
        writer.member("has_more", false)
        writer.member("first_id", orNull: names.first)
        writer.member("last_id", orNull: names.last)
      } else {
        writer.member("object", "list")
      }
      writer.key("data")
      writer.beginArray()
      for name in names {
        writer.beginObject()
        write(name, table, isMessages, &writer)
        writer.endObject()
      }
      writer.endArray()
    }
  }

  private func show(_ request: HTTPRequest) throws -> HTTPResponse {
    let caller = try calls.desk.identify(request)
    let name = try request.parameter("model")
    let table = calls.catalog.current.table
    guard table.models.contains(name) || table.aliasNames.contains(name), caller.allowed?.contains(name) ?? true else {
      throw CallFailure(RouteRefusal.unknownModel(name), known: table.models)
    }
    let isMessages = dialect(request) == .messages
    return .json { write(name, table, isMessages, &$0) }
  }

  private func write(_ name: String, _ table: RouteTable, _ isMessages: Bool, _ writer: inout JSONWriter) {
    writer.member("id", name)
    if isMessages {
      writer.member("type", "model")
      writer.member("display_name", name)
      writer.member("created_at", "1970-01-01T00:00:00Z")
    } else {
      writer.member("object", "model")
      writer.member("created", Int64(0))
      writer.member("owned_by", table.target(name)?.provider ?? "alias")
    }
  }

  // MARK: Counting

  /// Tokens of a prompt: counted by the provider where it can, else estimated.
  private func count(_ request: HTTPRequest) async throws -> HTTPResponse {
    let caller = try calls.desk.identify(request)
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
      throw CallFailure(error, known: snapshot.table.models)
    }
    if let target = plan.targets.first, let provider = snapshot.providers[target.provider], provider.kind == .anthropic,
      let key = provider.keys.first
    {
      return try await ask(provider, key.reveal(), target, document, request)
    }
    return .json { $0.member("input_tokens", estimate) }
  }

  private func ask(
    _ provider: Provider, _ key: String, _ target: ModelTarget, _ document: JSONDocument, _ request: HTTPRequest
  ) async throws -> HTTPResponse {
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
          body: .bytes(writer.bytes), timeout: provider.record.timeout, isIdempotent: true, trace: request.trace),
        peer: "provider:\(provider.name)")
      let body = try await answer.body.collect(upTo: CallRoutes.countBytesMax)
      guard answer.status.isSuccess else {
        throw CallFailure(
          status: answer.status, body: body, retryAfterMilliseconds: RetryAfter.milliseconds(answer.headers),
          provider: provider, filter: calls.filter)
      }
      return .json(.ok, body)
    } catch let error as HTTPClientError {
      throw CallFailure(error, provider: provider)
    }
  }
}
