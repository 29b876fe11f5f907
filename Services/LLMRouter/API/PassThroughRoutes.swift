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
internal import ServiceKit
internal import Settings
internal import SystemSources
internal import Telemetry

/// Addresses that generate nothing and go on to a provider that has them: moderations, files, responses that the
/// provider stores, counts of tokens.
///
/// Files and stored responses belong to the account at the provider, which all tenants share: only an operator's key
/// reaches them.
struct PassThroughRoutes: Sendable {
  private static let requestBytesMax = 32 << 20
  private static let idBytesMax = 128

  let calls: CallService

  func add(to router: inout Router) {
    let options = RouteOptions(bodyBytesMax: PassThroughRoutes.requestBytesMax, cancelsOnDisconnect: true)
    router.on(.post, "/v1/moderations", options) { request in
      try await answering(request, in: .named(by: request)) { try await moderate(request) }
    }
    router.on(.post, "/v1/responses/input_tokens", options) { request in
      try await answering(request, in: .named(by: request)) { try await count(request) }
    }
    let stored: [(HTTPMethod, String, String)] = [
      (.get, "/v1/responses/{id}", ""), (.delete, "/v1/responses/{id}", ""),
      (.post, "/v1/responses/{id}/cancel", "/cancel"), (.get, "/v1/responses/{id}/input_items", "/input_items"),
    ]
    for (method, pattern, tail) in stored {
      router.on(method, pattern, options) { request in
        try await answering(request, in: .named(by: request)) {
          try await passOn(request, method, "/responses/\(try id(of: request))\(tail)", "response", [.openai])
        }
      }
    }
    let files: [(HTTPMethod, String, String?)] = [
      (.post, "/v1/files", nil), (.get, "/v1/files", nil), (.get, "/v1/files/{id}", ""),
      (.delete, "/v1/files/{id}", ""), (.get, "/v1/files/{id}/content", "/content"),
    ]
    for (method, pattern, tail) in files {
      router.on(method, pattern, options) { request in
        try await answering(request, in: .named(by: request)) {
          let path = try tail.map { "/files/\(try id(of: request))\($0)" } ?? "/files"
          return try await passOn(
            request, method, path, "file", [Dialect.named(by: request) == .messages ? .anthropic : .openai])
        }
      }
    }
  }

