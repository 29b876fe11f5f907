import Contracts
import Dialects
import HTTP
import HTTPTestKit
import HTTPWire
import JSON
import Pricing
import Primitives
import Reactor
import Routing
import ScriptedProvider
import Synchronization
import SystemSources
import Telemetry
import Testing

@testable import AnswerCache
@testable import Ledger
@testable import ModelCalls
@testable import ModelCatalog

/// Streams on their way to the caller, from a body whose pieces the test gives, with the account of the call.
@Suite("Streams to callers", .serialized)
struct StreamRelayTests {
  private typealias Model = CallFixture.Model

  /// The rows of the ledger, in memory.
  private final class Rows: CallRows {
    private let rows = Mutex<[String]>([])

    var all: [String] { rows.withLock { $0 } }
    func insert(_ new: [[UInt8]]) async throws {
      rows.withLock { $0 += new.map { String(decoding: $0, as: UTF8.self) } }
    }
    func insert(_ rows: [[UInt8]], leftBy orphan: OrphanedForm) async throws { try await insert(rows) }
    func addUsage(rowsMax: Int) async throws -> Int { 0 }
  }

  /// The caller: takes pieces, or leaves after some.
  private struct Taken {
    var text = ""
    var urgent: [Bool] = []
    var error: (any Error)?
    let rows: [String]
    /// Calls at the provider that the registry counts as under way.
    let inFlight: Int
    /// Whether the answer went to the cache.
    var isKept = false
  }

  private struct CallerGone: Error {}

  private func delta(_ text: String, finish: String = "null") -> String {
    #"data: {"choices":[{"index":0,"delta":{"content":"\#(text)"},"finish_reason":\#(finish)}]}"# + "\n\n"
  }

  /// Sends the stream of `body`, for which the first of `models` was asked, to a caller that leaves after `piecesMax`.
  private func relay(
    _ fixture: CallFixture, _ body: ScriptedBody, piecesMax: Int = .max, rescue: Rescue? = nil, isCached: Bool = false,
    cut: StreamCut? = nil
  ) async throws -> Taken {
    let calls = fixture.calls
    let snapshot = calls.catalog.current
    let targets = snapshot.table.targets(named: "both")
    let target = try #require(targets.first)
    let provider = try #require(snapshot.providers[target.provider])
    let json = #"{"model":"both","stream":true,"messages":[{"role":"user","content":"x"}]}"#
    let request = try CallRequest(try JSONDocument(parsing: json), .chat)
    let rows = Rows()
    let ledger = LedgerWriter(rows: rows, spool: nil, logger: Telemetry.disabled().logger)
    let caller = CallPrincipal(
      tenant: .make(), labels: CallLabels(), allowed: nil, ownBudget: nil, complexity: nil)
    let now = MonotonicClock.now()
    let account = CallAccount(
      LedgerEntry(
        id: .make(), tenant: caller.tenant, startedAt: WallClock.now(), endedAt: WallClock.now(), dialect: .chat,
        labels: caller.labels, modelAsked: "both"),
      promptTokens: request.promptTokens, span: Telemetry.disabled().tracer.startSpan("test"), startedAt: now,
      metrics: calls.metrics, ledger: ledger, budgets: calls.budgets, rates: calls.rates)
    let hour: UInt64 = 3_600_000_000_000
    let call = PreparedCall(
      request: request, caller: caller, snapshot: snapshot,
      plan: RoutePlan(targets: targets, reason: "test", rescue: rescue), account: account, forwarded: HTTPHeaders(),
      deadline: now &+ hour,
      policy: CachePolicy(nil, mode: isCached ? .all : .off, isDeterministic: false, standardSeconds: 60), check: nil,
      subjects: caller.labels.subjects(tenant: caller.tenant), hasOptionalTools: false)
    let stream = ProviderStream(
      body, wire: .chat, request: request, translation: RequestTranslation(), model: target.name, created: 1,
      bytesMax: 1 << 20,
      limits: StreamLimits(
        provider: provider.name, firstTokenBy: now &+ hour, stallNanoseconds: hour, deadline: now &+ hour),
      role: rescue == .continue ? .continuable : .only)
    account.attempting(target, provider.kind)
    let first = try await stream.open()
    let key = try #require(calls.health.admit(target.id, keys: 1, from: 0, force: true))
    let started = StartedAnswer(
      .stream(stream, first: first), target: target, provider: provider, health: key, dropped: [], sentAt: now)
    var taken = Taken(rows: [], inFlight: 0)
    do {
      let cacheKey = isCached ? CacheKey(.chat, request.document.root, tenant: caller.tenant) : nil
      try await StreamRelay(calls, stream, first, started, call, cacheKey, firstTokenMicroseconds: 1).run(cut) {
        bytes, isUrgent in
        guard taken.urgent.count < piecesMax else { throw CallerGone() }
        taken.text += String(decoding: bytes, as: UTF8.self)
        taken.urgent.append(isUrgent)
      }
    } catch { taken.error = error }
    // Not part of the call, which may have been cancelled.
    try await EventLoop.current?.task { try await ledger.flush() }.value
    let inFlight = calls.health.health(target.id, keys: 1).inFlight
    return Taken(
      text: taken.text, urgent: taken.urgent, error: taken.error, rows: rows.all, inFlight: inFlight,
      isKept: call.pendingWrite.hasBegun)
  }

