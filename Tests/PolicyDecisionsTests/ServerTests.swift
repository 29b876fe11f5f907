import Foundation
import HTTP
import JSON
import Policy
import Reactor
import ReactorTestKit
import Settings
import Synchronization
import Telemetry
import Testing

@testable import PolicyDecisions

/// An OPA server that does what none should do, behind the same engine.
@Suite("Policies by a server")
struct ServerTests {
  private final class Seen: Sendable {
    let requests = Mutex<[String]>([])
  }

  /// Runs `body` with an engine whose server answers each request by `answer`, given the text of the request; `nil`
  /// leaves it without an answer.
  private func run(
    cacheTime: Duration = .seconds(0), timeout: Duration = .seconds(60),
    answer: @escaping @Sendable (String) -> String?,
    _ body: @escaping @Sendable (PolicyEngine, Seen) async throws -> Void
  ) async throws {
    let group = EventLoopGroup(count: 1)
    defer { group.stop() }
    try await group.onEach { loop in
      let seen = Seen()
      let listener = try Listener(on: loop, address: .host("127.0.0.1", port: 0)) { fd in
        guard let peer = PeerSocket(adopting: fd, on: loop) else { return }
        loop.task {
          while try await peer.fill() {
            let text = String(decoding: peer.input.readable, as: UTF8.self)
            guard let length = ServerTests.length(text), text.utf8.count >= length else { continue }
            peer.input.consume(peer.input.count)
            seen.requests.withLock { $0.append(text) }
            guard let answer = answer(text) else { return }
            peer.write(answer)
            if answer.contains("Connection: close") || answer.isEmpty {
              peer.closeWhenFlushed()
              return
            }
          }
          peer.close()
        }
      }
      let client = HTTPClient(group: group, telemetry: .disabled())
      let source = ServerSource(
        "http://127.0.0.1:\(listener.port)/", token: Secret("planted-token"), client: client, cacheTime: cacheTime)
      let engine = PolicyEngine(
        source: source, control: PolicyControl(), timeout: timeout, telemetry: .disabled())
      try await body(engine, seen)
      await client.close(group: group)
      listener.close()
    }
  }

  /// The bytes of a whole request.
  private static func length(_ text: String) -> Int? {
    guard let end = text.range(of: "\r\n\r\n") else { return nil }
    let head = text[..<end.lowerBound].lowercased()
    let body =
      head.split(separator: "\r\n").first { $0.hasPrefix("content-length:") }?
      .split(separator: ":").last.flatMap { Int($0.trimmed) } ?? 0
    return text[..<end.upperBound].utf8.count + body
  }

  private static func ok(_ body: String, status: String = "200 OK") -> String {
    "HTTP/1.1 \(status)\r\nContent-Type: application/json\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
  }

  @Test func `it asks as OPA wants it, and reads the answer`() async throws {
    let answer = #"{"result":{"effect":"allow","rule":"r"},"provenance":{"bundles":{"cadre":{"revision":"r7"}}}}"#
    try await run(answer: { _ in ServerTests.ok(answer) }) { engine, seen in
      let first = await engine.decide(try Sample.query())
      #expect(first.isAllowed && first.rule == "r" && !first.isFromCache)
      #expect(try await engine.decide(Sample.query()).revision == "cadre=r7")
      let request = try #require(seen.requests.withLock { $0.first })
      #expect(request.hasPrefix("POST /v1/data/cadre/http/decision?provenance=true HTTP/1.1\r\n"))
      #expect(request.contains("Bearer planted-token") && request.contains(#"{"input":{"action":{"method":"GET"}"#))
      #expect(engine.status.source == "server" && engine.bundle == nil)
      #expect(try await engine.explain(Sample.query()) == nil)
    }
  }

