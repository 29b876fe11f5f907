import Contracts
import GatewayRequests
import HTTP
import HTTPWire
import Reactor
import ReactorTestKit
import Synchronization
import Telemetry
import Testing

/// Answers that are being sent end with the right to read them.
@Suite struct OpenAnswersTests {
  /// Who reads is the value of a header; what becomes of each is set by the test.
  private final class Rights: RequestAuthenticating, AccessDeciding {
    private let state = Mutex<
      (
        gone: [String: Problem], denied: [String: Int], isUndecided: Bool, renamed: Set<String>, demoted: Set<String>
      )
    >(
      ([:], [:], false, [], []))
    private let looks = Mutex<[String: Int]>([:])
    private let changes = Mutex<(begun: Int, made: Int)>((0, 0))

    var begun: Int { changes.withLock { $0.begun } }
    var made: Int { changes.withLock { $0.made } }
    func begin() { changes.withLock { $0.begun += 1 } }
    func make() { changes.withLock { $0.made += 1 } }

    func take(_ name: String, _ problem: Problem) { state.withLock { $0.gone[name] = problem } }
    func deny(_ name: String, times: Int, isUndecided: Bool = false) {
      state.withLock {
        $0.denied[name] = times
        $0.isUndecided = isUndecided
      }
    }
    func rename(_ name: String) { state.withLock { _ = $0.renamed.insert(name) } }
    func demote(_ name: String) { state.withLock { _ = $0.demoted.insert(name) } }
    func looks(at name: String) -> Int { looks.withLock { $0[name, default: 0] } }

    func identity(of request: HTTPRequest, for route: RouteSpecification) async throws(Problem) -> Identity {
      let name = request.headers["x-who"] ?? "nobody"
      let shown = request.headers[.authorization] ?? ""
      let (problem, isRenamed, isDemoted) = state.withLock {
        ($0.gone[name] ?? $0.gone[shown], $0.renamed.contains(name), $0.demoted.contains(name))
      }
      if let problem { throw problem }
      return Identity(
        kind: name == "virtual" ? .virtualKey : .apiKey, caller: nil, role: isDemoted ? .viewer : .member,
        subject: isRenamed ? "other" : name, credential: "key_\(name)", grants: .ofTenant)
    }

    func recheck(_ request: HTTPRequest, for route: RouteSpecification) async throws(Problem) -> Identity {
      looks.withLock { $0[request.headers["x-who"] ?? "", default: 0] += 1 }
      return try await identity(of: request, for: route)
    }

    func decide(
      _ identity: Identity, _ request: HTTPRequest, at route: RouteSpecification
    ) async -> AccessDecision {
      let (isDenied, isUndecided) = state.withLock { state in
        guard let times = state.denied[identity.subject], times > 0 else { return (false, false) }
        state.denied[identity.subject] = times - 1
        return (true, state.isUndecided)
      }
      return AccessDecision(isAllowed: !isDenied, isUndecided: isUndecided)
    }
  }

  private static let stream = "/api/v1/runs/run_1/events"
  private static let short = "/api/v1/runs"

  private struct Gateway: Sendable {
    let rights: Rights
    let open: OpenAnswers
    let client: HTTPClient
    let port: Int

    func read(_ path: String, as name: String, showing text: String? = nil, _ method: HTTPMethod = .get) async throws
      -> HTTPClientResponse
    {
      var headers = HTTPHeaders()
      if let text { headers.append(.authorization, text) }
      headers.append("x-who", name)
      return try await client.send(
        HTTPClientRequest(
          method, try HTTPURL("http://127.0.0.1:\(port)\(path)"), headers: headers, timeout: .seconds(120)),
        peer: "gateway")
    }
  }