  @Test func `all of it is passed on, the first token at once, and accounted as an answer`() async throws {
    try await CallFixture.run([Model("a")]) { fixture in
      let pieces = [delta("one"), delta(" two"), delta(" three", finish: "\"stop\"")]
      let taken = try await relay(
        fixture,
        ScriptedBody(.piece(pieces[0]), .piece(pieces[1]), .piece(pieces[2]), .piece("data: [DONE]\n\n"), .end))
      #expect(taken.text == pieces.joined() + "data: [DONE]\n\n")
      #expect(taken.urgent.first == true && !taken.urgent.dropFirst().contains(true))
      #expect(taken.error == nil)
      #expect(taken.rows.count == 1 && taken.rows[0].contains("\"ok\""), "\(taken.rows)")
      #expect(taken.inFlight == 0)
    }
  }

  @Test func `a caller that leaves is charged what came, and the provider is not blamed`() async throws {
    try await CallFixture.run([Model("a")]) { fixture in
      for _ in 0..<50 {
        let taken = try await relay(
          fixture, ScriptedBody(.piece(delta("one")), .piece(delta(" two")), .piece(delta(" three"))), piecesMax: 1)
        #expect(taken.error is CallerGone)
        #expect(taken.rows.count == 1 && taken.rows[0].contains("\"client_gone\""), "\(taken.rows)")
        #expect(taken.inFlight == 0)
      }
      #expect(fixture.calls.health.unhealthy().isEmpty)
    }
  }

  @Test func `a stream that breaks ends with an event, is charged, and counts against the provider`() async throws {
    try await CallFixture.run([Model("a")]) { fixture in
      for _ in 0..<50 {
        let taken = try await relay(fixture, ScriptedBody(.piece(delta("one")), .failure(.connectionLost)))
        #expect(taken.error == nil, "the caller has its answer: an error event")
        #expect(taken.text.hasPrefix(delta("one")) && taken.text.contains(#""error""#), "\(taken.text)")
        #expect(taken.rows.count == 1 && !taken.rows[0].contains("\"ok\""), "\(taken.rows)")
        #expect(taken.inFlight == 0)
      }
      #expect(fixture.calls.health.unhealthy().map(\.state) == [.open])
    }
  }

  @Test func `a stream that is cut while its provider is silent ends with an event, is charged, and nobody is blamed`()
    async throws
  {
    try await CallFixture.run([Model("a"), Model("b")]) { fixture in
      let loop = try #require(EventLoop.current)
      // Often enough for a pause, if the provider were blamed.
      for rescue in [Rescue?](repeating: nil, count: 20) + [.continue] {
        let (cut, body) = (StreamCut(), ScriptedBody(.piece(delta("one")), .silence))
        let sent = loop.task { try await relay(fixture, body, rescue: rescue, cut: cut) }
        while !body.isAwaited { try await EventLoop.sleep(for: .milliseconds(2)) }
        cut.cut(CallFailure(status: .unauthorized, code: "revoked_api_key", message: "The key was taken back."))
        cut.cut(CallFailure(status: .unauthorized, code: "later", message: "later"))
        let taken = try await sent.value
        #expect(taken.error == nil)
        #expect(taken.text.contains("one") && taken.text.contains(#""code":"revoked_api_key""#), "\(taken.text)")
        #expect(!taken.text.contains("[DONE]") && !taken.text.contains("continued by"), "\(taken.text)")
        #expect(taken.rows.count == 1, "\(taken.rows)")
        // One attempt, with its prompt and what came of the answer.
        let row = try #require(taken.rows.first?.firstMatch(of: /"revoked_api_key",off,1,([0-9]+),0,0,([0-9]+),/))
        #expect((Int(row.1) ?? 0) > 0 && (Int(row.2) ?? 0) > 0, "\(taken.rows)")
        #expect(taken.inFlight == 0)
      }
      #expect(fixture.calls.health.unhealthy().isEmpty)
    }
  }