  @Test(arguments: [
    (ServerTests.ok("{}"), PolicyFault.undefined),
    (ServerTests.ok(#"{"result":true}"#), .invalidDecision),
    (ServerTests.ok(#"{"result":{"effect":"ALLOW"}}"#), .invalidDecision),
    (ServerTests.ok(#"{"result":[{"effect":"allow"}]}"#), .invalidDecision),
    (ServerTests.ok(#"{"result":{"effect":"allow"}"#), .unavailable),
    (ServerTests.ok(#"{"result":{"effect":"deny","effect":"allow"}}"#), .unavailable),
    (ServerTests.ok("<html>"), .unavailable), (ServerTests.ok(""), .unavailable), (ServerTests.ok("[]"), .unavailable),
    (ServerTests.ok(#"{"result":{"effect":"allow"}}"#, status: "500 Internal Server Error"), .unavailable),
    (ServerTests.ok(#"{"result":{"effect":"allow"}}"#, status: "201 Created"), .unavailable),
    (ServerTests.ok(#"{"result":{"effect":"allow"}}"#, status: "302 Found"), .unavailable),
    (
      ServerTests.ok(#"{"code":"internal_error","errors":[{"code":"eval_conflict_error"}]}"#, status: "500 E"),
      .conflict
    ),
    (ServerTests.ok(#"{"code":"internal_error","errors":[{"code":"eval_cancel_error"}]}"#, status: "500 E"), .timeout),
    (ServerTests.ok(#"{"errors":[{"code":"other"}]}"#, status: "500 E"), .error),
    (ServerTests.ok(#"{"errors":7,"code":"undefined_document"}"#, status: "404 Not Found"), .unavailable),
    ("SSH-2.0-OpenSSH_9\r\n\r\n", .unavailable), ("", .unavailable),
    ("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\nConnection: close\r\n\r\n{\"result\":", .unavailable),
    ("HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n" + String(repeating: " ", count: 300_000), .unavailable),
    (
      ServerTests.ok(#"{"result":"# + String(repeating: "[", count: 5000) + String(repeating: "]", count: 5000) + "}"),
      .unavailable
    ),
  ])
  func `whatever goes wrong is a refusal`(_ answer: String, _ fault: PolicyFault) async throws {
    try await run(cacheTime: .seconds(60), answer: { _ in answer }) { engine, _ in
      for _ in 0..<2 {
        let decision = await engine.decide(try Sample.query())
        #expect(decision.effect == .deny && decision.fault == fault, "\(decision)")
      }
    }
  }

  @Test func `a server that does not answer is not waited for`() async throws {
    let query = try Sample.query()
    try await run(timeout: .milliseconds(50), answer: { _ in nil }) { engine, _ in
      #expect(await engine.decide(query).fault == .timeout)
    }
    let slow = "HTTP/1.1 200 OK\r\nContent-Length: 40\r\n\r\n{\"result\""
    try await run(timeout: .milliseconds(50), answer: { _ in slow }) { engine, _ in
      #expect(await engine.decide(query).fault == .timeout)
    }
  }

  @Test func `nobody at the address is a refusal`() async throws {
    let query = try Sample.query()
    let group = EventLoopGroup(count: 1)
    defer { group.stop() }
    try await group.onEach { _ in
      let client = HTTPClient(group: group, telemetry: .disabled())
      // Port 1 of the loopback has no listener.
      let source = ServerSource(
        "http://127.0.0.1:1", token: Secret(""), client: client, cacheTime: .seconds(1))
      let engine = PolicyEngine(source: source, control: PolicyControl(), timeout: .seconds(60), telemetry: .disabled())
      #expect(await engine.decide(query).fault == .unavailable)
      engine.control.change { $0.mode = .dryRun }
      #expect(await engine.decide(query).isAllowed)
    }
  }

  @Test func `answers are remembered, refusals of the way are not`() async throws {
    let query = try Sample.query()
    try await run(cacheTime: .seconds(3600), answer: { _ in ServerTests.ok(#"{"result":{"effect":"allow"}}"#) }) {
      engine, seen in
      for _ in 0..<3 { #expect(await engine.decide(query).isAllowed) }
      #expect(seen.requests.withLock { $0.count } == 1)
    }
    try await run(cacheTime: .seconds(3600), answer: { _ in ServerTests.ok("{}", status: "503 Busy") }) {
      engine, seen in
      for _ in 0..<3 { #expect(await engine.decide(query).fault == .unavailable) }
      #expect(seen.requests.withLock { $0.count } == 3)
    }
  }

  @Test func `the server gets the data of a tenant before it decides about it`() async throws {
    try await run(answer: { $0.hasPrefix("PUT") ? "HTTP/1.1 204 No Content\r\n\r\n" : ServerTests.ok("{}") }) {
      engine, seen in
      engine.control.setData(TenantPolicyData(try Sample.value(#"{"deleting":true}"#)), of: "tenant_a")
      _ = await engine.decide(try Sample.query())
      _ = await engine.decide(try Sample.query("DELETE"))
      engine.control.setData(TenantPolicyData(try Sample.value(#"{"deleting":false}"#)), of: "tenant_a")
      _ = await engine.decide(try Sample.query())
      let requests = seen.requests.withLock { $0 }
      #expect(requests.map { String($0.prefix(4)) } == ["PUT ", "POST", "POST", "PUT ", "POST"])
      #expect(
        requests[0].hasPrefix("PUT /v1/data/tenants/tenant_a HTTP/1.1") && requests[0].hasSuffix(#"{"deleting":true}"#))
    }
    try await run(answer: { $0.hasPrefix("PUT") ? "HTTP/1.1 204 No Content\r\n\r\n" : ServerTests.ok("{}") }) {
      engine, seen in
      // Nothing was ever set here: what the server has of its own stays.
      _ = await engine.decide(try Sample.query())
      engine.control.setData(TenantPolicyData(try Sample.value(#"{"deleting":true}"#)), of: "tenant_a")
      _ = await engine.decide(try Sample.query())
      engine.control.setData(nil, of: "tenant_a")
      _ = await engine.decide(try Sample.query())
      _ = await engine.decide(try Sample.query())
      let requests = seen.requests.withLock { $0 }
      #expect(requests.map { String($0.prefix(4)) } == ["POST", "PUT ", "POST", "PUT ", "POST", "POST"])
      #expect(requests.count > 3 && requests[3].hasSuffix("\r\n\r\n{}"), "what was taken away is in force no more")
    }
    try await run(answer: { $0.hasPrefix("PUT") ? ServerTests.ok("{}", status: "403 No") : ServerTests.ok("{}") }) {
      engine, _ in
      engine.control.setData(TenantPolicyData(try Sample.value("{}")), of: "tenant_a")
      #expect(try await engine.decide(Sample.query()).fault == .unavailable)
    }
  }
}

extension Substring {
  fileprivate var trimmed: Substring { drop { $0 == " " } }
}
