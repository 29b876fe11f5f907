import Contracts
import HTTP
import HTTPWire
import Testing

@Suite struct ForwardingTests {
  private static func run(
    _ upstream: FakeUpstream, timeout: Duration = .seconds(10),
    _ body: @escaping @Sendable (GatewayFixture) async throws -> Void
  ) async throws {
    upstream.start()
    defer { upstream.stop() }
    try await GatewayFixture.run(before: [upstream.port], timeout: timeout, body)
  }

  private static func field(_ name: String, of request: String?) -> String? {
    request?.split(separator: "\r\n").first { $0.lowercased().hasPrefix(name + ":") }
      .map { String($0.dropFirst(name.utf8.count + 1).drop { $0 == " " }) }
  }

  @Test func `a request arrives with its path, its query and its body, and the answer comes back`() async throws {
    let upstream = try FakeUpstream(answering: FakeUpstream.answer("done", status: "201 Created", "X-Thing: 1\r\n"))
    try await Self.run(upstream) { gateway in
      let answer = try await gateway.send(
        .post, "/api/v1/workflows?a=%20b", .bytes(Array("{\"x\":1}".utf8)),
        headers: [("content-type", "application/json")])
      #expect(answer.status == 201 && answer.body == "done" && answer.headers["x-thing"] == "1")
      #expect(answer.headers["x-content-type-options"] == "nosniff")
      let request = try #require(upstream.requests.first)
      #expect(request.hasPrefix("POST /api/v1/workflows?a=%20b HTTP/1.1\r\n"))
      #expect(request.hasSuffix("\r\n\r\n{\"x\":1}"))
      #expect(Self.field("content-type", of: request) == "application/json")
    }
  }

  @Test func `credentials and fields of our own are removed, and an assertion takes their place`() async throws {
    let upstream = try FakeUpstream()
    try await Self.run(upstream) { gateway in
      _ = try await gateway.send(
        .get, "/v1/models",
        headers: [
          ("x-cadre-tenant", "tenant_00000000000070008000000000000009"), ("X-Cadre-Assertion", "forged"),
          ("x-cadre-operator", "1"), ("x-cadre-project", "mine"), ("cookie", "a=b"), ("x-api-key", "other"),
          ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"), ("x-kept", "yes"),
        ])
      let request = try #require(upstream.requests.first)
      for gone in ["authorization", "x-api-key", "cookie", "x-cadre-tenant", "x-cadre-operator"] {
        #expect(Self.field(gone, of: request) == nil, "\(gone)")
      }
      #expect(!request.contains("forged") && !request.contains(GatewayFixture.key))
      #expect(Self.field("x-kept", of: request) == "yes")
      // A label gives no rights.
      #expect(Self.field("x-cadre-project", of: request) == "mine")
      #expect(Self.field("x-cadre-assertion", of: request)?.isEmpty == false)
      // Who records nothing hands on its caller's place in the trace, once.
      #expect(
        Self.field("traceparent", of: request) == "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
      #expect(request.split(separator: "traceparent").count == 2)
    }
  }

  @Test func `a virtual key is forwarded without an assertion, at addresses of models only`() async throws {
    let upstream = try FakeUpstream()
    try await Self.run(upstream) { gateway in
      _ = try await gateway.send(.get, "/v1/models", key: "cadre_vk_abc")
      #expect(Self.field("x-api-key", of: upstream.requests.first) == "cadre_vk_abc")
      #expect(Self.field("x-cadre-assertion", of: upstream.requests.first) == nil)
      #expect(try await gateway.send(.get, "/api/v1/tasks", key: "cadre_vk_abc").status == 401)
      #expect(upstream.requests.count == 1)
    }
  }

  @Test func `nobody without a key gets behind the gateway`() async throws {
    let upstream = try FakeUpstream()
    try await Self.run(upstream) { gateway in
      for path in ["/api/v1/tasks", "/v1/models"] {
        for key in [nil, "", "wrong", String(repeating: "k", count: 600)] {
          let answer = try await gateway.send(.get, path, key: key)
          #expect(answer.status == 401 && answer.headers["www-authenticate"] != nil, "\(path)")
        }
      }
      for path in ["/worker/v1/leases", "/worker/v1/results", "/metrics"] {
        #expect(try await gateway.send(.get, path).status == 404)
      }
      #expect(upstream.requests.isEmpty)
    }
  }

