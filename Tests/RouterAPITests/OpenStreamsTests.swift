import AnswerCache
import Contracts
import HTTP
import HTTPWire
import Ledger
import ModelCatalog
import Primitives
import Reactor
import Routing
import ScriptedProvider
import Synchronization
import SystemSources
import Telemetry
import Testing

@testable import ModelCalls

/// Streams of virtual keys end with the right of the key, while they are sent.
@Suite("Open streams of virtual keys", .serialized)
struct OpenStreamsTests {
  private typealias Model = CallFixture.Model

  /// In each dialect, with its address.
  private static let paths = ["/v1/chat/completions", "/v1/responses", "/v1/messages", "/v1/completions"]
  private static let end: Int64 = 4_000_000_000

  /// A model whose streams begin and never end.
  private static let endless = Model("a") { $0.fault = .stall }

  private func key(_ tenant: TenantID, expiresAt: Int64 = end) throws -> (id: KeyID, text: String) {
    let key = VirtualKey(id: .make(), tenant: tenant, expiresAt: expiresAt)
    return (key.id, VirtualKey.Signer(try CallFixture.virtualKeys()).sign(key))
  }

  private func revoke(_ tenant: TenantID, _ id: KeyID, _ fixture: CallFixture) {
    let never = Timestamp(unixMicroseconds: OpenStreamsTests.end * 1_000_000)
    fixture.calls.catalog.revokedKeys.add(
      [RevokedKeyRow(key: RevokedKey(tenant: tenant.uuid, id: id.uuid), expiresAt: never, revokedAt: never)],
      now: Timestamp(unixMicroseconds: 0))
  }

  /// The rest of a stream, once it has ended by itself.
  private func rest(_ answer: HTTPClientResponse) async throws -> String {
    String(decoding: try await answer.body.collect(upTo: 1 << 20), as: UTF8.self)
  }

