internal import Artefacts
internal import Contracts
internal import Memories
package import OrchestratorAPI
package import Postgres
package import Settings
package import Telemetry
package import ToolRegistry

/// The settings of files, memories and tools.
package enum WorkspaceSettings {
  package static let runFiles = Setting(
    "artefacts.run_files_max", .int(in: 1...100_000), default: 256, "Files of a run; every version counts.")
  package static let runBytes = Setting(
    "artefacts.run_bytes", .bytes(in: 1024...(1 << 40)), default: 256 << 20,
    "Bytes of the files of a run; every version counts.")
  package static let uploads = Setting(
    "artefacts.uploads_max", .int(in: 1...1_000_000), default: 1000, "Uploads of a tenant that wait for a task.")
  package static let uploadBytes = Setting(
    "artefacts.upload_bytes", .bytes(in: 1024...(1 << 40)), default: 1 << 30, "Bytes of these uploads.")
  package static let uploadKeep = Setting(
    "artefacts.upload_keep_ms", .milliseconds(in: 1000...(365 * 86_400_000)), default: .seconds(86_400),
    "Time after which an upload is deleted that no task has named.")
  package static let memories = Setting(
    "memory.count_max", .int(in: 1...10_000_000), default: 10_000, "Memories of a project.")
  package static let memoryBytes = Setting(
    "memory.project_bytes", .bytes(in: 1024...(1 << 40)), default: 32 << 20, "Bytes of the memories of a project.")
  package static let language = Setting(
    "memory.language", .word(from: MemoryLimits.languages), default: "english",
    "Configuration of Postgres' text search for memories that are stored from now on; words are found as they stand, too."
  )
  package static let tools = Setting(
    "tools.versions_max", .int(in: 1...100_000), default: 500, "Versions of tools that users of a tenant have uploaded."
  )
  package static let toolBytes = Setting(
    "tools.source_bytes", .bytes(in: 1024...(1 << 40)), default: 256 << 20, "Bytes of the sources of these tools.")
  package static let servers = Setting(
    "mcp.servers_max", .int(in: 0...256), default: 32, "MCP servers that a tenant may register.")
  package static let allowedCommands = Setting(
    "mcp.allowed_commands", .strings(countMaximum: 256), default: [],
    "Absolute paths of programs that tenants may register as MCP servers, with any arguments; they run on the machines of the workers. Empty: none."
  )
  package static let declaredServers = Setting(
    "mcp.servers", .list(of: DeclaredMCPServer.type, countMaximum: 64), default: [],
    "MCP servers of the installation: name, command with arguments and environment, or url with headers; trust, timeout_ms, tenant."
  )
  package static let encryptionKeys = Setting(
    "workspace.encryption_keys", .secret, default: Secret(""),
    "Keys that encrypt values of headers and environments of MCP servers: id:secret (32 to 256 bytes), separated by commas. The first encrypts, all decrypt; without any such values are refused."
  )
  package static let all: [any SettingDeclaration] = [
    runFiles, runBytes, uploads, uploadBytes, uploadKeep, memories, memoryBytes, language, tools, toolBytes, servers,
    allowedCommands, declaredServers, encryptionKeys,
  ]

  /// Makes the stores. Throws `KeyListError`, or `WorkspaceSettingsError` for servers that share a name.
  package static func workspace(
    _ settings: Settings, pool: PostgresPool, telemetry: Telemetry
  ) throws -> OrchestratorWorkspace {
    let declared = settings[declaredServers]
    var names: Set<String> = []
    for server in declared where !names.insert(server.server.name).inserted {
      throw WorkspaceSettingsError(description: "mcp.servers has the name \(server.server.name) twice")
    }
    if let path = settings[allowedCommands].first(where: { !$0.hasPrefix("/") }) {
      throw WorkspaceSettingsError(description: "mcp.allowed_commands has \(path), which is not an absolute path")
    }
    let registry = ToolRegistry(
      pool: pool,
      limits: ToolRegistryLimits(
        toolsMax: Int64(settings[tools]), toolBytesMax: Int64(settings[toolBytes]),
        serversMax: Int64(settings[servers]),
        allowedCommands: Set(settings[allowedCommands])),
      declared: declared,
      box: try SecretBox(setting: settings[encryptionKeys].reveal(), named: encryptionKeys.key))
    return OrchestratorWorkspace(
      pool: pool,
      artefacts: ArtefactLimits(
        runFilesMax: Int64(settings[runFiles]), runBytesMax: Int64(settings[runBytes]),
        uploadsMax: Int64(settings[uploads]), uploadBytesMax: Int64(settings[uploadBytes]),
        uploadKeep: settings[uploadKeep]),
      memories: MemoryLimits(
        countMax: Int64(settings[memories]), bytesMax: Int64(settings[memoryBytes]), language: settings[language]),
      registry: registry, telemetry: telemetry)
  }
}

/// Settings of files, memories and tools that do not fit together.
struct WorkspaceSettingsError: Error, CustomStringConvertible {
  let description: String
}
