import AgentToolCalls
import AgentTools
import AgentWorkspace
import Contracts
import Primitives
import Synchronization
import SystemSources
import Testing

@testable import AgentMCP

/// Which servers a step asks for tools that the registry does not know yet.
struct DiscoveryTests {
  /// A registry that takes reports of tools only once it may.
  private final class SlowRegistry: RegistryReading {
    let kept = TestRegistry()
    let reads = Atomic<Int>(0)
    let isTold = Atomic<Bool>(false)
    let mayTake = Atomic<Bool>(false)

    func registry(for step: WorkspaceStep) async throws -> ToolRegistrySnapshot {
      let snapshot = try await kept.registry(for: step)
      reads.add(1, ordering: .sequentiallyConsistent)
      return snapshot
    }

    func source(of tool: UserTool, for step: WorkspaceStep) async throws -> [UInt8] { [] }

    func secrets(of server: MCPServerID, for step: WorkspaceStep) async throws -> MCPSecrets { MCPSecrets([:]) }

    func report(_ report: MCPReport, on server: MCPServerID) async throws {
      if report.tools != nil {
        isTold.store(true, ordering: .sequentiallyConsistent)
        _ = await eventually { mayTake.load(ordering: .sequentiallyConsistent) }
      }
      try await kept.report(report, on: server)
    }
  }

  @Test func `a server that the step does not name is not asked`() async throws {
    let world = MCPWorld(.stdio(command: "/not/allowed", arguments: [], environmentNames: []), name: "one")
    let other = RegisteredMCPServer(
      id: MCPServerID.make(), name: "two", version: 1, transport: world.server.transport, trust: .pin,
      usesNetwork: false, timeoutMilliseconds: 30_000, tools: [])
    world.registry.state.withLock { $0.servers.append(other) }
    func failed() -> Int { world.registry.reports.count { $0.state == .failed } }
    for (wanted, count) in [(["calculator", "mine"], 0), (["mcp:one/*"], 1), (["two__look"], 2)] {
      _ = try await world.provider.tools(for: world.context(), wanted: wanted)
      #expect(failed() == count, "\(wanted)")
    }
    await world.end()
  }

  @Test func `a step that comes while tools are reported has them`() async throws {
    let process = try await HTTPServerProcess.start(script: "hostile_http.py", "old_plain")
    defer { process.stop() }
    let world = MCPWorld(.http(url: "http://127.0.0.1:\(process.port)/mcp", headerNames: []))
    let registry = SlowRegistry()
    registry.kept.state.withLock { $0.servers = [world.server] }
    let servers = MCPServers(
      world.servers.environment.configuration, registry: registry, egress: world.servers.environment.egress,
      worker: "w", group: world.group, telemetry: world.telemetry)
    let provider = MCPToolProvider(servers, artefacts: world.artefacts)
    let wanted = ["mcp:s/*"]
    let first = Task { try await provider.tools(for: world.context(), wanted: wanted).map(\.0.name) }
    #expect(await eventually { registry.isTold.load(ordering: .sequentiallyConsistent) })
    let second = Task { try await provider.tools(for: world.context(), wanted: wanted).map(\.0.name) }
    #expect(await eventually { registry.reads.load(ordering: .sequentiallyConsistent) >= 2 })
    registry.mayTake.store(true, ordering: .sequentiallyConsistent)
    #expect(try await first.value == ["s__work"])
    #expect(try await second.value == ["s__work"])
    await servers.shutDown()
    await world.end()
  }
}
