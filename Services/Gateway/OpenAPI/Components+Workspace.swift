internal import Contracts

/// Schemas of workflows, projects, schedules, limits, files, memories, tools and MCP servers.
enum WorkspaceSchemas {
  static let all: [(String, Schema)] = workflows + projects + schedules + files + tools + servers

  private static let stamped: [Member] = [need("created_at", .time), need("created_by", .text())]
  private static let description = Schema.text(64 << 10)

  // MARK: Workflows

  private static let workflows: [(String, Schema)] = [
    ("WorkflowDocument", workflowDocument), ("Workflow", workflow),
    ("WorkflowPage", .page("workflows", .ref("Workflow"))),
    ("WorkflowVersions", .object([need("versions", .list(.ref("Workflow")))])),
    ("WorkflowCheck", .object([need("valid", .flag), need("steps", .count)])),
    ("WorkflowCompatibility", compatibility),
  ]

  private static let workflowDocument = Schema.object(
    [
      need("name", .text(64, min: 1, pattern: "^[a-z][a-z0-9_-]*$")), may("description", .text(2000)),
      may("timeout_ms", .int(1...(365 * 86_400_000))), may("compensation_timeout_ms", .int(1...(365 * 86_400_000))),
      may("result", .text(64, min: 1), "The step whose output is that of the run."),
      need("steps", .list(.free, min: 1), "The steps, each with `key` and what it does."),
    ], isSent: true
  ).example(
    #"{"name": "greeting", "steps": [{"key": "answer", "agent": "writer", "input": {"prompt": "Greet {{input.name}}."}}]}"#
  )

  private static let workflow = Schema.object([
    need("name", .text()), need("version", .int()), need("built_in", .flag), may("created_at", .time),
    may("created_by", .text()), may("document", .free, "Not in lists."),
  ])

  private static let compatibility = Schema.object([
    need("open_runs", .count), need("more", .flag),
    need(
      "would_break",
      .list(
        .object([
          need("run_id", .id("run")), need("version", .int()), need("seq", .int()), need("reason", .text()),
        ]))),
  ])

  // MARK: Projects and limits