  @Test(
    arguments: [
      (.get, "/api/v1/tasks", nil, true), (.delete, "/api/v1/tasks/task_1", nil, true),
      (.delete, "/api/v1/tasks/task_1", ("if-match", "\"1\""), false), (.post, "/api/v1/tasks", nil, true),
      (.post, "/api/v1/workflows", nil, false), (.post, "/api/v1/workflows", ("idempotency-key", "k"), false),
      (.post, "/api/v1/runs/run_1/signals", nil, false),
      (.post, "/api/v1/runs/run_1/signals", ("idempotency-key", "k"), true),
      (.patch, "/api/v1/tasks/task_1", nil, false), (.post, "/v1/chat/completions", nil, false),
    ] as [(HTTPMethod, String, (String, String)?, Bool)])
  func `a request whose connection breaks is sent again where that does nothing more`(
    method: HTTPMethod, path: String, header: (String, String)?, isRepeated: Bool
  ) async throws {
    let upstream = try FakeUpstream(dropping: 1)
    try await Self.run(upstream) { gateway in
      let body = method == .get || method == .delete ? [] : Array("{}".utf8)
      let answer = try await gateway.send(
        method, path, body.isEmpty ? .none : .bytes(body), headers: header.map { [$0] } ?? [])
      #expect(upstream.requests.count == (isRepeated ? 2 : 1))
      #expect(answer.status == (isRepeated ? 200 : 502), "\(answer.body)")
      if !isRepeated, path.hasPrefix("/api/") { #expect(answer.body.contains("upstream_failed")) }
      guard isRepeated, upstream.requests.count == 2 else { return }
      let names = upstream.requests.map { Self.field(InternalHeader.newRun, of: $0) }
      #expect(names[0] == names[1], "both submissions make the same run")
      #expect((names[0] != nil) == (path == "/api/v1/tasks" && method == .post))
      #expect(upstream.requests.allSatisfy { $0.hasSuffix("\r\n\r\n" + String(decoding: body, as: UTF8.self)) })
    }
  }

  @Test func `a body that flows through is not sent again`() async throws {
    let upstream = try FakeUpstream(dropping: 1)
    try await Self.run(upstream) { gateway in
      let large = [UInt8](repeating: UInt8(ascii: "x"), count: 400 << 10)
      let answer = try await gateway.send(.post, "/api/v1/tasks", .bytes(large))
      #expect(answer.status == 502 && upstream.requests.count == 1)
    }
  }

  @Test func `bodies of every size arrive whole`() async throws {
    let upstream = try FakeUpstream()
    try await Self.run(upstream) { gateway in
      for count in [1, 65_536, 256 << 10, (256 << 10) + 1, 1 << 20] {
        let body = [UInt8](repeating: UInt8(ascii: "y"), count: count)
        let answer = try await gateway.send(.post, "/api/v1/tasks", .bytes(body))
        #expect(answer.status == 200)
        #expect(upstream.requests.last?.filter { $0 == "y" }.count ?? 0 >= count)
      }
    }
  }

  @Test func `a body beyond the limit of its address does not reach the service`() async throws {
    let upstream = try FakeUpstream()
    try await Self.run(upstream) { gateway in
      let body = [UInt8](repeating: UInt8(ascii: "x"), count: 4097)
      let answer = try await gateway.send(.post, "/api/v1/runs/run_1/pause", .bytes(body))
      #expect(answer.status == 413 && answer.body.contains("body_too_large"))
      #expect(upstream.requests.isEmpty)
    }
  }

  @Test func `a service that cannot be reached, or is silent, is a problem with a way out`() async throws {
    let gone = try FakeUpstream()
    gone.start()
    gone.stop()
    try await GatewayFixture.run(before: [gone.port]) { gateway in
      let answer = try await gateway.send(.post, "/api/v1/workflows", .bytes(Array("{}".utf8)))
      #expect([502, 503].contains(answer.status) && answer.headers["retry-after"] == "1", "\(answer.body)")
    }
    // Listens, and never takes the connection up.
    let silent = try FakeUpstream()
    try await GatewayFixture.run(before: [silent.port], timeout: .milliseconds(200)) { gateway in
      let answer = try await gateway.send(.post, "/api/v1/workflows", .bytes(Array("{}".utf8)))
      #expect(answer.status == 504 && answer.body.contains("upstream_timeout"))
      let model = try await gateway.send(.post, "/v1/messages", .bytes(Array("{}".utf8)))
      #expect(model.status == 504 && model.body.contains("timeout_error"))
    }
  }

  @Test func `problems of a service have the shape of the client at addresses of models`() async throws {
    let problem = #"{"status":503,"code":"starting","detail":"The service is starting."}"#
    let upstream = try FakeUpstream(
      answering: FakeUpstream.answer(
        problem, status: "503 Service Unavailable", "Content-Type: application/problem+json\r\nRetry-After: 1\r\n"))
    try await Self.run(upstream) { gateway in
      let model = try await gateway.send(.post, "/v1/chat/completions", .bytes(Array("{}".utf8)))
      #expect(model.status == 503 && model.body.contains("\"error\":{\"type\":\"server_error\""))
      #expect(model.headers["retry-after"] == "1" && model.headers["x-should-retry"] == "true")
      let own = try await gateway.send(.get, "/api/v1/tasks")
      #expect(own.status == 503 && own.body == problem)
    }
  }
}
