internal import MCP
internal import Telemetry

/// What is counted of the MCP server. Methods and tools that clients invent never become labels.
struct MCPMetrics: Sendable {
  private static let methods: Set<String> = [
    "initialize", "ping", "server/discover", "tools/list", "tools/call", "resources/list", "resources/templates/list",
    "resources/read",
  ]

  private let requests: CounterFamily
  private let calls: CounterFamily
  private let durations: HistogramFamily

  init(_ registry: MetricsRegistry, waiting: @escaping @Sendable () -> Int) {
    requests = registry.counter(
      "cadre_gateway_mcp_requests_total", help: "Requests at /mcp, by method, revision and outcome.",
      labels: ["method", "revision", "outcome"])
    calls = registry.counter(
      "cadre_gateway_mcp_tool_calls_total", help: "Calls of tools at /mcp, by outcome.", labels: ["tool", "outcome"])
    durations = registry.histogram(
      "cadre_gateway_mcp_tool_duration_seconds", help: "Time of a call of a tool at /mcp, waiting included.",
      labels: ["tool"])
    registry.observeGauge("cadre_gateway_mcp_waits", help: "Calls of tools at /mcp that wait for the end of a run.") {
      Double(waiting())
    }
  }

  /// The name under which a method is counted.
  static func label(of method: String) -> String { methods.contains(method) ? method : "other" }

  /// A request that was answered; `code` is that of its JSON-RPC error.
  func answered(_ method: String, _ revision: MCPRevision?, code: Int64?) {
    requests.with(
      MCPMetrics.label(of: method), revision?.rawValue ?? "none", MCPMetrics.outcome(code)
    ).add()
  }

  /// A call of a tool that has ended.
  func called(_ tool: PlatformTool, _ outcome: String, nanoseconds: UInt64) {
    calls.with(tool.rawValue, outcome).add()
    durations.with(tool.rawValue).observe(nanoseconds: nanoseconds)
  }

  private static func outcome(_ code: Int64?) -> String {
    switch code {
    case nil: "ok"
    case MCPErrorCode.parseError: "parse_error"
    case MCPErrorCode.invalidRequest: "invalid_request"
    case MCPErrorCode.methodNotFound: "method_not_found"
    case MCPErrorCode.invalidParams: "invalid_params"
    case MCPErrorCode.headerMismatch: "header_mismatch"
    case MCPErrorCode.unsupportedVersion: "unsupported_version"
    case MCPErrorCode.resourceNotFound: "resource_not_found"
    case MCPErrorCode.internalError: "internal_error"
    default: "refused"
    }
  }
}
