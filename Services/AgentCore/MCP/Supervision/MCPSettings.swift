internal import Primitives
package import Settings

/// The settings of MCP servers.
package enum MCPSettings {
  static let commands = Setting(
    "mcp.commands", .strings(countMaximum: 100), default: [],
    "Programs that MCP servers over stdio may be, as absolute paths or folders that end in a slash; none are allowed without any."
  )
  static let hosts = Setting(
    "mcp.hosts", .strings(countMaximum: 1000), default: [],
    "Hosts of MCP servers over HTTP, such as `mcp.example.com`, `localhost:9000` or `*.example.com`; none are allowed without any."
  )
  static let processes = Setting(
    "mcp.processes_max", .int(in: 1...1024), default: 32, "MCP servers over stdio that run at the same time.")
  static let calls = Setting(
    "mcp.calls_max", .int(in: 1...1024), default: 64, "Calls of one MCP server that wait or run at the same time.")
  static let start = Setting(
    "mcp.start_ms", .milliseconds(in: 100...600_000), default: .seconds(20),
    "Time for the connection to an MCP server to be open and its tools known.")
  static let idle = Setting(
    "mcp.idle_ms", .milliseconds(in: 1000...86_400_000), default: .seconds(300),
    "Time without calls after which the connection to an MCP server is closed.")
  static let memory = Setting(
    "mcp.memory_mb", .int(in: 0...1_048_576), default: 0,
    "Address space of an MCP server over stdio, in MiB; 0 sets no limit. Runtimes that reserve much address space need none."
  )

  /// All of them.
  package static let all: [any SettingDeclaration] = [commands, hosts, processes, calls, start, idle, memory]

  /// The hosts that are allowed.
  package static func allowedHosts(_ settings: Settings) -> [String] { settings[hosts] }

  /// How servers are run.
  package static func configuration(_ settings: Settings) -> MCPConfiguration {
    var configuration = MCPConfiguration()
    configuration.commands = settings[commands]
    configuration.processesMax = settings[processes]
    configuration.processesPerTenantMax = max(1, settings[processes] / 2)
    configuration.callsMax = settings[calls]
    configuration.startTime = settings[start]
    configuration.supervision.idle = UInt64(clamping: settings[idle].nanoseconds)
    configuration.memoryBytesMax = UInt64(clamping: settings[memory]) << 20
    return configuration
  }
}
