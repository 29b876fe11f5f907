import Contracts
import JSON
import SystemSources
import Testing

/// What a tool of a tenant says about its risk lowers nothing.
struct RiskFloorTests {
  private static func definition(_ risk: ToolRisk, source: ToolSource = .user) -> ToolDefinition {
    ToolDefinition(
      name: "t", description: "", parameters: Array(#"{"type":"object"}"#.utf8), risk: risk, isIdempotent: true,
      source: source)
  }

  @Test(arguments: [
    (ToolRisk.read, ToolRisk.execute), (.write, .execute), (.execute, .execute), (.network, .network),
  ])
  func `a tool that was uploaded has at least the risk of code`(declared: ToolRisk, risk: ToolRisk) throws {
    let tool = UserTool(
      definition: Self.definition(declared), runtime: .python, sourceSHA256: String(repeating: "0", count: 64),
      version: 1)
    #expect(tool.definition.risk == risk)
    #expect(tool.definition.name == "t" && tool.definition.isIdempotent)
    // As it was stored, or sent by a service of an earlier version.
    var writer = JSONWriter()
    writer.beginObject()
    Self.definition(declared).writeMembers(to: &writer)
    writer.member("runtime", "python")
    writer.member("source_sha256", String(repeating: "0", count: 64))
    writer.member("version", Int64(1))
    writer.endObject()
    #expect(UserTool(try JSONDocument(parsing: writer.bytes).root)?.definition.risk == risk)
  }

  @Test func `the floor of a server is what its tools can reach`() {
    func server(_ transport: RegisteredMCPServer.Transport, network: Bool = false) -> RegisteredMCPServer {
      RegisteredMCPServer(
        id: .make(), name: "s", version: 1, transport: transport, trust: .pin, usesNetwork: network,
        timeoutMilliseconds: 1000, tools: [])
    }
    let program = RegisteredMCPServer.Transport.stdio(command: "/x", arguments: [], environmentNames: [])
    #expect(server(program).riskMin == .execute)
    #expect(server(program, network: true).riskMin == .network)
    #expect(server(.http(url: "http://x", headerNames: [])).riskMin == .network)
    #expect(Self.definition(.network).atLeast(.execute).risk == .network)
    #expect(ToolRisk.allCases == ToolRisk.allCases.sorted())
  }
}
