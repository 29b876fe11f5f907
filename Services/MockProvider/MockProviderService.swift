internal import HTTP
internal import HTTPWire
internal import JSON
internal import Primitives
internal import Reactor
internal import ServiceKit
internal import Settings
internal import Synchronization
internal import Telemetry

/// A model provider that speaks the OpenAI wire format and answers by script: for tests, demonstrations and load.
@main
final class MockProviderService: Service {
  static let program = ProgramDescription(
    name: "mock-provider", summary: "Answers chat completions by script, with latency, streaming and faults.",
    version: CadreVersion.current)
  static let defaultPort = 8084

  static let key = Setting(
    "provider.key", .secret, default: Secret(""), "Key that callers must show as a bearer token; empty accepts all.")
  static let latency = Setting(
    "provider.latency_ms", .milliseconds(in: 0...600_000), default: .zero,
    "Time before the first byte when no script says otherwise.")
  static let scripts = Setting(
    "scripts", .list(of: MockScript.type), default: [], "Replies by matching text, the first match counts.")
  static let settings: [any SettingDeclaration] = [key, latency, scripts]

  private let key: String
  private let scripts: [MockScript]
  private let standard: MockScript
  private let counts = MockCounts()

  init(_ context: ServiceContext) throws {
    key = context.settings[MockProviderService.key].reveal()
    scripts = context.settings[MockProviderService.scripts]
    standard = .standard(latency: context.settings[MockProviderService.latency])
    let counts = counts
    context.telemetry.registry.observeCounter(
      "cadre_mock_calls_total", help: "Calls answered or refused by the mock provider."
    ) { Double(counts.calls.load(ordering: .relaxed)) }
  }

  func route(_ router: inout Router) {
    router.on(.post, "/v1/chat/completions", RouteOptions(bodyBytesMax: 32 << 20, cancelsOnDisconnect: true)) {
      [self] request in try await complete(request)
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
    // What it has counted itself: the independent witness of tests.
    router.on(.get, "/mock/usage") { [counts] _ in
      .json { writer in
        writer.member("calls", Int64(counts.calls.load(ordering: .relaxed)))
        writer.member("input_tokens", Int64(counts.inputTokens.load(ordering: .relaxed)))
        writer.member("output_tokens", Int64(counts.outputTokens.load(ordering: .relaxed)))
        writer.member("last_trace_id", orNull: counts.lastTrace.withLock { $0 })
      }
    }
  }

  private func complete(_ request: HTTPRequest) async throws -> HTTPResponse {
    counts.calls.add(1, ordering: .relaxed)
    counts.lastTrace.withLock { $0 = request.trace.traceIDText }
    if !key.isEmpty, request.headers[.authorization] != "Bearer \(key)" {
      return MockReply.error(401, "invalid_api_key", "Incorrect API key provided.")
    }
    let document: JSONDocument
    do { document = try await request.json() } catch let problem as Problem {
      return MockReply.error(Int(problem.status.code), "invalid_request_error", problem.detail)
    }
    guard let asked = MockRequest(document.root) else {
      return MockReply.error(
        400, "invalid_request_error", "'messages' must be a list of messages and 'model' a string.")
    }
    let script = scripts.first { $0.match.isEmpty || asked.lastText.contains($0.match) } ?? standard
    if script.latency > .zero { try await EventLoop.sleep(for: script.latency) }
    if script.status != 0 {
      return MockReply.error(script.status, "scripted_error", "The script answers with status \(script.status).")
    }
    let reply = MockReply(to: asked, script)
    counts.inputTokens.add(Int(reply.inputTokens), ordering: .relaxed)
    counts.outputTokens.add(Int(reply.outputTokens), ordering: .relaxed)
    return asked.wantsStream ? reply.stream(script.pieceDelay, withUsage: asked.wantsUsage) : reply.whole()
  }
}

/// What was counted since the start.
private final class MockCounts: Sendable {
  let calls = Atomic<Int>(0)
  let inputTokens = Atomic<Int>(0)
  let outputTokens = Atomic<Int>(0)
  let lastTrace = Mutex<String?>(nil)
}

/// The parts of a request that matter here.
struct MockRequest {
  let model: String
  let lastText: String
  let hasToolResult: Bool
  let wantsStream: Bool
  let wantsUsage: Bool
  let inputTokens: Int64
  let outputTokensMax: Int64?

  init?(_ root: JSONView) {
    guard let model = root["model"]?.string, let messages = root["messages"], messages.kind == .array,
      messages.count > 0
    else { return nil }
    self.model = model
    var bytes = 0
    var last = ""
    var toolResult = false
    for message in messages.elements {
      guard let role = message["role"]?.string else { return nil }
      let text = MockRequest.text(message["content"])
      bytes += text.utf8.count
      if role == "user" {
        last = text
        toolResult = false
      } else if role == "tool" {
        toolResult = true
      }
    }
    lastText = last
    hasToolResult = toolResult
    wantsStream = root["stream"]?.bool ?? false
    wantsUsage = root["stream_options"]?["include_usage"]?.bool ?? false
    outputTokensMax = root["max_completion_tokens"]?.int ?? root["max_tokens"]?.int
    // Four bytes a token and four tokens a message: near enough for a mock, and always the same.
    inputTokens = Int64(bytes / 4 + messages.count * 4)
  }

  private static func text(_ content: JSONView?) -> String {
    guard let content else { return "" }
    if let text = content.string { return text }
    return content.elements.compactMap { $0["text"]?.string }.joined(separator: "\n")
  }
}
