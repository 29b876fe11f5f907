internal import AgentTools
internal import Contracts
internal import Telemetry

/// What is counted of tool calls. Tools of users and of MCP servers count under their source: their names are not
/// bounded.
struct ToolMetrics: Sendable {
  private let decisions: CounterFamily
  private let calls: CounterFamily
  private let durations: HistogramFamily
  private let circuits: CounterFamily
  private let cuts: CounterFamily

  init(_ registry: MetricsRegistry) {
    decisions = registry.counter(
      "cadre_tool_decisions_total", help: "Tool calls that models asked for, by what was decided.",
      labels: ["tool", "decision"])
    calls = registry.counter(
      "cadre_tool_calls_total", help: "Tool calls that were made, by outcome.", labels: ["tool", "outcome"])
    durations = registry.histogram(
      "cadre_tool_call_duration_seconds", help: "Time of a tool call.", labels: ["tool"])
    circuits = registry.counter(
      "cadre_tool_circuits_opened_total", help: "Times that a tool was not called any more because it kept failing.",
      labels: ["tool"])
    cuts = registry.counter(
      "cadre_tool_results_cut_total", help: "Results that were longer than their tool's limit.", labels: ["tool"])
  }

  /// The bounded name of a tool.
  static func label(_ definition: ToolDefinition?) -> String {
    guard let definition else { return "unknown" }
    return definition.source == .builtIn ? definition.name : definition.source.kind
  }

  func decided(_ definition: ToolDefinition?, _ decision: String) {
    decisions.with(ToolMetrics.label(definition), decision).add()
  }

  func ended(_ definition: ToolDefinition, outcome: String, nanoseconds: UInt64, _ context: TraceContext?) {
    let label = ToolMetrics.label(definition)
    calls.with(label, outcome).add()
    durations.with(label).observe(nanoseconds: nanoseconds, in: context)
  }

  func opened(_ definition: ToolDefinition) { circuits.with(ToolMetrics.label(definition)).add() }

  func cut(_ definition: ToolDefinition) { cuts.with(ToolMetrics.label(definition)).add() }

  /// The outcome of a result as metrics have it: codes that are not known are those of other sides.
  static func outcome(_ result: ToolResult) -> String {
    guard let code = result.code else { return result.isError ? ToolResultCode.toolFailed.rawValue : "ok" }
    return ToolResultCode(rawValue: code)?.rawValue ?? (result.isError ? ToolResultCode.toolFailed.rawValue : "ok")
  }
}
