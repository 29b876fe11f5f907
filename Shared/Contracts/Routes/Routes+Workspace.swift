internal import HTTPWire

extension Routes {
  /// What agents work with: files of runs, memories of projects, tools and MCP servers of tenants.
  static let workspace = artefacts + memories + tools + mcpServers + stepWorkspace

  static let artefacts: [RouteSpecification] = [
    .init(
      .get, "/api/v1/artefacts", .orchestrator, .tenant, "Lists uploads that wait for a task."),
    .init(
      .post, "/api/v1/artefacts", .orchestrator, .tenant, bodyBytesMax: WorkspaceLimits.artefactBytesMax,
      repetition: .withKey, "Uploads a file (`?name=`) that tasks can name as an input."),
    .init(.get, "/api/v1/artefacts/{id}", .orchestrator, .tenant, "Describes a file."),
    .init(.get, "/api/v1/artefacts/{id}/content", .orchestrator, .tenant, "Downloads a file, or a range of it."),
    .init(.delete, "/api/v1/artefacts/{id}", .orchestrator, .tenant, "Deletes an upload that belongs to no run."),
    .init(.get, "/api/v1/runs/{id}/artefacts", .orchestrator, .tenant, "Lists the files of a run."),
  ]

  static let memories: [RouteSpecification] = [
    .init(.get, "/api/v1/memories", .orchestrator, .tenant, "Lists memories of a project, or searches them (`?q=`)."),
    .init(
      .post, "/api/v1/memories", .orchestrator, .tenant, bodyBytesMax: 64 * kibibyte, repetition: .withKey,
      "Stores a memory."),
    .init(.get, "/api/v1/memories/{id}", .orchestrator, .tenant, "Describes a memory."),
    .init(.delete, "/api/v1/memories/{id}", .orchestrator, .tenant, "Deletes a memory."),
  ]

  static let tools: [RouteSpecification] = [
    .init(
      .get, "/api/v1/tools", .orchestrator, .tenant, "Lists tools: built-in ones, those of users and of MCP servers."),
    .init(
      .post, "/api/v1/tools", .orchestrator, .tenant, bodyBytesMax: 12 * mebibyte, repetition: .always,
      "Adds a version of a tool: its manifest and its source."),
    .init(.get, "/api/v1/tools/{name}", .orchestrator, .tenant, "Describes a tool."),
    .init(.delete, "/api/v1/tools/{name}", .orchestrator, .tenant, "Deletes a tool of a user with all its versions."),
  ]

  static let mcpServers: [RouteSpecification] = [
    .init(.get, "/api/v1/mcp-servers", .orchestrator, .tenant, "Lists MCP servers with their state."),
    .init(
      .post, "/api/v1/mcp-servers", .orchestrator, .tenant, bodyBytesMax: 512 * kibibyte, "Registers an MCP server."),
    .init(.get, "/api/v1/mcp-servers/{id}", .orchestrator, .tenant, "Describes an MCP server."),
    .init(
      .patch, "/api/v1/mcp-servers/{id}", .orchestrator, .tenant, bodyBytesMax: 512 * kibibyte,
      "Changes an MCP server."),
    .init(.delete, "/api/v1/mcp-servers/{id}", .orchestrator, .tenant, "Deletes an MCP server with its tools."),
    .init(
      .get, "/api/v1/mcp-servers/{id}/tools", .orchestrator, .tenant,
      "Lists the tools of an MCP server, as they are and as they were approved."),
    .init(
      .post, "/api/v1/mcp-servers/{id}/tools/{name}/approve", .orchestrator, .tenant, bodyBytesMax: 4 * kibibyte,
      "Approves the definition of a tool."),
  ]

  /// What workers ask for on behalf of a step whose lease they hold.
  static let stepWorkspace: [RouteSpecification] = [
    .init(
      .get, WorkspacePath.artefacts("{id}"), .orchestrator, .step, isPublic: false, "Lists the files of the step's run."
    ),
    .init(
      .get, WorkspacePath.artefact("{id}", "{name*}"), .orchestrator, .step, isPublic: false, "Reads a file of the run."
    ),
    .init(
      .put, WorkspacePath.artefact("{id}", "{name*}"), .orchestrator, .step, isPublic: false,
      bodyBytesMax: WorkspaceLimits.artefactBytesMax, "Stores a file of the run."),
    .init(
      .post, WorkspacePath.memories("{id}"), .orchestrator, .step, isPublic: false, bodyBytesMax: 64 * kibibyte,
      "Stores a memory of the run's project."),
    .init(
      .post, WorkspacePath.memorySearch("{id}"), .orchestrator, .step, isPublic: false, bodyBytesMax: 16 * kibibyte,
      "Searches the memories of the run's project."),
    .init(
      .get, WorkspacePath.registry("{id}"), .orchestrator, .step, isPublic: false,
      "Reads the tools and MCP servers of the tenant."),
    .init(
      .get, WorkspacePath.toolSource("{id}", "{name}"), .orchestrator, .step, isPublic: false,
      "Reads the source of a user's tool."),
    .init(
      .get, WorkspacePath.mcpSecrets("{id}", "{server}"), .orchestrator, .step, isPublic: false,
      "Reads the values that reach an MCP server."),
    .init(
      .post, WorkspacePath.mcpReport("{server}"), .orchestrator, .worker, isPublic: false,
      bodyBytesMax: WorkspaceLimits.mcpReportBytesMax, "Reports how an MCP server is and what it offers."),
  ]
}
