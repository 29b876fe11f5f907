internal import MCP
package import Telemetry

/// What is counted of servers.
package struct MCPMetrics: Sendable {
  private static let methods: Set<String> = [
    "tools/call", "tools/list", "resources/read", "resources/list", "resources/templates/list", "prompts/get",
    "prompts/list",
  ]

  let requests: CounterFamily
  let durations: HistogramFamily
  let starts: CounterFamily
  let connections: GaugeFamily
  let notifications: CounterFamily
  let faults: CounterFamily
  let waiting: Gauge
  let refusals: CounterFamily
  let kills: CounterFamily
  let checks: CounterFamily

  /// Registers the metrics.
  package init(_ registry: MetricsRegistry) {
    requests = registry.counter(
      "cadre_mcp_requests_total", help: "Requests to MCP servers, by method and outcome.",
      labels: ["method", "outcome"])
    durations = registry.histogram(
      "cadre_mcp_request_duration_seconds", help: "Time of requests to MCP servers.", labels: ["method"])
    starts = registry.counter(
      "cadre_mcp_starts_total", help: "Connections to MCP servers that were opened, by outcome.",
      labels: ["transport", "outcome"])
    for transport in ["http", "stdio"] { starts.with(transport, "ok").add(0) }
    connections = registry.gauge(
      "cadre_mcp_connections", help: "Open connections to MCP servers.", labels: ["transport"])
    notifications = registry.counter(
      "cadre_mcp_notifications_total", help: "Notifications of MCP servers.", labels: ["kind"])
    faults = registry.counter(
      "cadre_mcp_faults_total", help: "Messages and definitions of MCP servers that were not acceptable.",
      labels: ["reason"])
    refusals = registry.counter(
      "cadre_mcp_jail_refusals_total", help: "Programs of MCP servers that were not started for want of the jail.",
      labels: ["layer"])
    kills = registry.counter(
      "cadre_mcp_kills_total", help: "Programs of MCP servers that were ended because they used more than they may.",
      labels: ["limit"])
    checks = registry.counter(
      "cadre_mcp_checks_total", help: "Lists of tools that were read again from connected MCP servers, by outcome.",
      labels: ["outcome"])
    waiting = registry.gauge("cadre_mcp_calls", help: "Calls of MCP servers that wait or run.")
  }

  /// The label of a method: those of the protocol, so that the label is bounded.
  static func label(_ method: String) -> String { methods.contains(method) ? method : "other" }
}