  @Test func `a revoked key ends its streams in each dialect, and no others`() async throws {
    try await CallFixture.run([OpenStreamsTests.endless]) { fixture in
      let tenant = TenantID.make()
      let (revoked, other) = (try key(tenant), try key(tenant))
      // Another tenant's key of the same id.
      let namesake = VirtualKey.Signer(try CallFixture.virtualKeys()).sign(
        VirtualKey(id: revoked.id, tenant: .make(), expiresAt: OpenStreamsTests.end))
      var (ended, going): ([HTTPClientResponse], [HTTPClientResponse]) = ([], [])
      for path in OpenStreamsTests.paths {
        for text in [revoked.text, other.text, namesake] {
          let (answer, first) = try await fixture.stream("a", path, key: text)
          #expect(answer.status == .ok && first.hasPrefix("data:") || first.hasPrefix("event:"), "\(path) \(first)")
          if text == revoked.text { ended.append(answer) } else { going.append(answer) }
        }
      }
      fixture.calls.streams.look()
      revoke(tenant, revoked.id, fixture)
      fixture.calls.streams.look()
      for (path, answer) in zip(OpenStreamsTests.paths, ended) {
        let rest = try await rest(answer)
        #expect(rest.contains("The key was taken back."), "\(path) \(rest)")
        #expect(!rest.contains("[DONE]") && !rest.contains("message_stop") && !rest.contains("response.completed"))
        switch path {
        case "/v1/messages": #expect(rest.contains("event: error") && rest.contains("authentication_error"), "\(rest)")
        case "/v1/responses": #expect(rest.contains("sequence_number"), "\(rest)")
        default: #expect(rest.contains("revoked_api_key"), "\(rest)")
        }
      }
      // The others are read on: their next piece does not come.
      for answer in going {
        await #expect(throws: HTTPClientError.self) {
          _ = try await answer.body.next(before: MonotonicClock.now() &+ 20_000_000)
        }
      }
    }
  }

  @Test func `a stream ends when its key expires, and when its tenant is suspended or deleted`() async throws {
    let now = Mutex(Int64(1_000_000))
    try await CallFixture.run(
      [OpenStreamsTests.endless],
      clock: { Timestamp(unixMicroseconds: now.withLock { $0 } * 1_000_000) }
    ) { fixture in
      let (suspended, deleted) = (TenantID.make(), TenantID.make())
      let expiring = try await fixture.stream(
        "a", "/v1/chat/completions", key: try key(.make(), expiresAt: 1_000_060).text)
      let first = try await fixture.stream("a", "/v1/chat/completions", key: try key(suspended).text)
      let second = try await fixture.stream("a", "/v1/chat/completions", key: try key(deleted).text)
      now.withLock { $0 += 60 }
      fixture.calls.streams.look()
      #expect(try await rest(expiring.0).contains("expired_api_key"))
      try await fixture.calls.catalog.refusedTenants.refresh {
        [RefusedTenant(suspended.uuid, .suspended), RefusedTenant(deleted.uuid, .deleted)]
      }
      fixture.calls.streams.look()
      #expect(try await rest(first.0).contains("tenant_not_active"))
      #expect(try await rest(second.0).contains("tenant_deleted"))
    }
  }

  @Test func `a key that is revoked before the first token ends the call, and no further provider is asked`()
    async throws
  {
    let refusing = Model("b") { script in
      script.status = 500
      script.pace.latency = .milliseconds(200)
    }
    try await CallFixture.run([refusing, Model("c")]) { fixture in
      let tenant = TenantID.make()
      let key = try key(tenant)
      let asked = fixture.counts.calls.load(ordering: .relaxed)
      let loop = try #require(EventLoop.current)
      let call = loop.task { try await fixture.stream("both", "/v1/chat/completions", key: key.text) }
      while fixture.counts.calls.load(ordering: .relaxed) == asked { try await EventLoop.sleep(for: .milliseconds(2)) }
      revoke(tenant, key.id, fixture)
      let (answer, text) = try await call.value
      #expect(answer.status == .unauthorized && text.contains("revoked_api_key"), "\(answer.status) \(text)")
      #expect(fixture.counts.calls.load(ordering: .relaxed) == asked + 1)
    }
  }

  @Test func `a stream whose first token lets wait ends too, and its call with it`() async throws {
    let slow = Model("a") { $0.pace.latency = .seconds(3600) }
    try await CallFixture.run([slow], heartbeat: .milliseconds(5)) { fixture in
      let tenant = TenantID.make()
      let key = try key(tenant)
      // The head and a sign of life are there before the provider has said anything.
      let (answer, first) = try await fixture.stream("a", "/v1/chat/completions", key: key.text)
      #expect(answer.status == .ok && first.hasPrefix(":"), "\(first)")
      revoke(tenant, key.id, fixture)
      fixture.calls.streams.look()
      #expect(try await rest(answer).contains("revoked_api_key"))
      let target = try #require(fixture.calls.catalog.current.table.target("a"))
      #expect(fixture.calls.health.health(target.id, keys: 1).inFlight == 0)
    }
  }

  /// Serves a stream of `caller`, which `produce` sends once it is watched, and asks for it with `body`.
  private static func withStream(
    _ fixture: CallFixture, _ caller: CallPrincipal,
    _ produce: @escaping @Sendable (inout HTTPResponseWriter, OpenStreams.Watched?) async throws -> Void,
    _ body: (_ ask: () async throws -> HTTPClientResponse) async throws -> Void
  ) async throws {
    let streams = fixture.calls.streams
    var router = Router()
    router.on(.get, "/") { _ in
      HTTPResponse(
        .ok,
        body: .stream(length: nil) { writer in
          let watched = streams.add(caller, writer.answer)
          defer { streams.remove(watched) }
          try await produce(&writer, watched)
        })
    }
    let server = HTTPServer(
      group: fixture.group, configuration: HTTPServerConfiguration(address: .host("127.0.0.1", port: 0)),
      router: router, telemetry: .disabled())
    let url = try HTTPURL("http://127.0.0.1:\(try await server.start())/")
    try await body {
      try await fixture.client.send(
        HTTPClientRequest(.get, url, timeout: .seconds(300), pauseMax: .seconds(60)), peer: "router")
    }
    await server.stop(grace: .milliseconds(100))
  }

  /// A key of a new tenant, and who calls with it.
  private static func caller() -> (key: VirtualKey, principal: CallPrincipal) {
    let tenant = TenantID.make()
    let key = VirtualKey(id: .make(), tenant: tenant, expiresAt: OpenStreamsTests.end)
    return (
      key,
      CallPrincipal(
        tenant: tenant, labels: CallLabels(), allowed: nil, ownBudget: nil, complexity: nil, key: key)
    )
  }

  @Test func `a stream that begins when its key is gone already is cut at once`() async throws {
    try await CallFixture.run([OpenStreamsTests.endless]) { fixture in
      let (key, caller) = Self.caller()
      revoke(key.tenant, key.id, fixture)
      try await Self.withStream(fixture, caller) { writer, watched in
        try await writer.write(Array((watched?.cut.failure?.code ?? "goes on").utf8))
      } _: { ask in
        let answer = try await ask()
        #expect(try await rest(answer) == "revoked_api_key")
      }
    }
  }

  @Test func `a caller that does not take the end of its stream loses the connection after some looks`() async throws {
    try await CallFixture.run([OpenStreamsTests.endless]) { fixture in
      let (key, caller) = Self.caller()
      let streams = fixture.calls.streams
      try await Self.withStream(fixture, caller) { writer, _ in
        try await writer.write(Array("begun".utf8))
        // As a write to somebody who does not read.
        try await EventLoop.sleep(for: .seconds(3600))
      } _: { ask in
        let patient = try await ask()
        #expect(try await patient.body.next() == Array("begun".utf8))
        revoke(key.tenant, key.id, fixture)
        for _ in 0..<OpenStreams.looksMax { streams.look() }
        await #expect(throws: HTTPClientError.self, "it has time") {
          _ = try await patient.body.next(before: MonotonicClock.now() &+ 20_000_000)
        }
        let other = try await ask()
        #expect(try await other.body.next() == Array("begun".utf8))
        for _ in 0...OpenStreams.looksMax { streams.look() }
        // The connection ends, and not the patience of the client.
        let error = await #expect(throws: HTTPClientError.self) { _ = try await other.body.next() }
        #expect(error.map { $0.code != .timedOut } ?? false, "\(String(describing: error))")
      }
    }
  }

  @Test func `of two that read the same call, the one whose key is revoked is cut and the other reads on`()
    async throws
  {
    try await CallFixture.run([OpenStreamsTests.endless], cache: .all) { fixture in
      let tenant = TenantID.make()
      let (leader, follower) = (try key(tenant), try key(tenant))
      let one = try await fixture.stream("a", "/v1/chat/completions", key: leader.text)
      let other = try await fixture.stream("a", "/v1/chat/completions", key: follower.text)
      #expect(other.0.headers[InternalHeader.cache] == "shared")
      revoke(tenant, leader.id, fixture)
      fixture.calls.streams.look()
      #expect(try await rest(one.0).contains("revoked_api_key"))
      let third = try await fixture.stream("a", "/v1/chat/completions", key: follower.text)
      #expect(third.0.headers[InternalHeader.cache] == "shared", "the call goes on")
      revoke(tenant, follower.id, fixture)
      fixture.calls.streams.look()
      for answer in [other.0, third.0] { #expect(try await rest(answer).contains("revoked_api_key")) }
    }
  }
}
