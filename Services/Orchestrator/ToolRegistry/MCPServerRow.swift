package import Contracts
internal import JSON
internal import Postgres
package import Primitives

/// An MCP server as it is stored, with what workers report.
package struct MCPServerRow: Sendable {
  /// The server, without its tools.
  package let server: RegisteredMCPServer
  /// Values of its environment or header fields, encrypted; `nil` without any.
  package let secrets: [UInt8]?
  package let isEnabled: Bool
  package let createdBy: String
  package let createdAt: Timestamp
  package let updatedAt: Timestamp
  /// What a worker has reported last; `nil` when none has, or only on an earlier version.
  package let status: MCPStatus?

  static let columns = ResultColumns<MCPServerRow> { column in
    let id = column("s.id", .uuid)
    let name = column("s.name", .text)
    let document = column("s.document", .bytea)
    let secrets = column(nullable: "s.secrets", .bytea)
    let isEnabled = column("s.is_enabled", .bool)
    let version = column("s.version", .int4)
    let createdBy = column("s.created_by", .text)
    let createdAt = column("s.created_at", .timestamptz)
    let updatedAt = column("s.updated_at", .timestamptz)
    let status = column.include(MCPStatus.columns)
    return { row in
      let root = try JSONDocument(parsing: try row[document]).root
      guard
        let server = RegisteredMCPServer(
          root, id: MCPServerID(try row[id]), name: try row[name], version: Int64(try row[version]))
      else { throw PostgresError(.decoding, detail: "mcp_server") }
      return MCPServerRow(
        server: server, secrets: try row[secrets], isEnabled: try row[isEnabled], createdBy: try row[createdBy],
        createdAt: try row[createdAt], updatedAt: try row[updatedAt], status: try row[status])
    }
  }
}

/// How an MCP server was when a worker reported last.
package struct MCPStatus: Sendable {
  package let state: MCPReport.State
  package let fault: MCPReport.Fault?
  package let message: String?
  package let worker: String
  package let reportedAt: Timestamp

  static let columns = ResultColumns<MCPStatus?> { column in
    let state = column(nullable: "r.state", .text)
    let fault = column(nullable: "r.fault", .text)
    let message = column(nullable: "r.message", .text)
    let worker = column(nullable: "r.worker", .text)
    let reportedAt = column(nullable: "r.reported_at", .timestamptz)
    return { row in
      guard let state = try row[state].flatMap({ MCPReport.State(rawValue: $0) }), let worker = try row[worker],
        let reportedAt = try row[reportedAt]
      else { return nil }
      return MCPStatus(
        state: state, fault: try row[fault].flatMap { MCPReport.Fault(rawValue: $0) }, message: try row[message],
        worker: worker, reportedAt: reportedAt)
    }
  }
}

extension RegisteredMCPServer {
  /// Reads what `document` writes.
  init?(_ root: JSONView, id: MCPServerID, name: String, version: Int64) {
    var writer = JSONWriter()
    writer.beginObject()
    writer.member("id", id: id)
    writer.member("name", name)
    writer.member("version", version)
    for (key, value) in root.members { writer.member(as: key, value) }
    writer.endObject()
    guard let whole = try? JSONDocument(parsing: writer.bytes) else { return nil }
    self.init(whole.root)
  }

  /// What is stored of it beside id, name and version.
  var document: [UInt8] {
    var writer = JSONWriter()
    writer.beginObject()
    transport.writeMembers(to: &writer)
    writer.member("trust", trust.rawValue)
    if usesNetwork { writer.member("network", true) }
    writer.member("timeout_ms", timeoutMilliseconds)
    writer.endObject()
    return writer.bytes
  }

  /// The same with tools, none of them with a lower risk than the server's.
  func offering(_ tools: [ToolDefinition]) -> RegisteredMCPServer {
    RegisteredMCPServer(
      id: id, name: name, version: version, transport: transport, trust: trust, usesNetwork: usesNetwork,
      timeoutMilliseconds: timeoutMilliseconds, tools: tools.map { $0.atLeast(riskMin) })
  }
}
