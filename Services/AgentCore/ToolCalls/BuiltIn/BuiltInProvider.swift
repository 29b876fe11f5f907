public import AgentTools
public import AgentWorkspace
public import Contracts
internal import Reactor

/// The built-in tools that can run here: those that compute always, others where what they need is there.
///
/// The sandbox's own tools come from its provider.
public struct BuiltInProvider: ToolProvider {
  private let tools: [(ToolDefinition, any ToolExecutor)]

  /// Makes the provider. `fetcher` is there where hosts are allowed.
  public init(
    artefacts: (any ArtefactStoring)? = nil, memories: (any MemoryStoring)? = nil, fetcher: HTTPFetcher? = nil,
    clock: any ToolClock = SystemToolClock()
  ) {
    // Threads of their own: what computes long must not keep name look-ups waiting.
    let texts = TextSource(artefacts: artefacts, pool: BlockingPool(threadsMax: 2, queuedMax: 256))
    var executors: [String: any ToolExecutor] = [
      "calculator": CalculatorExecutor(), "current_time": TimeExecutor(clock: clock), "ask_human": AskExecutor(),
    ]
    for (name, compute) in TextComputations.all { executors[name] = TextExecutor(texts: texts, compute: compute) }
    if let artefacts {
      executors["artefact_list"] = ArtefactListExecutor(artefacts: artefacts)
      executors["artefact_read"] = ArtefactReadExecutor(artefacts: artefacts)
      executors["artefact_write"] = ArtefactWriteExecutor(artefacts: artefacts)
    }
    if let memories {
      executors["memory_search"] = MemorySearchExecutor(memories: memories)
      executors["memory_store"] = MemoryStoreExecutor(memories: memories)
    }
    if let fetcher {
      executors["http_fetch"] = FetchExecutor(fetcher: fetcher, artefacts: artefacts)
      if fetcher.allowsPost { executors["http_post"] = FetchExecutor(fetcher: fetcher, artefacts: artefacts) }
    }
    tools = BuiltInTools.all.compactMap { definition in executors[definition.name].map { (definition, $0) } }
  }

  /// The same for every step; memories belong to a project.
  public func tools(for context: ToolContext) async -> [(ToolDefinition, any ToolExecutor)] {
    guard context.project == nil else { return tools }
    return tools.filter { !$0.0.name.hasPrefix("memory_") }
  }
}
