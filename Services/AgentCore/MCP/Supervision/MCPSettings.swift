internal import AgentSandbox
internal import Glibc
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
    "mcp.memory_mb", .int(in: 0...1_048_576), default: 1024,
    "Private memory of each process of an MCP server over stdio, and of all its processes together, in MiB; 0 sets no limit."
  )
  static let check = Setting(
    "mcp.check_ms", .milliseconds(in: 1000...86_400_000), default: .seconds(300),
    "Time after which the tools of a connected MCP server are read again and compared with what was approved.")
  static let stdioJail = Setting(
    "mcp.stdio_jail", .word(Jail.self), default: .required,
    "Whether MCP servers over stdio run in the jail: `required` starts none without it, `off` runs them as agent-core itself."
  )
  static let stdioPaths = Setting(
    "mcp.stdio_paths", .strings(countMaximum: 24), default: [],
    "Absolute paths that MCP servers over stdio may read and execute, beside programs and libraries of the system.")
  static let stdioPorts = Setting(
    "mcp.stdio_network_ports", .strings(countMaximum: 32), default: [],
    "TCP ports that MCP servers over stdio may connect to when their registration asks for the network, such as `443,53`; without any there is no network."
  )
  static let stdioProcesses = Setting(
    "mcp.stdio_processes_max", .int(in: 1...4096), default: 64, "Processes and threads of an MCP server over stdio.")
  static let stdioFiles = Setting(
    "mcp.stdio_files_mb", .int(in: 1...65_536), default: 256,
    "Files in the folder of an MCP server over stdio, in MiB; the folder is removed when the server ends.")
  static let stdioFolder = Setting(
    "mcp.stdio_folder", .string(bytesMaximum: 4096), default: "",
    "Folder for the folders of MCP servers over stdio, for this process alone; empty takes one in /tmp.")
  static let stdioFirstUser = Setting(
    "mcp.stdio_first_uid", .int(in: 0...2_000_000_000), default: 61_500,
    "First of the user ids of MCP servers over stdio, one each, when this process may change users.")

  /// All of them.
  package static let all: [any SettingDeclaration] = [
    commands, hosts, processes, calls, start, idle, memory, check, stdioJail, stdioPaths, stdioPorts, stdioProcesses,
    stdioFiles, stdioFolder, stdioFirstUser,
  ]

  /// Where programs run.
  enum Jail: String, Hashable, Sendable, CaseIterable {
    /// In the jail, or not at all.
    case required
    /// As agent-core itself.
    case off
  }

  /// A setting that cannot be used.
  package struct Fault: Error, Hashable, Sendable, CustomStringConvertible {
    /// The setting and what is wrong.
    package let description: String
  }

  /// The hosts that are allowed.
  package static func allowedHosts(_ settings: Settings) -> [String] { settings[hosts] }

  /// How servers are run. Throws `Fault`.
  package static func configuration(
    _ settings: Settings, programFolder: String = Sandbox.programFolder()
  ) throws -> MCPConfiguration {
    var configuration = MCPConfiguration()
    configuration.commands = settings[commands]
    configuration.processesMax = settings[processes]
    configuration.processesPerTenantMax = max(1, settings[processes] / 2)
    configuration.callsMax = settings[calls]
    configuration.startTime = settings[start]
    configuration.supervision.idle = UInt64(clamping: settings[idle].nanoseconds)
    configuration.memoryBytesMax = UInt64(clamping: settings[memory]) << 20
    configuration.checkTime = settings[check]
    configuration.launcher = programFolder + jailName
    if settings[stdioJail] == .required { configuration.jail = try jail(settings, programFolder) }
    return configuration
  }

  private static let folderPrefix = "/tmp/cadre-mcp-"
  private static let jailName = "/sandbox-jail"

  private static func jail(_ settings: Settings, _ programFolder: String) throws -> ServerJail {
    let folder = settings[stdioFolder]
    guard folder.isEmpty || folder.hasPrefix("/") else {
      throw Fault(description: "\(stdioFolder.key): \"\(folder)\" is no absolute path")
    }
    var jail = ServerJail(
      program: programFolder + jailName, folder: folder.isEmpty ? "\(folderPrefix)\(getpid())" : folder)
    let first = settings[stdioFirstUser]
    if first > 0, geteuid() == 0 { jail.firstUser = UInt32(clamping: first) }
    jail.paths = settings[stdioPaths]
    for path in jail.paths where !path.hasPrefix("/") || path == "/" || path.split(separator: "/").contains("..") {
      throw Fault(description: "\(stdioPaths.key): \"\(path)\" is no absolute path below the root")
    }
    jail.ports = try settings[stdioPorts].map { text in
      guard let port = Int(text), (1...65535).contains(port) else {
        throw Fault(description: "\(stdioPorts.key): \"\(text)\" is no port")
      }
      return port
    }
    jail.memoryBytes = UInt64(clamping: settings[memory]) << 20
    jail.tasksMax = settings[stdioProcesses]
    jail.filesBytesMax = settings[stdioFiles] << 20
    return jail
  }

  /// Removes the folders of processes that were killed: nobody else does. On a thread that may block.
  package static func removeLeftFolders() { FolderRemoval.removeLeft(prefix: folderPrefix) }
}
