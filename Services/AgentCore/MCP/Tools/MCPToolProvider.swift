package import AgentTools
package import AgentWorkspace
package import Contracts
internal import MCP
internal import Primitives
internal import Reactor
internal import SystemSources

/// The tools of a tenant's MCP servers: those definitions that were approved, and no others.
package struct MCPToolProvider: ToolProvider {
  private let servers: MCPServers
  private let artefacts: any ArtefactStoring

  /// Offers the tools of `servers`. Images and other files of results are stored in `artefacts`.
  package init(_ servers: MCPServers, artefacts: any ArtefactStoring) {
    self.servers = servers
    self.artefacts = artefacts
  }

  package func tools(for context: ToolContext, wanted: [String]?) async throws -> [(ToolDefinition, any ToolExecutor)] {
    guard ToolSelection.reachesBeyondBuiltIns(wanted) else { return [] }
    return try await offered(context, wanted)
  }

  package func tools(for context: ToolContext) async throws -> [(ToolDefinition, any ToolExecutor)] {
    try await offered(context, nil)
  }

  private func offered(
    _ context: ToolContext, _ wanted: [String]?
  ) async throws -> [(ToolDefinition, any ToolExecutor)] {
    let readAt = MonotonicClock.now()
    let step = WorkspaceStep(context)
    let registry = servers.environment.registry
    guard var snapshot = try await registry.registered(for: step), !snapshot.servers.isEmpty else { return [] }
    servers.keep(snapshot.servers, of: context.tenant)
    // Of a new server nothing is known: it is asked now, and the registry pins what it says, if it may. Others than
    // those that the step names are not: one that does not answer holds up only the steps that want it.
    let unknown = snapshot.servers.filter { $0.tools.isEmpty && ToolSelection.mayMean(wanted, server: $0.name) }
    if !unknown.isEmpty, await discover(unknown, step, since: readAt),
      let fresh = try await registry.registered(for: step)
    {
      snapshot = fresh
    }
    return snapshot.servers.flatMap { server -> [(ToolDefinition, any ToolExecutor)] in
      guard let runner = servers.runner(server, of: context.tenant) else { return [] }
      return server.tools.filter { $0.source == .mcp(server: server.name) && $0.isWithinLimits }.map {
        ($0, MCPToolExecutor(definition: $0, runner: runner, artefacts: artefacts))
      }
    }
  }

  /// Asks servers for their tools, all at once and for a bounded time. Returns whether the registry may have learned
  /// of any since it was read.
  private func discover(_ unknown: [RegisteredMCPServer], _ step: WorkspaceStep, since readAt: UInt64) async -> Bool {
    let time = servers.environment.configuration.discoveryTime
    let deadline = MonotonicClock.now() &+ UInt64(clamping: time.nanoseconds)
    return await withTaskGroup(of: Bool.self) { group in
      for server in unknown {
        guard let runner = servers.runner(server, of: step.tenant) else { continue }
        group.addTask {
          let found = try? await runner.loop.hop {
            if runner.isPausing { return false }
            // What was known before the registry was read is reported; a person has to approve it.
            if runner.catalogue != nil, !runner.isOpening {
              return await runner.hasReportedTools(since: readAt, deadline: deadline)
            }
            return try await runner.use(step, deadline: deadline) { (_, _) throws(MCPError) in true }
          }
          return found ?? false
        }
      }
      return await group.reduce(false) { $0 || $1 }
    }
  }
}

extension WorkspaceStep {
  /// The step of a tool's context.
  init(_ context: ToolContext) {
    self.init(
      step: context.step, tenant: context.tenant, token: context.token, assertion: context.assertion,
      traceparent: context.traceparent)
  }
}
