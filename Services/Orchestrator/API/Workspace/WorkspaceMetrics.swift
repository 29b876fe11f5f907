internal import Artefacts
internal import Contracts
internal import Telemetry

/// What is done with files, memories and tools.
package struct WorkspaceMetrics: Sendable {
  private let artefacts: [String: Counter]
  private let bytesStored: Counter
  private let refusals: [UsageQuota.Kind: Counter]
  private let reports: [MCPReport.State: Counter]
  let bytesRead: Counter
  let memories: Counter
  let searches: Counter
  let registryRead: [Bool: Counter]

  /// Registers the metrics.
  init(_ registry: MetricsRegistry) {
    let stored = registry.counter(
      "cadre_artefacts_stored_total", help: "Files stored, by who stored them.", labels: ["by"])
    artefacts = ["step": stored.with("step"), "upload": stored.with("upload")]
    bytesStored = registry.counter("cadre_artefact_stored_bytes_total", help: "Bytes of files stored.")
    bytesRead = registry.counter("cadre_artefact_read_bytes_total", help: "Bytes of files that were asked for.")
    let refused = registry.counter(
      "cadre_workspace_refusals_total", help: "What was not stored because a quota was used up.", labels: ["quota"])
    refusals = Dictionary(
      [UsageQuota.Kind.runArtefacts, .uploads, .memories, .tools, .mcpServers].map { ($0, refused.with($0.rawValue)) }
    ) { first, _ in first }
    memories = registry.counter("cadre_memories_stored_total", help: "Memories stored.")
    searches = registry.counter("cadre_memory_searches_total", help: "Searches of memories.")
    let read = registry.counter(
      "cadre_registry_reads_total", help: "Reads of the registry by workers, by whether it had changed.",
      labels: ["outcome"])
    registryRead = [true: read.with("changed"), false: read.with("unchanged")]
    let reported = registry.counter(
      "cadre_mcp_reports_total", help: "Reports of workers on MCP servers, by state.", labels: ["state"])
    reports = Dictionary(MCPReport.State.allCases.map { ($0, reported.with($0.rawValue)) }) { first, _ in first }
  }

  func stored(_ by: String, bytes: Int64) {
    artefacts[by]?.add()
    bytesStored.add(UInt64(clamping: bytes))
  }

  func refused(_ kind: UsageQuota.Kind) { refusals[kind]?.add() }

  func reported(_ state: MCPReport.State) { reports[state]?.add() }
}
