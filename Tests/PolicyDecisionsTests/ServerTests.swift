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
    /// What stands for another process that asks the same server.
    let another = Mutex<PolicyEngine?>(nil)
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
      let engines = (0..<2).map { _ in
        let source = ServerSource(
          "http://127.0.0.1:\(listener.port)/", token: Secret("planted-token"), client: client, cacheTime: cacheTime)
        return PolicyEngine(source: source, control: PolicyControl(), timeout: timeout, telemetry: .disabled())
      }
      let engine = engines[0]
      seen.another.withLock { $0 = engines[1] }
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
      let answer = await engine.decide(query)
      #expect(answer.fault == .unavailable && answer.isUndecided)
    }
    let slow = "HTTP/1.1 200 OK\r\nContent-Length: 40\r\n\r\n{\"result\""
    try await run(timeout: .milliseconds(50), answer: { _ in slow }) { engine, _ in
      #expect(await engine.decide(query).fault == .unavailable)
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

  /// An OPA server with the shipped policies: what it is asked, and what was put below `data.tenants`.
  private final class Server: Sendable {
    private let source: BundleSource
    private let stored = Mutex<[String: TenantPolicyData]>([:])

    init() throws {
      let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()
      source = BundleSource(try PolicyBundle(folder: root.path + "/policies"))
    }

    func answer(_ request: String) -> String {
      let words = request.split(separator: " ", maxSplits: 2)
      let path = words[1].dropFirst("/v1/data/".count).prefix { $0 != "?" }.split(separator: "/").map(String.init)
      let body = String(request[(request.range(of: "\r\n\r\n")?.upperBound ?? request.endIndex)...])
      guard let root = try? JSONDocument(parsing: body).root else { return ServerTests.ok("{}", status: "400 Bad") }
      if words[0] == "PUT" {
        stored.withLock { $0[path.last ?? ""] = TenantPolicyData(RegoValue(root)) }
        return "HTTP/1.1 204 No Content\r\n\r\n"
      }
      guard let input = root["input"] else { return ServerTests.ok("{}") }
      let tenant = input["subject"]?["tenant"]?.string ?? ""
      let query = PolicyQuery(path: path, input: RegoValue(input), tenant: tenant)
      guard let made = source.decideAtOnce(query, stored.withLock { $0[tenant] }), let result = made.result else {
        return ServerTests.ok("{}")
      }
      return ServerTests.ok(#"{"result":\#(result.json)}"#)
    }
  }

  private static func task(_ tenant: String, path: [String] = Sample.http) throws -> PolicyQuery {
    let subject = #"{"kind":"session","role":"owner","grants":["write"],"tenant":"\#(tenant)","is_operator":false}"#
    let action = #"{"method":"POST","route":"/api/v1/tasks"}"#
    return PolicyQuery(
      path: path, input: try Sample.value(#"{"subject":\#(subject),"action":\#(action)}"#), tenant: tenant)
  }

  @Test func `processes that know different things about a tenant share a server and each is right`() async throws {
    let (ours, theirs) = (try ServerTests.task("tenant_a"), try ServerTests.task("tenant_b"))
    let server = try Server()
    let suspended = TenantPolicyData(try Sample.value(#"{"status":"suspended"}"#))
    let roles = TenantPolicyData(try Sample.value(#"{"http":{"roles":{"tasks.write":"root"}}}"#))
    try await run(answer: { server.answer($0) }) { engine, seen in
      // It has not heard of the change, or has just started.
      let other = try #require(seen.another.withLock { $0 })
      for _ in 0..<2 {
        engine.control.setData(suspended, of: "tenant_a")
        #expect(await engine.decide(ours).rule == "suspended")
        #expect(await other.decide(ours).rule == "tasks.write")
        other.control.setData(roles, of: "tenant_a")
        #expect(await other.decide(ours).rule == "role")
        #expect(await engine.decide(ours).rule == "suspended")
        #expect(await engine.decide(theirs).rule == "tasks.write")
        other.control.setData(nil, of: "tenant_a")
      }
      let requests = seen.requests.withLock { $0 }
      #expect(requests.allSatisfy { $0.hasPrefix("POST ") })
      #expect(requests[0].hasPrefix("POST /v1/data/cadre/with_data/http?provenance=true HTTP/1.1\r\n"))
    }
  }

  @Test func `data that were taken away while every process restarted are in force no more`() async throws {
    let ours = try ServerTests.task("tenant_a")
    let server = try Server()
    try await run(answer: { server.answer($0) }) { engine, _ in
      engine.control.setData(TenantPolicyData(try Sample.value(#"{"status":"suspended"}"#)), of: "tenant_a")
      #expect(await engine.decide(ours).rule == "suspended")
    }
    try await run(answer: { server.answer($0) }) { engine, _ in
      #expect(await engine.decide(ours).rule == "tasks.write")
    }
  }

  @Test func `a server without the documents for data of tenants allows nothing for tenants with data`() async throws {
    let (ours, theirs) = (try ServerTests.task("tenant_a"), try ServerTests.task("tenant_b"))
    let server = try Server()
    let answer: @Sendable (String) -> String? = {
      $0.contains("/with_data/") ? ServerTests.ok("{}") : server.answer($0)
    }
    try await run(answer: answer) { engine, _ in
      engine.control.setData(TenantPolicyData(try Sample.value("{}")), of: "tenant_a")
      #expect(await engine.decide(ours).fault == .undefined)
      #expect(await engine.decide(theirs).isAllowed)
    }
  }

  @Test(arguments: [["cadre", "http"], ["own", "http", "decision"], ["cadre", "http", "other"]])
  func `a document that no data can be brought to is a refusal`(_ path: [String]) async throws {
    let ours = try ServerTests.task("tenant_a", path: path)
    try await run(answer: { _ in ServerTests.ok(#"{"result":{"effect":"allow"}}"#) }) { engine, seen in
      engine.control.setData(TenantPolicyData(try Sample.value("{}")), of: "tenant_a")
      #expect(await engine.decide(ours).fault == .error)
      #expect(seen.requests.withLock { $0.isEmpty })
    }
  }
}

extension Substring {
  fileprivate var trimmed: Substring { drop { $0 == " " } }
}
