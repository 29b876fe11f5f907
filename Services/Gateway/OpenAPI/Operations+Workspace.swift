internal import Contracts
internal import HTTPWire
internal import JSON

/// Operations of files, memories, tools and MCP servers.
enum WorkspaceOperations {
  static let all: [(String, Operation)] = files + memories + tools + servers

  private static let files: [(String, Operation)] = [
    (
      "GET /api/v1/artefacts",
      Operation("listUploads", "Files", "Newest first.").paged(50, 200, cursor: .id("artefact"))
        .answers(.ok, "ArtefactPage")
    ),
    (
      "POST /api/v1/artefacts",
      Operation("uploadArtefact", "Files", "The body is stored as it is.")
        .item("name", .text(512, min: 1), "The name of the file, a relative path.", isRequired: true)
        .sends(bytes: "The bytes, of any media type.")
        .answers(.created, "Artefact", headers: ["ETag", "Location"])
        .fails(.invalidArtefactName, .uploadQuotaExceeded, .idempotencyKeyReused)
    ),
    ("GET /api/v1/artefacts/{id}", Operation("getArtefact", "Files").answers(.ok, "Artefact", headers: ["ETag"])),
    (
      "GET /api/v1/artefacts/{id}/content",
      Operation("getArtefactContent", "Files")
        .header("Range", .text(), "One range of bytes.")
        .header("If-Range", .text(), "The `ETag` that the range belongs to.")
        .header("If-None-Match", .text(), "The `ETag` of bytes that are known.")
        .answers(.ok, types: [("*/*", .any)], "The bytes.", headers: ["ETag", "Content-Disposition"])
        .answers(.partialContent, types: [("*/*", .any)], "A range of them.", headers: ["ETag", "Content-Disposition"])
        .answersNothing("The bytes are known.", .notModified, headers: ["ETag"])
        .fails(.rangeNotSatisfiable, .contentRemoved)
    ),
    ("DELETE /api/v1/artefacts/{id}", Operation("deleteUpload", "Files").answersNothing().fails(.artefactOfRun)),
    (
      "GET /api/v1/runs/{id}/artefacts",
      Operation("listRunArtefacts", "Files", "By name.")
        .item("versions", Schema.words(["newest", "all"]).standard(.string("newest")), "Which versions.")
        .paged(50, 200, cursor: .id("artefact")).answers(.ok, "ArtefactPage")
    ),
  ]

  private static let memories: [(String, Operation)] = [
    (
      "GET /api/v1/memories",
      Operation("listMemories", "Memories", "Newest first; with `q` up to 50 that fit, best first.")
        .item("project_id", .id("project"), "The project; without it the memories of no project.")
        .item("q", .text(1000), "Words to search for.").paged(50, 200, cursor: .id("memory"))
        .answers(.ok, "MemoryPage").fails(ProblemCode.notFound("project"))
    ),
    (
      "POST /api/v1/memories",
      Operation("addMemory", "Memories").sends("NewMemory")
        .answers(.created, "Memory", headers: ["Location"])
        .answers(.ok, "Memory", "It is stored already.", headers: ["Location"])
        .fails(.memoryQuotaExceeded, ProblemCode.notFound("project"))
    ),
    ("GET /api/v1/memories/{id}", Operation("getMemory", "Memories").answers(.ok, "Memory")),
    ("DELETE /api/v1/memories/{id}", Operation("deleteMemory", "Memories").answersNothing()),
  ]

  private static let tools: [(String, Operation)] = [
    (
      "GET /api/v1/tools",
      Operation("listTools", "Tools", "By name.")
        .item("source", .words(["built_in", "user", "mcp"]), "Only of this source.").paged(50, 200)
        .answers(.ok, "ToolPage")
    ),
    (
      "POST /api/v1/tools",
      Operation("addTool", "Tools").sends("NewTool")
        .answers(.created, "Tool", headers: ["ETag", "Location"])
        .answers(.ok, "Tool", "The newest version is this one already.", headers: ["ETag", "Location"])
        .fails(.toolQuotaExceeded)
    ),
    ("GET /api/v1/tools/{name}", Operation("getTool", "Tools").answers(.ok, "Tool", headers: ["ETag"])),
    ("DELETE /api/v1/tools/{name}", Operation("deleteTool", "Tools").answersNothing().fails(.notUserTool)),
  ]

  private static let servers: [(String, Operation)] = [
    (
      "GET /api/v1/mcp-servers",
      Operation("listMCPServers", "Tools", "Newest first; those of the configuration stand in front.")
        .paged(50, 100, cursor: .id("mcp")).answers(.ok, "MCPServerPage")
    ),
    (
      "POST /api/v1/mcp-servers",
      Operation("registerMCPServer", "Tools").sends("NewMCPServer")
        .answers(.created, "MCPServer", headers: ["ETag", "Location"])
        .fails(.mcpServerQuotaExceeded, .commandNotAllowed, .encryptionKeyMissing, .nameTaken)
    ),
    ("GET /api/v1/mcp-servers/{id}", Operation("getMCPServer", "Tools").answers(.ok, "MCPServer", headers: ["ETag"])),
    (
      "PATCH /api/v1/mcp-servers/{id}",
      Operation("changeMCPServer", "Tools").guarded.sends("MCPServerChange", #"{"enabled": false}"#)
        .answers(.ok, "MCPServer", headers: ["ETag"])
        .fails(.declaredServer, .commandNotAllowed, .encryptionKeyMissing)
    ),
    (
      "DELETE /api/v1/mcp-servers/{id}",
      Operation("deleteMCPServer", "Tools").answersNothing().fails(.declaredServer)
    ),
    (
      "GET /api/v1/mcp-servers/{id}/tools",
      Operation("listMCPServerTools", "Tools", "By name.").paged(50, 200).answers(.ok, "MCPToolPage")
    ),
    (
      "POST /api/v1/mcp-servers/{id}/tools/{name}/approve",
      Operation("approveMCPTool", "Tools")
        .sends(
          "ToolApproval", #"{"sha256": "ab530a13e45914982b79f9b7e3fba994cfd1f3fb22f71cea1afbf02b460c6d1d"}"#
        )
        .answers(.ok, "MCPTool").fails(.definitionDiffers, .declaredServer)
    ),
    (
      "POST /operator/v1/mcp-servers/secrets/rotation",
      Operation("rotateMCPSecrets", "Operators", "A part of all of them; go on with `next_cursor`.")
        .item("cursor", .id("mcp"), "The `next_cursor` of the part before.")
        .answers(.ok, "SecretRotation")
    ),
  ]
}
