import AgentWorker
import AgentWorkspace
import Contracts
import HTTP
import JSON
import LocalStack
import Primitives
import Reactor
import ServiceKit
import SystemSources
import Telemetry
import Testing

/// The worker's side of the workspace against the real orchestrators.
extension EndToEndTests {
  @Suite(.serialized) struct WorkspaceClientTests {
    private let fixture: StackFixture

    init() throws { fixture = try StackFixture.shared.get() }

    private static func name(_ text: String) throws -> ArtefactName { try #require(ArtefactName(text)) }

    private func lease(_ workflow: String) throws -> JSONView {
      try fixture.put(workflow: workflow, "{\"key\":\"a\",\"job_type\":\"\(workflow)\"}")
      _ = try fixture.start(workflow)
      return try #require(try fixture.lease(workflow).first)
    }

    private static func step(_ lease: JSONView) throws -> WorkspaceStep {
      let assertion = lease["assertion"]?.string ?? ""
      return WorkspaceStep(
        step: try #require(lease["step_id"]?.string.flatMap { StepID($0) }),
        tenant: try #require(lease["tenant_id"]?.string.flatMap { TenantID($0) }),
        token: try #require(lease["token"]?.string.flatMap { UUID($0) }), assertion: { assertion })
    }

    /// Runs `body` with a client of all replicas.
    private func withClient(_ body: @escaping @Sendable (WorkspaceClient) async throws -> Void) async throws {
      let urls = fixture.stack.ports(of: "orchestrator").map { "http://127.0.0.1:\($0)" }.joined(separator: ",")
      let credentials = WorkerCredentials(try KeyList(fixture.stack.keys.list(.worker), named: "worker"))
      let group = EventLoopGroup(count: 1)
      let client = WorkspaceClient(
        client: HTTPClient(group: group, telemetry: .disabled()), peers: try PeerSet(urls, order: .roundRobin),
        credentials: credentials, clock: LoopClock())
      let result = await group.loops[0].task { try await body(client) }.result
      group.stop()
      try result.get()
    }

    private static func kind(_ body: () async throws -> Void) async -> WorkspaceError.Kind? {
      do {
        try await body()
        return nil
      } catch { return (error as? WorkspaceError)?.kind }
    }

    @Test func `files and memories go to the orchestrator and come back`() async throws {
      let lease = try lease("client-files")
      let step = try Self.step(lease)
      try await withClient { client in
        let content = (0..<600_000).map { UInt8(truncatingIfNeeded: $0 &* 13) }
        let stored = try await client.put(try Self.name("a b/ü.bin"), content, mediaType: "text/csv", for: step)
        #expect(stored.bytes == 600_000 && stored.name == "a b/ü.bin")
        let read = try await client.artefact(try Self.name("a b/ü.bin"), bytesMax: 1 << 20, for: step)
        #expect(read.bytes == content && read.reference.sha256 == stored.sha256)
        let empty = try await client.put(try Self.name("empty.txt"), [], mediaType: nil, for: step)
        #expect(empty.bytes == 0 && empty.mediaType == "text/plain")
        #expect(try await client.artefact(try Self.name("empty.txt"), bytesMax: 0, for: step).bytes == [])
        #expect(try await client.artefacts(for: step).map(\.name) == ["a b/ü.bin", "empty.txt"])
        #expect(
          await Self.kind { _ = try await client.artefact(try Self.name("a b/ü.bin"), bytesMax: 1000, for: step) }
            == .refused)
        #expect(
          await Self.kind { _ = try await client.artefact(try Self.name("none"), bytesMax: 10, for: step) } == .notFound)
        let text = "The quarterly figures are in francs \(UUID.random())."
        let memory = try await client.remember(text, tags: ["figures"], key: nil, for: step)
        #expect(try await client.recall("quarterly figures", limit: 50, for: step).contains { $0.id == memory.id })
      }
      #expect(try fixture.deliver(lease) == 200)
      try await withClient { client in
        #expect(await Self.kind { _ = try await client.artefacts(for: step) } == .leaseLost)
        #expect(
          await Self.kind { _ = try await client.put(try Self.name("late"), [1], mediaType: nil, for: step) }
            == .leaseLost)
      }
    }

    @Test func `the registry is read again only when it has changed, and sources are those of their digests`()
      async throws
    {
      let (name, server) = ("tool\(UUID.random().low)", "c\(UUID.random().high % 100_000_000)")
      let body = """
        {"manifest":{"name":"\(name)","description":"d","runtime":"javascript","parameters":{"type":"object"}},
        "source":"export default 1"}
        """
      #expect(fixture.call("POST", "/api/v1/tools", body: body).status == 201)
      let added = try fixture.json(
        "POST", "/api/v1/mcp-servers",
        body: """
          {"name":"\(server)","transport":"http","url":"http://127.0.0.1:1/","trust":"pin","headers":{"x-key":"value"}}
          """)
      let id = try #require(added.root["id"]?.string.flatMap { MCPServerID($0) })
      let lease = try lease("client-registry")
      let step = try Self.step(lease)
      try await withClient { client in
        let first = try await client.registry(for: step)
        #expect(try await client.registry(for: step) == first)
        let tool = try #require(first.tools.first { $0.definition.name == name })
        #expect(try await client.source(of: tool, for: step) == Array("export default 1".utf8))
        #expect(try await client.source(of: tool, for: step) == Array("export default 1".utf8))
        #expect(try await client.secrets(of: id, for: step).values == ["x-key": "value"])
        let definition = ToolDefinition(
          name: "\(server)__look", description: "d", parameters: Array(#"{"type":"object"}"#.utf8), risk: .network,
          isIdempotent: true, source: .mcp(server: server))
        try await client.report(
          MCPReport(tenant: step.tenant, worker: "w", version: 1, state: .ready, tools: [definition]), on: id)
        let second = try await client.registry(for: step)
        #expect(second.revision != first.revision)
        #expect(second.servers.first { $0.id == id }?.tools == [definition])
      }
      #expect(fixture.call("DELETE", "/api/v1/mcp-servers/\(id)").status == 204)
      #expect(fixture.call("DELETE", "/api/v1/tools/\(name)").status == 204)
      #expect(try fixture.deliver(lease) == 200)
    }
  }
}
