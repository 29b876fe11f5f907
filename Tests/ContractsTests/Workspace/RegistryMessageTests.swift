import Contracts
import JSON
import Testing

@Suite struct RegistryMessageTests {
  private static func definition(_ name: String, _ source: ToolSource) -> ToolDefinition {
    ToolDefinition(
      name: name, description: "d", parameters: Array(#"{"type":"object"}"#.utf8), risk: .network, isIdempotent: true,
      source: source)
  }

  private static func text(_ write: (inout JSONWriter) -> Void) throws -> JSONView {
    var writer = JSONWriter()
    writer.beginObject()
    write(&writer)
    writer.endObject()
    return try JSONDocument(parsing: writer.bytes).root
  }

  @Test func `a snapshot is read as it was written`() throws {
    let id = try #require(MCPServerID("mcp_00000000000070008000000000000001"))
    let servers = [
      RegisteredMCPServer(
        id: id, name: "files", version: 3,
        transport: .stdio(command: "/bin/x", arguments: ["-a", ""], environmentNames: ["TOKEN"]), trust: .pin,
        timeoutMilliseconds: 10, tools: [Self.definition("files__read", .mcp(server: "files"))]),
      RegisteredMCPServer(
        id: id, name: "web", version: 1, transport: .http(url: "https://a/b", headerNames: ["authorization"]),
        trust: .approve, timeoutMilliseconds: 10, tools: []),
    ]
    let tool = UserTool(
      definition: Self.definition("slug", .user), runtime: .python, sourceSHA256: String(repeating: "a", count: 64),
      version: 2)
    let snapshot = ToolRegistrySnapshot(revision: "r-1", tools: [tool], servers: servers)
    #expect(ToolRegistrySnapshot(try Self.text { snapshot.writeMembers(to: &$0) }) == snapshot)
  }

  @Test func `what cannot be used is left out, and the rest is read`() throws {
    let root = try JSONDocument(
      parsing: #"{"revision":"r","tools":[{},1,{"name":"x"}],"mcp_servers":[{"transport":"pipe"},null]}"#
    ).root
    #expect(ToolRegistrySnapshot(root) == ToolRegistrySnapshot(revision: "r", tools: [], servers: []))
    #expect(ToolRegistrySnapshot(try JSONDocument(parsing: "[]").root) == nil)
  }

  @Test func `a report is read as it was written`() throws {
    let tenant = try #require(TenantID("tenant_00000000000070008000000000000001"))
    let report = MCPReport(
      tenant: tenant, worker: "w", version: 2, state: .failed, fault: .protocol, message: "m\u{0}n",
      tools: [Self.definition("a__b", .mcp(server: "a"))])
    #expect(try MCPReport(try JSONDocument(parsing: report.document()).root) == report)
  }

  @Test(arguments: [
    "{}", "[]", #"{"tenant_id":"x","worker":"w","version":1,"state":"ready"}"#,
    #"{"tenant_id":"tenant_00000000000070008000000000000001","worker":"w","version":0,"state":"ready"}"#,
    #"{"tenant_id":"tenant_00000000000070008000000000000001","worker":"w","version":1,"state":"fine"}"#,
    #"{"tenant_id":"tenant_00000000000070008000000000000001","worker":"w","version":1,"state":"ready","tools":[{}]}"#,
    #"{"tenant_id":"tenant_00000000000070008000000000000001","worker":"w","version":1,"state":"ready","more":1}"#,
  ])
  func `a report with a fault is refused`(_ text: String) throws {
    let root = try JSONDocument(parsing: text).root
    #expect(throws: JSONFieldsError.self) { try MCPReport(root) }
  }

  @Test func `secrets show their names alone`() {
    let secrets = MCPSecrets(["authorization": "Bearer hidden"])
    #expect(!"\(secrets)".contains("hidden"))
    #expect(!String(reflecting: secrets).contains("hidden"))
    var dumped = ""
    dump(secrets, to: &dumped)
    #expect(!dumped.contains("hidden"))
  }
}
