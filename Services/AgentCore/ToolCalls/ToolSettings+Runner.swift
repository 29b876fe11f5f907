public import AgentTools
public import AgentWorkspace
public import HTTP
public import Settings
public import Telemetry

extension ToolSettings {
  /// The runner of a process, as its settings say. `others` are providers beside the built-in tools: the sandbox, MCP
  /// servers. `agent` is what web servers see as the name of the client. Throws `Fault`.
  public static func runner(
    _ settings: Settings, artefacts: (any ArtefactStoring)? = nil, memories: (any MemoryStoring)? = nil,
    others: [any ToolProvider] = [], client: HTTPClient, agent: String, telemetry: Telemetry
  ) throws -> ToolRunner {
    let policy = try policy(settings)
    let fetcher = try fetching(settings).map {
      HTTPFetcher(rules: $0.rules, allowsPost: $0.allowsPost, client: client, agent: agent)
    }
    return ToolRunner(
      providers: [BuiltInProvider(artefacts: artefacts, memories: memories, fetcher: fetcher)] + others,
      policy: policy, allowedRisks: policy.allowed, artefacts: artefacts, telemetry: telemetry)
  }
}