  @Test func `nothing more of a provider that goes on is passed on behind a cut`() async throws {
    try await CallFixture.run([Model("a")]) { fixture in
      let cut = StreamCut()
      cut.cut(CallFailure(status: .forbidden, code: "tenant_not_active", message: "suspended"))
      let taken = try await relay(
        fixture, ScriptedBody(.piece(delta("one")), .piece(delta(" two", finish: "\"stop\""))), cut: cut)
      #expect(!taken.text.contains("one") && taken.text.contains("tenant_not_active"), "\(taken.text)")
      #expect(taken.rows.count == 1 && taken.rows[0].contains("\"tenant_not_active\""), "\(taken.rows)")
    }
  }

  @Test func `what a provider says of its failure is redacted`() async throws {
    try await CallFixture.run([Model("a")], redactions: ["secret-[0-9]+"]) { fixture in
      let event = #"data: {"error":{"message":"no secret-42 here","code":"overloaded"}}"# + "\n\n"
      let taken = try await relay(fixture, ScriptedBody(.piece(delta("one")), .piece(event)))
      #expect(taken.text.contains(#""error""#) && !taken.text.contains("secret-42"), "\(taken.text)")
    }
  }

  @Test func `another model goes on where the alias asks for it, and both parts are charged once`() async throws {
    try await CallFixture.run([Model("a"), Model("b")]) { fixture in
      let taken = try await relay(
        fixture, ScriptedBody(.piece(delta("Once ")), .failure(.connectionLost)), rescue: .continue)
      #expect(taken.error == nil)
      #expect(taken.text.contains("continued by b at provider-b"), "\(taken.text)")
      let answer = AnswerText(stream: Array(taken.text.utf8), .chat)
      #expect(answer?.text.hasPrefix("Once ") == true && answer?.text.contains("answer of b") == true)
      #expect(taken.rows.count == 2, "the broken part has a row of its own")
      #expect(taken.rows.filter { $0.contains("\"ok\"") }.count == 1, "\(taken.rows)")
      #expect(taken.inFlight == 0)
    }
  }

  @Test func `without another model the answer that broke is the whole call`() async throws {
    try await CallFixture.run([Model("a")]) { fixture in
      let taken = try await relay(
        fixture, ScriptedBody(.piece(delta("Once ")), .failure(.connectionLost)), rescue: .continue)
      #expect(taken.text.contains(#""error""#), "\(taken.text)")
      #expect(taken.rows.count == 1 && !taken.rows[0].contains("\"ok\""), "\(taken.rows)")
    }
  }

  @Test func `a caller that leaves while another model is looked for pays for the broken part alone`() async throws {
    try await CallFixture.run([Model("a"), Model("b")]) { fixture in
      let taken = try await relay(
        fixture, ScriptedBody(.piece(delta("Once ")), .failure(.connectionLost)), piecesMax: 1, rescue: .continue)
      #expect(taken.error is CallerGone)
      #expect(taken.rows.count == 2, "\(taken.rows)")
      #expect(!taken.rows.contains { $0.contains("\"ok\"") }, "\(taken.rows)")
    }
  }

  @Test func `a caller whose call ends while another model is looked for is charged for the broken part once`()
    async throws
  {
    try await CallFixture.run([Model("a"), Model("b") { $0.fault = .hang }]) { fixture in
      let asked = fixture.counts.calls.load(ordering: .relaxed)
      let loop = try #require(EventLoop.current)
      let call = loop.task {
        try await relay(fixture, ScriptedBody(.piece(delta("Once ")), .failure(.connectionLost)), rescue: .continue)
      }
      while fixture.counts.calls.load(ordering: .relaxed) == asked { try await EventLoop.sleep(for: .milliseconds(2)) }
      call.cancel()
      let taken = try await call.value
      #expect(taken.error is CancellationError, "\(String(describing: taken.error))")
      // The part that broke, and what the other model may have begun.
      #expect(taken.rows.count == 2, "\(taken.rows)")
      #expect(taken.rows.filter { $0.contains("\"provider-a\"") }.count == 1, "\(taken.rows)")
      #expect(taken.inFlight == 0)
    }
  }

  @Test func `an answer goes to the cache when it is whole, and not when two models have made it`() async throws {
    try await CallFixture.run([Model("a"), Model("b")]) { fixture in
      let usage =
        #"data: {"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}}"# + "\n\n"
      let whole = ScriptedBody(.piece(delta("one", finish: "\"stop\"")), .piece(usage), .piece("data: [DONE]\n\n"))
      #expect(try await relay(fixture, whole, isCached: true).isKept)
      let broken = try await relay(
        fixture, ScriptedBody(.piece(delta("Once ")), .failure(.connectionLost)), rescue: .continue, isCached: true)
      #expect(broken.text.contains("continued by b") && !broken.isKept)
    }
  }
}