  private static let projects: [(String, Schema)] = [
    (
      "NewProject",
      Schema.object([need("name", .text(200, min: 1)), may("description", description)], isSent: true)
        .example(#"{"name": "research", "description": "Reports of the research team."}"#)
    ),
    (
      "ProjectChange",
      Schema.object(
        [may("name", .text(200, min: 1)), may("description", description), may("archived", .flag)], isSent: true
      ).example(#"{"description": "Reports."}"#)
    ),
    (
      "Project",
      .object(
        [
          need("id", .id("project")), need("name", .text()), need("description", .text()), need("version", .int()),
          need("updated_at", .time), need("archived_at", Schema.time.orNull),
        ] + stamped)
    ),
    ("ProjectPage", .page("projects", .ref("Project"))),
    ("Slots", Schema.object([need("slots", .int(0...100_000))], isSent: true).example(#"{"slots": 4}"#)),
    (
      "Limits",
      .object([
        need(
          "limits",
          .list(
            .object([
              need("scope", .words(limitScopes)), need("name", .text()), need("slots", .count), need("held", .int()),
            ])))
      ])
    ),
    ("Weight", Schema.object([need("weight", .number(0.01...1000))], isSent: true).example(#"{"weight": 2}"#)),
    ("TenantWeight", tenantWeight),
    ("WeightPage", .page("weights", .ref("TenantWeight"), cursor: "next_after")),
  ]

  static let limitScopes = ["tenant", "project", "agent", "model", "lock"]

  private static let tenantWeight = Schema.object([need("tenant_id", .id("tenant")), need("weight", .number())])

  // MARK: Schedules

  private static let schedules: [(String, Schema)] = [
    ("NewSchedule", schedule(isNew: true)), ("ScheduleChange", schedule(isNew: false)),
    ("Schedule", .object(scheduleMembers + [need("next_times", .list(.time))])),
    ("SchedulePage", .page("schedules", .object(scheduleMembers))),
    (
      "Cron",
      Schema.object(
        [need("cron", .text(200, min: 1)), may("time_zone", .text(64, min: 1)), may("after", .time)], isSent: true
      ).example(#"{"cron": "30 2 * * *", "time_zone": "Europe/Berlin"}"#)
    ),
    ("CronTimes", .object([need("times", .list(.time))])),
  ]

  private static func schedule(isNew: Bool) -> Schema {
    let first = [("name", Schema.text(200, min: 1)), ("cron", .text(200, min: 1)), ("task", .ref("NewTask"))]
    return Schema.object(
      first.map { isNew ? need($0, $1) : may($0, $1) } + [
        may("time_zone", .text(64, min: 1)), may("overlap", .words(RunSchemas.overlaps)),
        may("catch_up_ms", .int(0...(30 * 86_400_000)), "Times missed by more are left out."), may("paused", .flag),
      ], isSent: true
    ).example(
      isNew
        ? #"{"name": "every morning", "cron": "0 7 * * 1-5", "task": {"prompt": "What is new?"}}"#
        : #"{"paused": true}"#)
  }

  private static let scheduleMembers: [Member] =
    [
      need("id", .id("schedule")), need("name", .text()), need("cron", .text()), need("time_zone", .text()),
      need("overlap", .words(RunSchemas.overlaps)), need("catch_up_ms", .count), need("paused", .flag),
      need("version", .int()), need("next_at", Schema.time.orNull), need("last_at", Schema.time.orNull),
      need("last_run_id", Schema.id("run").orNull), need("fired", .count), need("skipped", .count),
      need("task", Schema.free.orNull, "`null` in lists when it is large."), may("task_truncated", .flag),
    ] + stamped

  // MARK: Files and memories

  private static let files: [(String, Schema)] = [
    ("Artefact", artefact), ("ArtefactPage", .page("artefacts", .ref("Artefact"))),
    (
      "NewMemory",
      Schema.object(
        [
          need("text", .text(16 << 10, min: 1)), may("tags", .list(.text(64), 16)),
          may("project_id", .id("project")), may("key", .text(200, min: 1), "The same key stores once."),
        ], isSent: true
      ).example(#"{"text": "The customer prefers short answers.", "tags": ["style"]}"#)
    ),
    (
      "Memory",
      .object(
        [
          need("id", .id("memory")), need("text", .text()), need("tags", .list(.text())), may("run_id", .id("run")),
          may("rank", .number(), "In searches: larger is better."), may("highlight", .text()),
        ] + stamped)
    ),
    ("MemoryPage", .page("memories", .ref("Memory"))),
  ]

  private static let artefact = Schema.object(
    [
      need("id", .id("artefact")), need("name", .text()), need("sha256", .sha256), need("bytes", .count),
      need("media_type", .text()), need("version", .int()), need("run_id", Schema.id("run").orNull),
      need("step_id", Schema.id("step").orNull),
    ] + stamped)

  // MARK: Tools

  private static let toolName = Schema.text(64, min: 1, pattern: "^[A-Za-z0-9_-]+$")

  private static let tools: [(String, Schema)] = [
    ("NewTool", newTool), ("Tool", .object(toolMembers)), ("ToolPage", .page("tools", .ref("Tool"))),
  ]

  private static let newTool = Schema.object(
    [
      need(
        "manifest",
        .object(
          [
            need("name", toolName), need("description", .text(nil, min: 1)),
            need("parameters", .free, "A JSON Schema (draft 2020-12) of type `object`."),
            need("runtime", .words(ToolRuntime.allCases.map(\.rawValue))),
            may("risk", .words(ToolRisk.allCases.map(\.rawValue))), may("idempotent", .flag), may("volatile", .flag),
            may("timeout_ms", .int(1...ToolDefinition.timeoutMillisecondsMax)),
            may("result_bytes_max", .int(1...ToolDefinition.resultBytesLimit)),
          ], isSent: true)),
      may("source", .text(4 << 20, min: 1)), may("source_base64", .text(min: 1), "For bytes, instead of `source`."),
    ], isSent: true
  ).example(
    #"{"manifest": {"name": "shout", "description": "Makes a text loud.", "runtime": "python", "parameters": {"type": "object"}}, "source": "def run(text):\n    return text.upper()\n"}"#
  )

  private static let definition: [Member] = [
    need("name", .text()), need("description", .text()), need("parameters", .free),
    need("risk", .words(ToolRisk.allCases.map(\.rawValue))), need("idempotent", .flag), need("volatile", .flag),
    need("source", .text(), "`built_in`, `user` or `mcp:SERVER`."), need("timeout_ms", .count),
    need("result_bytes_max", .count), need("sha256", .sha256),
    need("status", .text(), "Only `approved` ones are offered to agents."),
  ]

  private static let approval: [Member] = [
    may("seen_at", .time), may("approved_sha256", Schema.text().orNull), may("approved_by", Schema.text().orNull),
    may("approved_at", Schema.time.orNull),
  ]

  private static let toolMembers: [Member] =
    definition + approval + [
      may("runtime", .words(ToolRuntime.allCases.map(\.rawValue))), may("source_sha256", .sha256),
      may("version", .int()), may("source_bytes", .count), may("created_by", .text()), may("created_at", .time),
      may("mcp_server_id", .id("mcp")),
    ]

  // MARK: MCP servers

  private static let servers: [(String, Schema)] = [
    ("NewMCPServer", newServer), ("MCPServerChange", .object(serverInput(isNew: false), isSent: true)),
    ("MCPServer", server), ("MCPServerPage", .page("mcp_servers", .ref("MCPServer"))),
    ("MCPTool", .object(definition + approval)), ("MCPToolPage", .page("tools", .ref("MCPTool"))),
    (
      "SecretRotation",
      .object([
        need("examined", .count), need("resealed", .count), need("unreadable", .count),
        need("next_cursor", Schema.id("mcp").orNull),
      ])
    ),
    ("ToolApproval", .object([need("sha256", .sha256, "The digest of what was read.")], isSent: true)),
  ]

  private static func serverInput(isNew: Bool) -> [Member] {
    let first = [
      ("name", Schema.text(24, min: 1, pattern: "^[A-Za-z0-9][A-Za-z0-9-]*$")),
      ("transport", .words(["stdio", "http"])),
    ]
    return first.map { isNew ? need($0, $1) : may($0, $1) } + [
      may("command", .text(4096, min: 1, pattern: "^/"), "For `stdio`: the absolute path of a program."),
      may("arguments", .list(.text(4096), 64)),
      may("environment", .map(.text(8 << 10), 32), "Values are stored sealed and never shown."),
      may("url", .text(2048, min: 1), "For `http`."), may("headers", .map(.text(8 << 10), 32)),
      may("trust", .words(RegisteredMCPServer.Trust.allCases.map(\.rawValue))),
      may("network", .flag, "For `stdio`: whether the program asks for the network."),
      may("timeout_ms", .int(100...ToolDefinition.timeoutMillisecondsMax)), may("enabled", .flag),
    ]
  }

  private static let newServer = Schema.object(serverInput(isNew: true), isSent: true)
    .example(#"{"name": "wiki", "transport": "http", "url": "https://wiki.example.com/mcp", "trust": "approve"}"#)

  private static let server = Schema.object([
    need("id", .id("mcp")), need("name", .text()), need("transport", .words(["stdio", "http"])),
    may("command", .text()),
    may("arguments", .list(.text())), may("environment_names", .list(.text())), may("url", .text()),
    may("header_names", .list(.text())), need("trust", .words(RegisteredMCPServer.Trust.allCases.map(\.rawValue))),
    may("network", .flag), need("timeout_ms", .count), need("version", .int()),
    need("source", .words(["api", "configuration"])),
    need("enabled", .flag), need("allowed", .flag), may("created_by", .text()), may("created_at", .time),
    may("updated_at", .time), need("state", .words(MCPReport.State.allCases.map(\.rawValue) + ["unknown"])),
    need(
      "error",
      Schema.object([need("kind", .words(MCPReport.Fault.allCases.map(\.rawValue))), need("message", .text())]).orNull),
    need("reported_by", Schema.text().orNull), need("reported_at", Schema.time.orNull),
  ])
}