  /// An id that can stand in a path.
  private func id(of request: HTTPRequest) throws -> String {
    let id = try request.parameter("id")
    let isPlain = id.utf8.allSatisfy { byte in
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"):
        true
      default: false
      }
    }
    guard isPlain, !id.isEmpty, id.utf8.count <= PassThroughRoutes.idBytesMax else {
      throw CallFailure.invalid("The id has characters that ids do not have.", "id")
    }
    return id
  }

  // MARK: What providers store

  /// Asks for what providers store, on behalf of an operator.
  private func passOn(
    _ request: HTTPRequest, _ method: HTTPMethod, _ path: String, _ what: String, _ kinds: Set<ProviderKind>
  ) async throws -> HTTPResponse {
    _ = try calls.authenticator.principal(of: request)
    guard calls.authenticator.isOperator(request) else {
      throw CallFailure(
        status: .forbidden, code: "operator_required",
        message:
          "A \(what) that a provider keeps belongs to the account that all tenants share; only a key of an operator reaches it. Ask with 'store': false and send what is needed with each request."
      )
    }
    let query = request.head.query.map { "?\($0)" } ?? ""
    return try await askAll(kinds, method, path + query, try await request.body.collect(), request, what)
  }

  /// Asks the providers of some kinds in their order until one has the address and knows what is requested.
  private func askAll(
    _ kinds: Set<ProviderKind>, _ method: HTTPMethod, _ target: String, _ body: [UInt8], _ request: HTTPRequest,
    _ what: String
  ) async throws -> HTTPResponse {
    let providers = calls.catalog.current.providers.values.filter { kinds.contains($0.kind) && !$0.keys.isEmpty }
      .sorted { ($0.record.priority, $0.name) < ($1.record.priority, $1.name) }
    var missing = CallFailure(
      status: .notFound, code: "not_offered", message: "No provider is configured that has a \(what).")
    for provider in providers {
      do { return try await ask(provider, method, target, body, request) } catch let failure as CallFailure
        where failure.status == .notFound
      { missing = failure }
    }
    throw missing
  }

  /// One request of a provider, whole. Throws `CallFailure`.
  private func ask(
    _ provider: Provider, _ method: HTTPMethod, _ target: String, _ body: [UInt8], _ request: HTTPRequest
  ) async throws -> HTTPResponse {
    guard let key = provider.keys.first else {
      throw CallFailure(
        status: .badGateway, code: "provider_rejected_key", message: "The provider \"\(provider.name)\" has no key.")
    }
    var headers = HTTPHeaders()
    if !body.isEmpty { headers.append(.contentType, request.headers[.contentType] ?? "application/json") }
    if provider.kind == .anthropic {
      headers.append("anthropic-version", request.headers["anthropic-version"] ?? "2023-06-01")
      if let beta = request.headers["anthropic-beta"] { headers.append("anthropic-beta", beta) }
    }
    provider.authorize(&headers, key: key)
    do {
      let answer = try await calls.client.send(
        HTTPClientRequest(
          method, try provider.base.appending(path: target), headers: headers,
          body: body.isEmpty ? .none : .bytes(body),
          timeout: calls.limits.times.with(provider.record.times).timeout, trace: request.trace),
        peer: "provider:\(provider.name)")
      let bytes = try await answer.decoded(upTo: calls.limits.answerBytes).body.collect(
        upTo: calls.limits.answerBytes)
      guard answer.status.isSuccess else { throw refusal(answer, bytes, provider) }
      var response = HTTPResponse(answer.status, headers: HTTPHeaders(), body: .bytes(bytes))
      response.headers.append(.contentType, answer.headers[.contentType] ?? "application/json")
      response.headers.append(InternalHeader.provider, provider.name)
      return response
    } catch let error as HTTPClientError {
      throw CallFailure(error, provider: provider)
    } catch is HTTPWireError {
      throw CallFailure.invalid("The query has characters that no URL has.", nil)
    }
  }

  private func refusal(_ answer: HTTPClientResponse, _ body: [UInt8], _ provider: Provider) -> CallFailure {
    guard answer.status != .notFound else {
      let reported = (try? JSONDocument(parsing: body).root)?["error"]?["message"]?.string
      return CallFailure(
        status: .notFound, code: "not_found",
        message: reported.map { calls.filter.redacted(String($0.prefix(500))) }
          ?? "The provider \"\(provider.name)\" does not know it.")
    }
    return CallFailure(
      status: answer.status, body: body, retryAfterMilliseconds: RetryAfter.milliseconds(answer.headers),
      provider: provider, filter: calls.filter)
  }

  // MARK: Moderations

  private func moderate(_ request: HTTPRequest) async throws -> HTTPResponse {
    let caller = try calls.authenticator.principal(of: request)
    let document = try await request.json()
    guard document.root.kind == .object, document.root["input"] != nil else {
      throw CallFailure.invalid("'input' is missing.", "input")
    }
    let snapshot = calls.catalog.current
    let name = document.root["model"]?.string
    if let allowed = caller.allowed, !(name.map { allowed.contains($0) } ?? false) {
      throw CallFailure(RouteRefusal.notAllowed(name ?? "moderations"), known: [])
    }
    if let name, let target = snapshot.table.target(name), let provider = snapshot.providers[target.provider],
      provider.kind != .anthropic
    {
      return try await ask(
        provider, .post, "/moderations", renamed(document, target.providerModel), request)
    }
    return try await askAll([.openai], .post, "/moderations", document.bytes, request, "moderation")
  }

  private func renamed(_ document: JSONDocument, _ model: String) -> [UInt8] {
    var writer = JSONWriter(reservingBytes: document.bytes.count + 64)
    writer.beginObject()
    writer.member("model", model)
    for (key, value) in document.root.members where key.string != "model" {
      writer.member(key.string ?? "", raw: value.rawBytes)
    }
    writer.endObject()
    return writer.bytes
  }

  // MARK: Counting

  /// Tokens of a response request: counted by the provider where it can, else estimated.
  private func count(_ request: HTTPRequest) async throws -> HTTPResponse {
    let caller = try calls.authenticator.principal(of: request)
    let document = try await request.json()
    let counted = try CallRequest(document, .responses)
    let snapshot = calls.catalog.current
    let query = RouteQuery(model: counted.model, complexity: caller.complexity, allowed: caller.allowed)
    let plan: RoutePlan
    do { plan = try snapshot.table.route(query, random: 0) { _ in TargetHealth() } } catch {
      throw CallFailure(error, known: caller.known(of: snapshot.table))
    }
    guard let target = plan.targets.first, let provider = snapshot.providers[target.provider] else {
      return tokens(counted.promptTokens)
    }
    let path: String
    switch provider.kind {
    case .openai: path = "/responses/input_tokens"
    case .anthropic: path = "/messages/count_tokens"
    default: return tokens(counted.promptTokens)
    }
    let (wire, made) = try counted.body(for: target, provider, outputCap: nil)
    let body = TokenCountRequest.body(made.bytes, wire)
    do {
      let answer = try await ask(provider, .post, path, body, request)
      guard case .bytes(let bytes) = answer.body, let root = try? JSONDocument(parsing: bytes).root,
        let count = root["input_tokens"]?.int
      else { return tokens(counted.promptTokens) }
      return tokens(count)
    } catch let failure as CallFailure where failure.status == .notFound {
      // Not every server has the address.
      return tokens(counted.promptTokens)
    }
  }

  private func tokens(_ count: Int64) -> HTTPResponse {
    .json { writer in
      writer.member("object", "response.input_tokens")
      writer.member("input_tokens", count)
    }
  }
}
