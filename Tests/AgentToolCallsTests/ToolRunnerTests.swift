import AgentToolCalls
import AgentTools
import AgentWorkspace
import Contracts
import JSON
import Primitives
import Reactor
import Synchronization
import Telemetry
import Testing

/// A tool whose calls a test answers.
private final class FakeTool: ToolExecutor, ToolProvider {
  let definition: ToolDefinition
  private let answer: @Sendable (ToolInvocation) async throws -> ToolResult
  private let calls = Mutex<[ToolInvocation]>([])

  var count: Int { calls.withLock { $0.count } }
  var last: ToolInvocation? { calls.withLock { $0.last } }

  init(
    _ name: String = "t", _ risk: ToolRisk = .read, timeout: Int64 = 60_000, resultBytesMax: Int64 = 1000,
    source: ToolSource = .mcp(server: "s"), parameters: String = #"{"type":"object"}"#,
    answer: @escaping @Sendable (ToolInvocation) async throws -> ToolResult = { _ in ToolResult(text: "ok") }
  ) {
    definition = ToolDefinition(
      name: name, description: "", parameters: Array(parameters.utf8), risk: risk, isIdempotent: true,
      timeoutMilliseconds: timeout, resultBytesMax: resultBytesMax, source: source)
    self.answer = answer
  }

  func run(_ call: ToolInvocation) async throws -> ToolResult {
    calls.withLock { $0.append(call) }
    return try await answer(call)
  }

  func tools(for context: ToolContext) async -> [(ToolDefinition, any ToolExecutor)] { [(definition, self)] }
}

/// A clock that can be moved.
private final class MovedClock: ToolClock {
  private let ahead = Atomic<UInt64>(0)

  func now() -> UInt64 { SystemToolClock().now() + ahead.load(ordering: .relaxed) }
  func wallTime() -> Timestamp { SystemToolClock().wallTime() }
  func move(seconds: UInt64) { ahead.wrappingAdd(seconds * 1_000_000_000, ordering: .relaxed) }
}

@Suite struct ToolRunnerTests {
  private static func runner(
    _ providers: [any ToolProvider], policy: any ToolPolicy = RiskPolicy(), artefacts: (any ArtefactStoring)? = nil,
    clock: any ToolClock = SystemToolClock(), telemetry: Telemetry = .disabled(),
    allowed: Set<ToolRisk> = Set(ToolRisk.allCases)
  ) -> ToolRunner {
    ToolRunner(
      providers: providers, policy: policy, allowedRisks: allowed, artefacts: artefacts, clock: clock,
      telemetry: telemetry)
  }

