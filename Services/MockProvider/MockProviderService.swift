internal import HTTP
internal import HTTPWire
internal import JSON
internal import Primitives
internal import Reactor
internal import ServiceKit
internal import Settings
internal import Synchronization
internal import Telemetry

/// A model provider that speaks the wire formats of OpenAI and Anthropic and answers by script: for tests,
/// demonstrations and load.
@main
final class MockProviderService: Service {
  static let program = ProgramDescription(
    name: "mock-provider",
    summary: "Answers model calls of OpenAI's and Anthropic's clients by script, with latency, streaming and faults.",
    version: CadreVersion.current)
  static let defaultPort = 8084

  static let key = Setting(
    "provider.key", .secret, default: Secret(""),
    "Key that callers must show as a bearer token or x-api-key; empty accepts all.")
  static let latency = Setting(
    "provider.latency_ms", .milliseconds(in: 0...600_000), default: .zero,
    "Time before the first byte when no script says otherwise.")
  static let scripts = Setting(
    "scripts", .list(of: MockScript.type), default: [], "Replies by matching text, the first match counts.")
  static let settings: [any SettingDeclaration] = [key, latency, scripts]

  private static let requestBytesMax = 32 << 20
  private static let scriptBytesMax = 1 << 20

  private let key: String
  private let book: ScriptBook
  private let counts = MockCounts()

  init(_ context: ServiceContext) throws {
    key = context.settings[MockProviderService.key].reveal()
    book = ScriptBook(
      context.settings[MockProviderService.scripts],
      standard: .standard(latency: context.settings[MockProviderService.latency]))
    let counts = counts
    context.telemetry.registry.observeCounter(
      "cadre_mock_calls_total", help: "Calls answered or refused by the mock provider."
    ) { Double(counts.calls.load(ordering: .relaxed)) }
  }

  func route(_ router: inout Router) {
    let options = RouteOptions(bodyBytesMax: MockProviderService.requestBytesMax, cancelsOnDisconnect: true)
    for dialect in MockDialect.allCases {
      router.on(.post, dialect.path, options) { [self] request in try await answer(request, dialect) }
    }
    router.on(.post, "/v1/messages/count_tokens", options) { [self] request in
      guard let asked = MockRequest(try await request.json().root, .messages), isWelcome(request) else {
        return MockError.response(.messages, 400, "invalid_request_error", "'model' and 'messages' are needed.")
      }
      return .json { $0.member("input_tokens", asked.inputTokens) }
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
    control(&router)
  }

  /// How tests steer the mock and what they ask it.
  private func control(_ router: inout Router) {
    router.on(.get, "/mock/usage") { [counts] _ in .json { counts.write(to: &$0) } }
    router.on(.post, "/mock/reset") { [counts] _ in
      counts.reset()
      return HTTPResponse(.noContent)
    }
    router.on(.put, "/mock/scripts", RouteOptions(bodyBytesMax: MockProviderService.scriptBytesMax)) { [book] request in
      let bytes = try await request.body.collect()
      do { book.replace(try ScriptBook.read(bytes)) } catch {
        throw Problem(.badRequest, code: "bad_scripts", "\(error)")
      }
      return HTTPResponse(.noContent)
    }
    router.on(.get, "/mock/last") { [counts] _ in
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

  private func isWelcome(_ request: HTTPRequest) -> Bool {
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
    guard isWelcome(request) else { return refuse(401, "invalid_api_key", "Incorrect API key provided.") }
    let document: JSONDocument
    do { document = try await request.json() } catch let problem as Problem {
      return refuse(Int(problem.status.code), "invalid_request_error", problem.detail)
    }
    remember(request, dialect, document)
    guard let asked = MockRequest(document.root, dialect) else {
      return refuse(400, "invalid_request_error", "'model' must be a string, and there must be something to answer.")
    }
    let script = book.script(for: asked)
    try await script.pace.beforeFirst()
    if script.fault == .hang { try await EventLoop.sleep(for: .seconds(3600)) }
    if script.status != 0 {
      let said = script.errorMessage
      return refuse(
        script.status, script.errorCode, said.isEmpty ? "The script answers with status \(script.status)." : said,
        retryAfter: script.retryAfterSeconds)
    }
    let answer = MockAnswer(to: asked, script)
    return asked.wantsStream && dialect != .embeddings
      ? MockStream(dialect: dialect, asked: asked, script: script, answer: answer, counts: counts).response
      : whole(asked, script, answer)
  }

  private func remember(_ request: HTTPRequest, _ dialect: MockDialect, _ document: JSONDocument) {
    counts.last.withLock { last in
      last = MockCounts.Last(
        path: dialect.path, trace: request.trace.traceIDText, headers: request.headers, body: document.bytes)
    }
  }

  private func whole(_ asked: MockRequest, _ script: MockScript, _ answer: MockAnswer) -> HTTPResponse {
    let bytes: [UInt8] =
      switch asked.dialect {
      case .chat: ChatWriter(answer: answer).whole()
      case .messages: MessageWriter(answer: answer).whole()
      case .responses: ResponseWriter(answer: answer).whole()
      case .embeddings: EmbeddingWriter(asked: asked, answer: answer).whole()
      }
    switch script.fault {
    case .garbage:
      var response = HTTPResponse(.ok, body: .bytes(Array("<html><body>Welcome to the proxy</body></html>".utf8)))
      response.headers.append(.contentType, "text/html")
      return response
    case .errorBody:
      return .json(.ok, MockError.body(asked.dialect, 500, "server_error", "It failed, but said that all is well."))
    case .cut:
      counts.broken.add(1, ordering: .relaxed)
      var response = HTTPResponse(
        .ok,
        body: .stream(length: UInt64(bytes.count)) { [counts] body in
          defer { counts.running.subtract(1, ordering: .relaxed) }
          try await body.write(Array(bytes.prefix(bytes.count / 2)))
          throw MockCut()
        })
      response.headers.append(.contentType, "application/json")
      return response
    default:
      counts.settle(answer, output: asked.dialect != .embeddings)
      return .json(.ok, bytes)
    }
  }
}

/// Ends a connection in the midst of an answer.
struct MockCut: Error {}
