internal import Contracts
package import HTTP
internal import HTTPWire
internal import JSON
internal import Reactor
internal import Synchronization
internal import Telemetry

/// The endpoints of the scripted provider: those of OpenAI and Anthropic, and those by which tests steer it.
package struct MockRoutes: Sendable {
  private static let requestBytesMax = 32 << 20
  private static let scriptBytesMax = 1 << 20
  /// A request whose script hangs is never answered: longer than any client waits.
  private static let hangTime = Duration.seconds(3600)

  private let key: String
  private let scripts: ScriptRegistry
  private let counts: MockCounts

  /// `key`: what callers must present; empty accepts all.
  package init(key: String, scripts: ScriptRegistry, counts: MockCounts) {
    self.key = key
    self.scripts = scripts
    self.counts = counts
  }

  /// Adds the routes.
  package func add(to router: inout Router) {
    let options = RouteOptions(bodyBytesMax: MockRoutes.requestBytesMax, cancelsOnDisconnect: true)
    for dialect in MockDialect.allCases {
      router.on(.post, dialect.path, options) { request in try await answer(request, dialect) }
    }
    router.on(.post, "/v1/messages/count_tokens", options) { request in
      guard let body = MockRequest(try await request.json().root, .messages), isAuthorized(request) else {
        return MockError.response(.messages, 400, "invalid_request_error", "'model' and 'messages' are needed.")
      }
      return .json { $0.member("input_tokens", body.inputTokens) }
    }
    router.on(.get, "/v1/models") { _ in
      .json { writer in
        writer.member("object", "list")
        writer.key("data")
        writer.beginArray()
        writer.beginObject()
        writer.member("id", "mock-model")
        writer.member("object", "model")
        writer.member("created", Int64(1_760_000_000))
        writer.member("owned_by", "cadre")
        writer.endObject()
        writer.endArray()
      }
    }
    addControl(to: &router)
  }

  /// How tests steer the provider, and what they read back.
  private func addControl(to router: inout Router) {
    router.on(.get, "/mock/usage") { _ in .json { counts.write(to: &$0) } }
    router.on(.post, "/mock/reset") { _ in
      counts.reset()
      return HTTPResponse(.noContent)
    }
    router.on(.put, "/mock/scripts", RouteOptions(bodyBytesMax: MockRoutes.scriptBytesMax)) { request in
      let bytes = try await request.body.collect()
      do { scripts.replace(try ScriptRegistry.read(bytes)) } catch {
        throw Problem(.badScripts, "\(error)")
      }
      return HTTPResponse(.noContent)
    }
    router.on(.get, "/mock/last") { _ in
      let last = counts.last.withLock { $0 }
      return .json { writer in
        writer.member("path", last.path)
        writer.key("headers")
        writer.beginObject()
        last.headers.forEach { writer.member($0.lowercased(), $1) }
        writer.endObject()
        writer.member("body", String(decoding: last.body, as: UTF8.self))
      }
    }
  }

  private func isAuthorized(_ request: HTTPRequest) -> Bool {
    key.isEmpty || request.headers[.authorization] == "Bearer \(key)" || request.headers[.xAPIKey] == key
  }

  private func answer(_ request: HTTPRequest, _ dialect: MockDialect) async throws -> HTTPResponse {
    counts.calls.add(1, ordering: .relaxed)
    counts.running.add(1, ordering: .relaxed)
    var isStreaming = false
    defer { if !isStreaming { counts.running.subtract(1, ordering: .relaxed) } }
    do {
      let response = try await reply(request, dialect)
      if case .stream = response.body { isStreaming = true }
      return response
    } catch let error as CancellationError {
      counts.cancelled.add(1, ordering: .relaxed)
      throw error
    }
  }

  private func reply(_ request: HTTPRequest, _ dialect: MockDialect) async throws -> HTTPResponse {
    func refuse(_ status: Int, _ code: String, _ message: String, retryAfter: Int = 1) -> HTTPResponse {
      counts.refused.add(1, ordering: .relaxed)
      return MockError.response(dialect, status, code, message, retryAfter: retryAfter)
    }
    guard isAuthorized(request) else { return refuse(401, "invalid_api_key", "Incorrect API key provided.") }
    let document: JSONDocument
    do { document = try await request.json() } catch let problem as Problem {
      return refuse(Int(problem.status.code), "invalid_request_error", problem.detail)
    }
    counts.record(
      MockCounts.Last(
        path: dialect.path, trace: request.trace.traceIDText, headers: request.headers, body: document.bytes))
    guard let body = MockRequest(document.root, dialect) else {
      return refuse(400, "invalid_request_error", "'model' must be a string, and there must be something to answer.")
    }
    let script = scripts.script(for: body)
    try await script.pace.beforeFirst()
    if script.fault == .hang { try await EventLoop.sleep(for: MockRoutes.hangTime) }
    if script.status != 0 {
      let message = script.errorMessage
      return refuse(
        script.status, script.errorCode,
        message.isEmpty ? "The script answers with status \(script.status)." : message,
        retryAfter: script.retryAfterSeconds)
    }
    let answer = MockAnswer(to: body, script)
    return body.wantsStream && dialect != .embeddings
      ? MockStream(dialect: dialect, request: body, script: script, answer: answer, counts: counts).response
      : whole(body, script, answer)
  }

  private func whole(_ request: MockRequest, _ script: MockScript, _ answer: MockAnswer) -> HTTPResponse {
    let bytes: [UInt8] =
      switch request.dialect {
      case .chat: MockChatWriter(answer: answer).whole()
      case .messages: MockMessageWriter(answer: answer).whole()
      case .responses: MockResponseWriter(answer: answer).whole()
      case .embeddings: MockEmbeddingWriter(request: request, answer: answer).whole()
      }
    switch script.fault {
    case .garbage:
      var response = HTTPResponse(.ok, body: .bytes(Array("<html><body>Welcome to the proxy</body></html>".utf8)))
      response.headers.append(.contentType, "text/html")
      return response
    case .errorBody:
      return .json(.ok, MockError.body(request.dialect, 500, "server_error", "It failed, but said that all is well."))
    case .cut:
      counts.broken.add(1, ordering: .relaxed)
      var response = HTTPResponse(
        .ok,
        body: .stream(length: UInt64(bytes.count)) { body in
          defer { counts.running.subtract(1, ordering: .relaxed) }
          try await body.write(Array(bytes.prefix(bytes.count / 2)))
          throw ScriptedDisconnect()
        })
      response.headers.append(.contentType, "application/json")
      return response
    default:
      counts.settle(answer, output: request.dialect != .embeddings)
      return .json(.ok, bytes)
    }
  }
}

/// Ends a connection in the middle of an answer.
struct ScriptedDisconnect: Error {}