  @Test func `a call runs with checked arguments and a deadline`() async throws {
    try await onLoop { (_: EventLoopGroup) async throws -> Void in
      let tool = FakeTool(parameters: #"{"type":"object","properties":{"n":{"type":"integer"}},"required":["n"]}"#)
      let runner = Self.runner([tool])
      let catalog = try await runner.catalog(for: testContext(), wanted: ["*"])
      #expect(try await call(runner, catalog, "t", #"{"n":"4"}"#, key: "k1").text == "ok")
      let invocation = try #require(tool.last)
      #expect(invocation.arguments.bytes == Array(#"{"n":4}"#.utf8))
      #expect(invocation.idempotencyKey == "k1")
      #expect(invocation.context.deadline < .max)
      let refused = try await call(runner, catalog, "t", "{}")
      #expect(refused.code == "invalid_arguments")
      #expect(try await call(runner, catalog, "u", "{}").code == "unknown_tool")
      #expect(try await call(runner, catalog, "u", "{}").text.contains("there are: t"))
      #expect(tool.count == 1)
    }
  }

  @Test func `risks that are not allowed are not offered, and a policy has the last word`() async throws {
    try await onLoop { (_: EventLoopGroup) async throws -> Void in
      let tools = [FakeTool("a"), FakeTool("b", .network)]
      let few = Self.runner(tools, allowed: [.read])
      #expect(try await few.catalog(for: testContext(), wanted: ["*"]).entries.map(\.definition.name) == ["a"])
      #expect(try await few.catalog(for: testContext(), wanted: ["a", "b"]).missing == ["b"])
      #expect(try await few.catalog(for: testContext(), wanted: []).entries.isEmpty)
      let runner = Self.runner(tools, policy: RiskPolicy(allowed: [.read]))
      let catalog = try await runner.catalog(for: testContext(), wanted: ["*"])
      let refused = try await call(runner, catalog, "b", "{}")
      #expect(refused.code == "denied")
      #expect(tools[1].count == 0)
    }
  }

  @Test func `a call waits for its approval and runs with it`() async throws {
    try await onLoop { (_: EventLoopGroup) async throws -> Void in
      let tool = FakeTool("mail", .write)
      let runner = Self.runner([tool])
      let catalog = try await runner.catalog(for: testContext(), wanted: ["*"])
      let waiting = try await call(runner, catalog, "mail", #"{"to":"a"}"#, approve: ["write"])
      let ask = try #require(waiting.ask)
      #expect(ask.kind == .approval)
      #expect(tool.count == 0)
      let yes = ToolAnswer(
        kind: .approval, subjectSHA256: ask.subjectSHA256, answer: Array(#"{"approved":true}"#.utf8))
      let other = try await call(runner, catalog, "mail", #"{"to":"b"}"#, answers: [yes], approve: ["write"])
      #expect(other.ask != nil)
      #expect(tool.count == 0)
      #expect(
        try await call(runner, catalog, "mail", #"{"to":"a"}"#, answers: [yes], approve: ["write"]).text == "ok")
      #expect(tool.count == 1)
    }
  }

  @Test func `an identical call is answered from before`() async throws {
    try await onLoop { (_: EventLoopGroup) async throws -> Void in
      let tool = FakeTool()
      let runner = Self.runner([tool])
      let catalog = try await runner.catalog(for: testContext(), wanted: ["*"])
      var history = ToolCallHistory()
      history.record(digest: ToolDigest.digest("t", #"{"a":1}"#), effect: .repeatable, isError: false, index: 7)
      func action(_ arguments: String) async -> ToolVerdict.Action {
        await runner.decide(
          ToolRequest(name: "t", arguments: arguments, idempotencyKey: "k"), in: catalog, testContext(),
          earlier: history
        ).action
      }
      guard case .answerFromBefore(7) = await action(#"{ "a":1}"#) else {
        Issue.record("not answered from before")
        return
      }
      guard case .run = await action(#"{"a":2}"#) else {
        Issue.record("another call was answered from before")
        return
      }
    }
  }

  @Test func `a tool that never ends is left at its time-out, whatever it does`() async throws {
    try await onLoop { (_: EventLoopGroup) async throws -> Void in
      let deaf = FakeTool(timeout: 50) { _ in
        // It does not even notice that it is cancelled.
        await withUnsafeContinuation { (_: UnsafeContinuation<Void, Never>) in }
        return ToolResult(text: "")
      }
      let runner = Self.runner([deaf])
      let catalog = try await runner.catalog(for: testContext(), wanted: ["*"])
      let result = try await call(runner, catalog, "t", "{}")
      #expect(result.code == "timed_out")
    }
  }

  @Test func `a caller that is cancelled does not wait`() async throws {
    try await onLoop { group in
      let tool = FakeTool { _ in
        try await EventLoop.sleep(for: .seconds(3600))
        return ToolResult(text: "")
      }
      let runner = Self.runner([tool])
      let catalog = try await runner.catalog(for: testContext(), wanted: ["*"])
      let task = group.loops[0].task { try await call(runner, catalog, "t", "{}") }
      while tool.count == 0 { try await EventLoop.sleep(for: .milliseconds(1)) }
      task.cancel()
      await #expect(throws: CancellationError.self) { try await task.value }
    }
  }

  @Test func `what an executor throws is a result`() async throws {
    struct Secret: Error {}
    try await onLoop { (_: EventLoopGroup) async throws -> Void in
      for error in [Secret() as any Error, CancellationError(), ReactorError(.closed, operation: "x")] {
        let runner = Self.runner([FakeTool { _ in throw error }])
        let catalog = try await runner.catalog(for: testContext(), wanted: ["*"])
        let result = try await call(runner, catalog, "t", "{}")
        #expect(result.code == "internal_error")
        #expect(!result.text.contains("Secret"))
      }
    }
  }

  @Test func `a tool that keeps failing is left alone for a while, for its tenant`() async throws {
    try await onLoop { (_: EventLoopGroup) async throws -> Void in
      let clock = MovedClock()
      let flag = SharedFlag(works: false)
      let tool = FakeTool { _ in
        flag.works ? ToolResult(text: "ok") : .failure(.unreachable, "gone")
      }
      let telemetry = Telemetry.disabled()
      let runner = Self.runner([tool], clock: clock, telemetry: telemetry)
      let catalog = try await runner.catalog(for: testContext(), wanted: ["*"])
      for _ in 0..<CircuitBreaker.failuresMax {
        #expect(try await call(runner, catalog, "t", "{}").code == "unreachable")
      }
      #expect(try await call(runner, catalog, "t", "{}").code == "circuit_open")
      #expect(tool.count == CircuitBreaker.failuresMax)
      #expect(try await call(runner, catalog, "t", "{}", testContext(tenant: 2)).code == "unreachable")
      flag.works = true
      clock.move(seconds: 31)
      #expect(try await call(runner, catalog, "t", "{}").text == "ok")
      #expect(try await call(runner, catalog, "t", "{}").text == "ok")
    }
  }

  @Test func `faults of the caller open nothing`() async throws {
    try await onLoop { (_: EventLoopGroup) async throws -> Void in
      let runner = Self.runner([FakeTool { _ in .failure(.toolFailed, "no such file") }])
      let catalog = try await runner.catalog(for: testContext(), wanted: ["*"])
      for _ in 0..<20 {
        let result = try await call(runner, catalog, "t", "{}")
        #expect(result.code == "tool_failed")
      }
    }
  }

  @Test func `long results are cut, and the whole is an artefact`() async throws {
    try await onLoop { (_: EventLoopGroup) async throws -> Void in
      let text = String(repeating: "0123456789", count: 1000)
      let artefacts = MemoryArtefacts()
      let runner = Self.runner([FakeTool { _ in ToolResult(text: text) }], artefacts: artefacts)
      let catalog = try await runner.catalog(for: testContext(), wanted: ["*"])
      let result = try await call(runner, catalog, "t", "{}", key: "step_1.t0/p1")
      #expect(result.text.utf8.count <= 1000)
      #expect(result.text.contains("the artefact tool-results/t-step-1-t0-p1.txt"))
      #expect(artefacts["tool-results/t-step-1-t0-p1.txt"] == Array(text.utf8))
      let without = Self.runner([FakeTool { _ in ToolResult(text: text) }])
      let short = try await call(without, try await without.catalog(for: testContext(), wanted: ["*"]), "t", "{}")
      #expect(short.text.utf8.count <= 1000)
      #expect(short.artefacts.isEmpty)
    }
  }

  @Test func `labels are bounded, and neither arguments nor results are logged`() async throws {
    try await onLoop { (_: EventLoopGroup) async throws -> Void in
      let log = CapturedLog()
      let telemetry = Telemetry(
        service: "t", registry: MetricsRegistry(), tracer: Telemetry.disabled().tracer,
        logger: Logger(service: "t", minimum: .debug, sink: log))
      let runner = Self.runner(
        [FakeTool("private_name") { _ in .failure(.unreachable, "secret-result") }], telemetry: telemetry)
      let catalog = try await runner.catalog(for: testContext(), wanted: ["*"])
      _ = try await call(runner, catalog, "private_name", #"{"a":"secret-argument"}"#)
      _ = try await call(runner, catalog, "made-up", "{}")
      let metrics = String(decoding: telemetry.registry.render(.prometheusText), as: UTF8.self)
      #expect(metrics.contains(#"cadre_tool_calls_total{tool="mcp",outcome="unreachable"} 1"#))
      #expect(metrics.contains(#"cadre_tool_decisions_total{tool="unknown",decision="unknown_tool"} 1"#))
      #expect(!metrics.contains("private_name"))
      #expect(log.text.contains("a tool call failed"))
      #expect(!log.text.contains("secret"))
    }
  }
}

private final class SharedFlag: Sendable {
  private let value: Atomic<Bool>

  init(works: Bool) { value = Atomic(works) }

  var works: Bool {
    get { value.load(ordering: .relaxed) }
    set { value.store(newValue, ordering: .relaxed) }
  }
}

private final class CapturedLog: LogSink {
  private let lines = Mutex<[String]>([])

  var text: String { lines.withLock { $0.joined(separator: "\n") } }

  func write(_ line: String) { lines.withLock { $0.append(line) } }
}
