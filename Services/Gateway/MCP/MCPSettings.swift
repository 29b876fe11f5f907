internal import Primitives
package import Settings

/// The settings of the MCP server.
package enum MCPSettings {
  /// Web pages.
  package static let allowedOrigins = Setting(
    "mcp.allowed_origins", .strings(countMaximum: 100), default: [],
    "Origins of web pages that may use /mcp, for example https://app.example.com. A request with another Origin gets 403; programs send none."
  )
  /// Longest wait.
  package static let waitMax = Setting(
    "mcp.wait_max_ms", .milliseconds(in: 0...3_600_000), default: .seconds(600),
    "Longest time that a call of a tool at /mcp may wait for the end of a run.")
  /// Waits at the same time.
  package static let waitsMax = Setting(
    "mcp.waits_max", .int(in: 0...100_000), default: 1000,
    "Calls of tools at /mcp that wait for the end of a run at the same time, half of them of one tenant; more return without waiting."
  )

  /// All of them.
  package static let all: [any SettingDeclaration] = [allowedOrigins, waitMax, waitsMax]
}
