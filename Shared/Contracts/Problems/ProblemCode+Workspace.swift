internal import HTTPWire

extension ProblemCode {
  /// Files, memories, tools and MCP servers.
  static let workspace: [ProblemCode] =
    ["artefact", "memory", "tool", "mcp server"].map { notFound($0) } + [
      invalidArtefactName, artefactQuotaExceeded, uploadQuotaExceeded, artefactOfRun, unknownArtefact,
      artefactsShareName, rangeNotSatisfiable, memoryQuotaExceeded, toolQuotaExceeded, notUserTool,
      mcpServerQuotaExceeded, commandNotAllowed, encryptionKeyMissing, declaredServer, definitionDiffers, unfitReport,
      contentRemoved,
    ]

  /// `invalid_artefact_name`
  public static let invalidArtefactName = ProblemCode(
    "invalid_artefact_name", .unprocessableContent,
    meaning: "The name is no relative path of plain segments, or has characters that names do not have.",
    remedy: "Use a name such as `plots/sales.png`: no `..`, no leading slash, no control characters.")
  /// `artefact_quota_exceeded`
  public static let artefactQuotaExceeded = ProblemCode(
    "artefact_quota_exceeded", .unprocessableContent, meaning: "The run has as many files or bytes as it may have.",
    remedy: "Write fewer or smaller files; every version counts.")
  /// `upload_quota_exceeded`
  public static let uploadQuotaExceeded = ProblemCode(
    "upload_quota_exceeded", .unprocessableContent,
    meaning: "The tenant has as many uploads or bytes as may wait for tasks.",
    remedy: "Delete uploads, or wait until they expire.")
  /// `artefact_of_run`
  public static let artefactOfRun = ProblemCode(
    "artefact_of_run", .conflict, meaning: "The file belongs to a run and stays as long as the run.",
    remedy: "Only uploads can be deleted.")
  /// `unknown_artefact`
  public static let unknownArtefact = ProblemCode(
    "unknown_artefact", .unprocessableContent, meaning: "A task names a file that is not there.",
    remedy: "Upload it first; uploads expire after a while.")
  /// `artefacts_share_name`
  public static let artefactsShareName = ProblemCode(
    "artefacts_share_name", .unprocessableContent, meaning: "A task names two files that have the same name.",
    remedy: "Upload one of them under another name.")
  /// `range_not_satisfiable`
  public static let rangeNotSatisfiable = ProblemCode(
    "range_not_satisfiable", .rangeNotSatisfiable, meaning: "The file has no byte in the range that is asked for.",
    remedy: "`Content-Range` has its length.")
  /// `memory_quota_exceeded`
  public static let memoryQuotaExceeded = ProblemCode(
    "memory_quota_exceeded", .unprocessableContent,
    meaning: "The project has as many memories or bytes as it may have.", remedy: "Delete some.")
  /// `tool_quota_exceeded`
  public static let toolQuotaExceeded = ProblemCode(
    "tool_quota_exceeded", .unprocessableContent,
    meaning: "The tenant has as many versions of tools, or bytes of their sources, as it may have.",
    remedy: "Delete tools that are not needed.")
  /// `not_user_tool`
  public static let notUserTool = ProblemCode(
    "not_user_tool", .conflict, meaning: "The tool is built in or belongs to an MCP server.",
    remedy: "Only tools that users have uploaded can be deleted.")
  /// `mcp_server_quota_exceeded`
  public static let mcpServerQuotaExceeded = ProblemCode(
    "mcp_server_quota_exceeded", .unprocessableContent, meaning: "The tenant has as many MCP servers as it may have.",
    remedy: "Delete one first.")
  /// `command_not_allowed`
  public static let commandNotAllowed = ProblemCode(
    "command_not_allowed", .forbidden,
    meaning: "The operator does not allow this program as an MCP server: it would run on the platform's machines.",
    remedy: "Use a server with a URL, or ask the operator to add the program to `mcp.allowed_commands`.")
  /// `encryption_key_missing`
  public static let encryptionKeyMissing = ProblemCode(
    "encryption_key_missing", .conflict,
    meaning: "The installation has no key to encrypt values of headers and environments with; nothing was stored.",
    remedy: "The operator sets `workspace.encryption_keys`.")
  /// `declared_server`
  public static let declaredServer = ProblemCode(
    "declared_server", .conflict, meaning: "The MCP server is declared by the configuration of the installation.",
    remedy: "The operator changes it there.")
  /// `definition_differs`
  public static let definitionDiffers = ProblemCode(
    "definition_differs", .conflict, meaning: "The definition of the tool is another one than was read.",
    remedy: "Read the tool again and approve its `sha256`.")
  /// `unfit_report`
  public static let unfitReport = ProblemCode(
    "unfit_report", .unprocessableContent, meaning: "The report does not fit the MCP server that it is about.",
    remedy: "Name tools SERVER__TOOL, each once.")
  /// `content_removed`
  public static let contentRemoved = ProblemCode(
    "content_removed", .serviceUnavailable,
    meaning: "The same content was removed at the same time; nothing was stored.", remedy: "Send the request again.")
}
