import Contracts
import GatewayForwarding
import HTTPWire
import JSON
import Testing

@Suite struct PublicAPITests {
  private func headers(_ names: [String]) -> HTTPHeaders {
    var headers = HTTPHeaders()
    for name in names { headers.append(name, "x") }
    return headers
  }

  @Test(arguments: [
    ("/chat/completions", "must end with /v1", ClientDialect.openAI),
    ("/responses", "must end with /v1", .openAI), ("/models", "must end with /v1", .openAI),
    ("/messages", "must end with /v1", .anthropic), ("/v1/v1/messages", "/v1 twice", .anthropic),
    ("/v1/v1/chat/completions", "/v1 twice", .openAI), ("//v1//chat/completions", "a slash too many", .openAI),
    ("/v1/chat/completions/", "a slash too many", .openAI), ("/openai/v1/responses", "/v1/responses is", .openAI),
    ("/openai/deployments/x/chat/completions", "/v1/chat/completions is", .openAI),
    ("/anthropic/v1/messages", "/v1/messages is", .anthropic),
    ("/api/v1/chat/completions", "/v1/chat/completions is", .openAI),
    ("/v1/batches/b_1", "Batches are not offered", .openAI),
    ("/v1/images/generations", "Images are not offered", .openAI),
    ("/v1/audio/speech", "Audio is not offered", .openAI),
    ("/v1/messages/batches", "Batches are not offered", .anthropic), ("/v1/complete", "not offered", .anthropic),
    ("/v1/conversations/c/items", "Conversations are not offered", .openAI),
    ("/files", "must end with /v1", .openAI),
    ("/completions", "must end with /v1", .openAI), ("/v1/what/ever", "Nothing is offered", .openAI),
    ("/v1", "Nothing is offered", .openAI),
  ])
  func `the answer at a wrong address names the right one`(path: String, words: String, dialect: ClientDialect) {
    #expect(AddressAdvice.unknown(path).contains(words), "\(AddressAdvice.unknown(path))")
    #expect(ClientDialect(path: path, headers: HTTPHeaders()) == dialect)
  }

  @Test func `headers decide the dialect where the path does not`() {
    #expect(ClientDialect(path: "/v1/files", headers: headers(["anthropic-version"])) == .anthropic)
    #expect(ClientDialect(path: "/v1/models", headers: headers(["x-api-key"])) == .anthropic)
    #expect(ClientDialect(path: "/v1/models", headers: headers(["x-api-key", "authorization"])) == .openAI)
    #expect(ClientDialect(path: "/v1/chat/completions", headers: headers(["anthropic-version"])) == .openAI)
    #expect(ClientDialect(path: "/api/v1/tasks", headers: headers(["anthropic-version"])) == nil)
    #expect(ClientDialect(path: "/healthz", headers: HTTPHeaders()) == nil)
    // Ends as an address for models does, and is one of Cadre's own.
    #expect(ClientDialect(path: "/api/v1/models", headers: HTTPHeaders()) == nil)
    #expect(ClientDialect(path: "/api/v1/providers/p/models/messages", headers: HTTPHeaders()) == nil)
  }

  @Test func `errors have the shape of their dialect`() throws {
    let openAI = try JSONDocument(
      parsing: ClientDialect.openAI.body(status: 404, code: "no_such_address", message: "m", requestID: "r")
    ).root
    #expect(openAI["error"]?["type"]?.string == "invalid_request_error")
    #expect(openAI["error"]?["code"]?.string == "no_such_address")
    let anthropic = try JSONDocument(
      parsing: ClientDialect.anthropic.body(status: 404, code: "no_such_address", message: "m", requestID: "r")
    ).root
    #expect(anthropic["type"]?.string == "error" && anthropic["request_id"]?.string == "r")
    #expect(anthropic["error"]?["type"]?.string == "not_found_error")
    for status in [400, 401, 403, 404, 405, 413, 415, 422, 501, 504] {
      #expect(!ClientDialect.shouldRetry(status: status))
    }
    for status in [408, 429, 502, 503, 529] { #expect(ClientDialect.shouldRetry(status: status)) }
  }

  @Test func `only what promises it is repeated`() {
    for route in Routes.forwarded {
      let name = "\(route.method) \(route.pattern)"
      let plain = route.repetition.allows(route.method, hasKey: false, hasCondition: false)
      let keyed = route.repetition.allows(route.method, hasKey: true, hasCondition: false)
      let guarded = route.repetition.allows(route.method, hasKey: true, hasCondition: true)
      switch (route.method, route.pattern) {
      // The same source is the same version of a tool.
      case (.post, "/api/v1/tasks"), (.post, "/api/v1/tools"),
        // Sealed again under the same key it is the same.
        (.post, "/operator/v1/mcp-servers/secrets/rotation"):
        #expect(plain && keyed, "\(name)")
      case (.post, "/api/v1/runs/{id}/fork"), (.post, "/api/v1/runs/{id}/retry"), (.post, "/api/v1/runs/{id}/signals"),
        (.post, "/api/v1/artefacts"), (.post, "/api/v1/memories"):
        #expect(!plain && keyed, "\(name)")
      case (.post, _), (.patch, _): #expect(!plain && !keyed, "\(name)")
      default: #expect(plain && keyed && !guarded, "\(name)")
      }
    }
    #expect(Set(Routes.forwarded.map { "\($0.method) \($0.pattern)" }).count == Routes.forwarded.count)
    #expect(Routes.forwarded.count > 70)
  }
}