  /// What a request began with counts for ever, or not at all.
  private static func run(
    isFresh: Bool = true, _ body: @escaping @Sendable (Gateway) async throws -> Void
  ) async throws {
    let group = EventLoopGroup(count: 2)
    let client = HTTPClient(group: group, telemetry: .disabled())
    let rights = Rights()
    let open = OpenAnswers(authenticator: rights, access: rights, audit: nil, telemetry: .disabled())
    let pipeline = RequestPipeline(
      authenticator: rights, access: rights, open: open, rightIsFreshNanoseconds: isFresh ? .max : 0)
    var router = Router()
    let stream = try #require(Routes.forwarded.first { $0.description == "GET /api/v1/runs/{id}/events" })
    pipeline.add(stream, to: &router) { _, _ in
      .events { writer in
        try await writer.send(ServerSentEvent(event: "first", data: Array("1".utf8)))
        // As a run that goes on for hours.
        while true { try await EventLoop.sleep(for: .seconds(3600)) }
      }
    }
    let change = try #require(Routes.forwarded.first { $0.description == "POST /api/v1/projects" })
    pipeline.add(change, to: &router) { _, _ in
      .events { writer in
        try await writer.send(ServerSentEvent(event: "first", data: Array("1".utf8)))
        while true { try await EventLoop.sleep(for: .seconds(3600)) }
      }
    }
    let socket = try #require(Routes.forwarded.first { $0.description == "GET /api/v1/projects" })
    pipeline.add(socket, to: &router) { _, _ in
      HTTPResponse(.switchingProtocols, body: .upgrade { _ in try? await EventLoop.sleep(for: .seconds(3600)) })
    }
    let short = try #require(Routes.forwarded.first { $0.description == "GET /api/v1/runs" })
    pipeline.add(short, to: &router) { _, _ in
      HTTPResponse(.ok, body: .stream(length: nil) { try await $0.write(Array("whole".utf8)) })
    }
    try addChanges(to: &router, pipeline, rights)
    let server = HTTPServer(
      group: group, configuration: HTTPServerConfiguration(address: .host("127.0.0.1", port: 0)), router: router,
      telemetry: .disabled())
    let gateway = Gateway(rights: rights, open: open, client: client, port: try await server.start())
    let result = await group.loops[0].task { try await body(gateway) }.result
    await client.close(group: group)
    await server.stop(grace: .milliseconds(100))
    group.stop()
    try result.get()
  }

  /// Changes that read their body whole or by pieces, and one whose maker loses its right by it.
  private static func addChanges(to router: inout Router, _ pipeline: RequestPipeline, _ rights: Rights) throws {
    for (name, readsWhole) in [("POST /api/v1/tasks", true), ("POST /api/v1/artefacts", false)] {
      let route = try #require(Routes.forwarded.first { $0.description == name })
      pipeline.add(route, to: &router) { request, _ in
        rights.begin()
        if readsWhole { _ = try await request.body.collect() }
        while try await request.body.next() != nil {}
        rights.make()
        return .text(.ok, "made")
      }
    }
    for name in ["POST /api/v1/schedules", "GET /api/v1/tasks", "POST /v1/chat/completions"] {
      let route = try #require(Routes.forwarded.first { $0.description == name })
      pipeline.add(route, to: &router) { request, identity in
        rights.take(identity.subject, Problem(.unauthorized))
        return .text(.ok, "made")
      }
    }
  }

  /// Whether an answer ends broken off, and not by its last chunk.
  private static func isBroken(_ answer: HTTPClientResponse) async -> Bool {
    do {
      while try await answer.body.next() != nil {}
      return false
    } catch {
      // That the client has waited for long enough is no end.
      return (error as? HTTPClientError)?.code != .timedOut
    }
  }

