import AgentToolCalls
import AgentTools
import AgentWorkspace
import Contracts
import HTTP
import HTTPWire
import JSON
import Primitives
import Reactor
import Synchronization
import SystemSources
import Telemetry
import Testing

/// A resolver that answers as a test wants: for each look-up of a name the next of its lists, then the last again.
final class ScriptedResolver: HostResolver {
  private struct State {
    var answers: [String: [[String]]]
    var lookups: [String] = []
  }

  private let state: Mutex<State>

  init(_ answers: [String: [[String]]]) { state = Mutex(State(answers: answers)) }

  var lookups: [String] { state.withLock { $0.lookups } }

  func addresses(of name: String) async throws -> [WebAddress] {
    let texts = state.withLock { state -> [String] in
      state.lookups.append(name)
      guard var lists = state.answers[name], let first = lists.first else {
        return name.hasSuffix(".inside.test") ? ["127.0.0.1"] : []
      }
      if lists.count > 1 { lists.removeFirst() }
      state.answers[name] = lists
      return first
    }
    if texts == ["never"] {
      try await EventLoop.sleep(for: .seconds(3600))
      return []
    }
    return texts.compactMap { WebAddress($0) }
  }
}

/// A store of artefacts in memory.
final class MemoryArtefacts: ArtefactStoring {
  private let files = Mutex<[String: [UInt8]]>([:])

  var names: [String] { files.withLock { $0.keys.sorted() } }

  subscript(_ name: String) -> [UInt8]? { files.withLock { $0[name] } }

  private static func reference(_ name: String, _ bytes: [UInt8]) -> ArtefactReference {
    ArtefactReference(name: name, sha256: "", bytes: Int64(bytes.count), mediaType: "text/plain")
  }

  func put(
    _ name: ArtefactName, _ bytes: [UInt8], mediaType: String?, for step: WorkspaceStep
  ) async throws -> ArtefactReference {
    files.withLock { $0[name.text] = bytes }
    return Self.reference(name.text, bytes)
  }

  func artefact(
    _ name: ArtefactName, bytesMax: Int, for step: WorkspaceStep
  ) async throws -> (reference: ArtefactReference, bytes: [UInt8]) {
    guard let bytes = self[name.text] else {
      throw WorkspaceError(.notFound, code: "artefact_not_found", "There is no artefact \(name).")
    }
    guard bytes.count <= bytesMax else { throw WorkspaceError(.refused, code: "too_large", "It is too large.") }
    return (Self.reference(name.text, bytes), bytes)
  }

  func artefacts(for step: WorkspaceStep) async throws -> [ArtefactReference] {
    files.withLock { $0.sorted { $0.key < $1.key }.map { Self.reference($0.key, $0.value) } }
  }
}

/// A step for tests.
func testContext(
  project: String? = "project_1", deadline: UInt64 = .max, tenant: UInt64 = 1
) -> ToolContext {
  ToolContext(
    tenant: TenantID(UUID(high: 1, low: tenant)), run: RunID(UUID(high: 2, low: 1)),
    step: StepID(UUID(high: 3, low: 1)),
    project: project, token: UUID(high: 4, low: 1), assertion: { "a" }, deadline: deadline)
}

/// Runs a test on an event loop.
func onLoop(_ body: @escaping @Sendable (EventLoopGroup) async throws -> Void) async throws {
  let group = EventLoopGroup(count: 1)
  let result = await group.loops[0].task { try await body(group) }.result
  group.stop()
  try result.get()
}

/// A fetcher between a scripted resolver and a server on loopback.
struct FetchFixture: Sendable {
  let server: HostileServer
  let resolver: ScriptedResolver
  let runner: ToolRunner
  let artefacts: MemoryArtefacts
  let catalog: ToolCatalog

  static func run(
    _ scripts: [String: HostileServer.Script], resolver: [String: [[String]]] = [:], bytesMax: Int = 100_000,
    privateHosts: [String] = ["127.0.0.1", "inside.test", "*.inside.test"], keepsArtefacts: Bool = true,
    _ body: @escaping @Sendable (FetchFixture) async throws -> Void
  ) async throws {
    try await onLoop { group in
      let server = try HostileServer(on: group.loops[0], scripts)
      let client = HTTPClient(group: group, telemetry: .disabled())
      let hosts = ["*", "127.0.0.1", "169.254.169.254", "10.0.0.1", "[::1]"]
      let rules = FetchRules(
        hosts: hosts.compactMap { HostPattern($0) }, privateHosts: privateHosts.compactMap { HostPattern($0) },
        ports: [80, 443, server.port], bytesMax: bytesMax)
      var answers = ["inside.test": [["127.0.0.1"]]]
      answers.merge(resolver) { $1 }
      let scripted = ScriptedResolver(answers)
      let artefacts = MemoryArtefacts()
      let store: (any ArtefactStoring)? = keepsArtefacts ? artefacts : nil
      let provider = BuiltInProvider(
        artefacts: store,
        fetcher: HTTPFetcher(rules: rules, allowsPost: true, client: client, resolver: scripted, agent: "test"))
      let runner = ToolRunner(
        providers: [provider], policy: RiskPolicy(), artefacts: store, telemetry: .disabled())
      let catalog = try await runner.catalog(for: testContext(), wanted: ["*"])
      let fixture = FetchFixture(
        server: server, resolver: scripted, runner: runner, artefacts: artefacts, catalog: catalog)
      let result: Result<Void, any Error>
      do {
        try await body(fixture)
        result = .success(())
      } catch { result = .failure(error) }
      server.close()
      await client.close(group: group)
      try result.get()
    }
  }

  /// The address of a path at the server, under a name or an address.
  func url(_ path: String, host: String = "inside.test") -> String { "http://\(host):\(server.port)\(path)" }

  func fetch(
    _ url: String, tool: String = "http_fetch", _ more: KeyValuePairs<String, String> = [:], milliseconds: UInt64? = nil
  ) async throws -> ToolResult {
    var writer = JSONWriter()
    writer.beginObject()
    writer.member("url", url)
    for (key, value) in more { writer.member(key, value) }
    writer.endObject()
    var context = testContext()
    if let milliseconds { context.deadline = MonotonicClock.now() + milliseconds * 1_000_000 }
    return try await call(runner, catalog, tool, String(decoding: writer.bytes, as: UTF8.self), context)
  }
}

/// Decides and runs a call.
func call(
  _ runner: ToolRunner, _ catalog: ToolCatalog, _ name: String, _ arguments: String,
  _ context: ToolContext = testContext(), key: String = "k", answers: [ToolAnswer] = [], approve: Set<String> = []
) async throws -> ToolResult {
  let verdict = await runner.decide(
    ToolRequest(name: name, arguments: arguments, idempotencyKey: key, answers: answers, approve: approve),
    in: catalog, context, earlier: ToolCallHistory())
  switch verdict.action {
  case .run(let decided): return try await runner.run(decided, context)
  case .deny(let result): return result
  case .ask(let ask): return .waiting(for: ask)
  case .answerFromBefore: throw CancellationError()
  }
}