  @Test func `a revoked credential ends its streams, and no others`() async throws {
    try await Self.run { gateway in
      let (one, two) = (try await gateway.read(Self.stream, as: "a"), try await gateway.read(Self.stream, as: "a"))
      let other = try await gateway.read(Self.stream, as: "b")
      for answer in [one, two, other] { #expect(try await answer.body.next() != nil) }
      await gateway.open.look()
      // Readers with the same right are looked at once.
      #expect(gateway.rights.looks(at: "a") == 1 && gateway.rights.looks(at: "b") == 1)
      gateway.rights.take("a", Problem(.unauthorized))
      await gateway.open.look()
      #expect(await Self.isBroken(one))
      #expect(await Self.isBroken(two))
      await gateway.open.look()
      #expect(gateway.rights.looks(at: "a") == 2)
      #expect(gateway.rights.looks(at: "b") == 3)
    }
  }

  @Test func `of two texts that stand for the same, each ends its own streams`() async throws {
    try await Self.run { gateway in
      let old = try await gateway.read(Self.stream, as: "a", showing: "Bearer old")
      let new = try await gateway.read(Self.stream, as: "a", showing: "Bearer new")
      for answer in [old, new] { #expect(try await answer.body.next() != nil) }
      gateway.rights.take("Bearer old", Problem(.unauthorized))
      await gateway.open.look()
      #expect(await Self.isBroken(old))
      await gateway.open.look()
      #expect(gateway.rights.looks(at: "a") == 3)
      gateway.rights.take("Bearer new", Problem(.unauthorized))
      await gateway.open.look()
      #expect(await Self.isBroken(new))
    }
  }

  @Test func `while nobody can say, whoever was let in reads on`() async throws {
    try await Self.run { gateway in
      let answer = try await gateway.read(Self.stream, as: "a")
      #expect(try await answer.body.next() != nil)
      gateway.rights.take("a", Problem(.storageUnavailable))
      for _ in 0..<3 { await gateway.open.look() }
      #expect(gateway.rights.looks(at: "a") == 3)
      gateway.rights.take("a", Problem(.tenantNotActive))
      await gateway.open.look()
      #expect(await Self.isBroken(answer))
    }
  }

  @Test func `the policies end a stream when they refuse twice in a row`() async throws {
    try await Self.run { gateway in
      let answer = try await gateway.read(Self.stream, as: "a")
      #expect(try await answer.body.next() != nil)
      for _ in 0..<2 {
        gateway.rights.deny("a", times: 1)
        await gateway.open.look()
        await gateway.open.look()
      }
      #expect(gateway.rights.looks(at: "a") == 4)
      gateway.rights.deny("a", times: 2)
      await gateway.open.look()
      await gateway.open.look()
      #expect(await Self.isBroken(answer))
    }
  }

  @Test func `so do policies that nobody can ask twice in a row`() async throws {
    try await Self.run { gateway in
      let answer = try await gateway.read(Self.stream, as: "a")
      #expect(try await answer.body.next() != nil)
      gateway.rights.deny("a", times: 1, isUndecided: true)
      for _ in 0..<2 { await gateway.open.look() }
      #expect(gateway.rights.looks(at: "a") == 2)
      gateway.rights.deny("a", times: 2, isUndecided: true)
      for _ in 0..<2 { await gateway.open.look() }
      #expect(await Self.isBroken(answer))
    }
  }

  @Test func `a credential that stands for somebody else ends them too`() async throws {
    try await Self.run { gateway in
      let answer = try await gateway.read(Self.stream, as: "a")
      #expect(try await answer.body.next() != nil)
      gateway.rights.rename("a")
      await gateway.open.look()
      #expect(await Self.isBroken(answer))
    }
  }

  @Test func `who may only read now reads no answer to a change, whatever the policies say`() async throws {
    try await Self.run { gateway in
      let (change, other) = (
        try await gateway.read("/api/v1/projects", as: "a", .post), try await gateway.read(Self.stream, as: "a")
      )
      for answer in [change, other] { #expect(try await answer.body.next() != nil) }
      gateway.rights.demote("a")
      await gateway.open.look()
      #expect(await Self.isBroken(change))
      // What is for readers goes on.
      await gateway.open.look()
      #expect(gateway.rights.looks(at: "a") == 3)
    }
  }

  @Test func `connections that were upgraded end too`() async throws {
    try await Self.run { gateway in
      let socket = try await PeerSocket.connect(to: gateway.port)
      socket.write("GET /api/v1/projects HTTP/1.1\r\nHost: x\r\nX-Who: a\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n")
      while !String(decoding: socket.input.readable, as: UTF8.self).hasSuffix("\r\n\r\n") {
        guard try await socket.fill() else { break }
      }
      #expect(String(decoding: socket.input.readable, as: UTF8.self).hasPrefix("HTTP/1.1 101 "))
      await gateway.open.look()
      gateway.rights.take("a", Problem(.unauthorized))
      await gateway.open.look()
      // Until it ends, broken off or not.
      while let more = try? await socket.fill(), more {}
      await gateway.open.look()
      #expect(gateway.rights.looks(at: "a") == 2)
    }
  }

  @Test func `answers that are complete, and those of virtual keys, are not looked at`() async throws {
    try await Self.run { gateway in
      let short = try await gateway.read(Self.short, as: "a")
      #expect(try await short.body.collect(upTo: 100) == Array("whole".utf8))
      let virtual = try await gateway.read(Self.stream, as: "virtual")
      #expect(try await virtual.body.next() != nil)
      await gateway.open.look()
      #expect(gateway.rights.looks(at: "a") == 0 && gateway.rights.looks(at: "virtual") == 0)
    }
  }

  @Test func `looks are made by themselves`() async throws {
    try await Self.run { gateway in
      let looking = try #require(EventLoop.current).task { await gateway.open.run() }
      defer { looking.cancel() }
      let answer = try await gateway.read(Self.stream, as: "a")
      #expect(try await answer.body.next() != nil)
      gateway.rights.take("a", Problem(.unauthorized))
      #expect(await Self.isBroken(answer))
    }
  }

  // MARK: Requests that take their time

  /// Sends a body whose end comes when the request has been let in and `meanwhile` was called.
  private static func send(
    _ path: String, as name: String, length: UInt64?, to gateway: Gateway, meanwhile: @escaping @Sendable () -> Void
  ) async throws -> HTTPStatus {
    var headers = HTTPHeaders()
    headers.append("x-who", name)
    let pieces = Mutex(["begin ", "end"])
    let before = gateway.rights.begun
    let answer = try await gateway.client.send(
      HTTPClientRequest(
        .post, try HTTPURL("http://127.0.0.1:\(gateway.port)\(path)"), headers: headers,
        body: .stream(length: length) {
          let (piece, isLast) = pieces.withLock { ($0.isEmpty ? nil : $0.removeFirst(), $0.isEmpty) }
          guard let piece else { return nil }
          if isLast {
            while gateway.rights.begun == before { try await EventLoop.sleep(for: .milliseconds(2)) }
            meanwhile()
          }
          return Array(piece.utf8)
        }, timeout: .seconds(120)),
      peer: "gateway")
    return answer.status
  }

  @Test(arguments: ["/api/v1/tasks", "/api/v1/artefacts"], [9, nil] as [UInt64?])
  func `who holds back the end of a body changes nothing with a right that is gone`(
    _ path: String, _ length: UInt64?
  ) async throws {
    try await Self.run(isFresh: false) { gateway in
      let revoked = try await Self.send(path, as: "a", length: length, to: gateway) {
        gateway.rights.take("a", Problem(.unauthorized))
      }
      #expect(revoked == .unauthorized && gateway.rights.made == 0)
      let denied = try await Self.send(path, as: "b", length: length, to: gateway) {
        gateway.rights.deny("b", times: 1)
      }
      #expect(denied == .forbidden && gateway.rights.made == 0)
      let unknown = try await Self.send(path, as: "c", length: length, to: gateway) {
        gateway.rights.take("c", Problem(.storageUnavailable))
      }
      #expect(unknown == .ok && gateway.rights.made == 1)
      let good = try await Self.send(path, as: "d", length: length, to: gateway) {}
      #expect(good == .ok && gateway.rights.made == 2)
      let undecided = try await Self.send(path, as: "e", length: length, to: gateway) {
        gateway.rights.deny("e", times: 1, isUndecided: true)
      }
      #expect(undecided == .ok && gateway.rights.made == 3)
    }
  }

  @Test func `a body that comes at once is not looked at`() async throws {
    try await Self.run { gateway in
      let status = try await Self.send("/api/v1/tasks", as: "a", length: 9, to: gateway) {
        gateway.rights.take("a", Problem(.unauthorized))
      }
      #expect(status == .ok && gateway.rights.looks(at: "a") == 0)
    }
  }

  @Test func `an answer that was waited for is kept from whom has lost the right meanwhile`() async throws {
    try await Self.run(isFresh: false) { gateway in
      func ask(_ method: HTTPMethod, _ path: String, as name: String, waits: Bool = false) async throws -> HTTPStatus {
        var headers = HTTPHeaders()
        headers.append("x-who", name)
        if waits { headers.append("prefer", "wait=30") }
        let url = try HTTPURL("http://127.0.0.1:\(gateway.port)\(path)")
        return try await gateway.client.send(
          HTTPClientRequest(method, url, headers: headers, timeout: .seconds(120)), peer: "gateway"
        ).status
      }
      let read = try await ask(.get, "/api/v1/tasks", as: "a")
      let call = try await ask(.post, "/v1/chat/completions", as: "b")
      let wait = try await ask(.post, "/api/v1/schedules", as: "c", waits: true)
      #expect(read == .unauthorized && call == .unauthorized && wait == .unauthorized)
      // A change may end the right of its maker: it says what it did. Of virtual keys nothing is known.
      let change = try await ask(.post, "/api/v1/schedules", as: "d")
      let virtual = try await ask(.post, "/v1/chat/completions", as: "virtual")
      #expect(change == .ok && virtual == .ok)
    }
  }
}
