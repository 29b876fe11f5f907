import Contracts
import JSON
import Primitives
import Testing

@testable import ToolRegistry

@Suite struct MCPServerInputTests {
  private static func faults(_ text: String, over before: MCPServerRow? = nil) throws -> [String] {
    do {
      _ = try MCPServerInput(try JSONDocument(parsing: text).root, over: before)
      return []
    } catch let error as JSONFieldsError { return error.faults.map(\.pointer) }
  }

  private static func row(_ transport: RegisteredMCPServer.Transport, secrets: [UInt8]?) throws -> MCPServerRow {
    MCPServerRow(
      server: RegisteredMCPServer(
        id: try #require(MCPServerID("mcp_00000000000070008000000000000001")), name: "web", version: 1,
        transport: transport, trust: .pin, timeoutMilliseconds: 1000, tools: []),
      secrets: secrets, isEnabled: true, createdBy: "t", createdAt: Timestamp(unixMicroseconds: 0),
      updatedAt: Timestamp(unixMicroseconds: 0), status: nil)
  }

  @Test func `a server is careful where it says nothing`() throws {
    let input = try MCPServerInput(
      try JSONDocument(parsing: #"{"name":"web","transport":"http","url":"https://a/mcp","headers":{"X-Key":"v"}}"#)
        .root)
    #expect(input.trust == .approve)
    #expect(input.isEnabled)
    #expect(input.transport == .http(url: "https://a/mcp", headerNames: ["x-key"]))
    #expect(input.secrets?.values == ["x-key": "v"])
  }

  @Test(arguments: [
    (#"{}"#, "/name"), (#"{"name":"a_b","transport":"http","url":"http://a"}"#, "/name"),
    (#"{"name":"-a","transport":"http","url":"http://a"}"#, "/name"),
    (#"{"name":"a","transport":"pipe"}"#, "/transport"), (#"{"name":"a","transport":"http"}"#, "/url"),
    (#"{"name":"a","transport":"http","url":"ftp://a"}"#, "/url"),
    (#"{"name":"a","transport":"http","url":"http://u:p@a"}"#, "/url"),
    (#"{"name":"a","transport":"http","url":"http://a","command":"/x"}"#, "/command"),
    (#"{"name":"a","transport":"http","url":"http://a","headers":{"host":"b"}}"#, "/headers"),
    (#"{"name":"a","transport":"http","url":"http://a","headers":{"mcp-session-id":"b"}}"#, "/headers"),
    (#"{"name":"a","transport":"http","url":"http://a","headers":{"x":"a\r\nb: c"}}"#, "/headers"),
    (#"{"name":"a","transport":"http","url":"http://a","headers":{"x":1}}"#, "/headers"),
    (#"{"name":"a","transport":"stdio","command":"sh"}"#, "/command"),
    (#"{"name":"a","transport":"stdio","command":"/x","environment":{"LD_PRELOAD":"/y"}}"#, "/environment"),
    (#"{"name":"a","transport":"stdio","command":"/x","environment":{"pythonpath":"/y"}}"#, "/environment"),
    (#"{"name":"a","transport":"stdio","command":"/x","environment":{"PATH":"/y"}}"#, "/environment"),
    (#"{"name":"a","transport":"stdio","command":"/x","environment":{"A=B":"/y"}}"#, "/environment"),
  ])
  func `what cannot be used is refused`(text: String, pointer: String) throws {
    #expect(try Self.faults(text).contains(pointer), "\(text)")
  }

  /// Otherwise whoever may change a server could have its values sent to a place of his own.
  @Test func `stored values do not follow a server to another place`() throws {
    let row = try Self.row(.http(url: "https://a/mcp", headerNames: ["authorization"]), secrets: [1])
    #expect(try Self.faults(#"{"url":"https://evil/mcp"}"#, over: row) == ["/headers"])
    #expect(try Self.faults(#"{"transport":"stdio","command":"/x"}"#, over: row) == ["/environment"])
    #expect(try Self.faults(#"{"url":"https://b/mcp","headers":{}}"#, over: row) == [])
    #expect(try Self.faults(#"{"enabled":false}"#, over: row) == [])
    #expect(try Self.faults(#"{"name":"other"}"#, over: row) == ["/name"])
    let program = try Self.row(.stdio(command: "/x", arguments: [], environmentNames: ["T"]), secrets: [1])
    #expect(try Self.faults(#"{"arguments":["--print-environment"]}"#, over: program) == ["/environment"])
  }

  @Test func `values open for their server alone, with every key of the list`() throws {
    let old = "old:\(String(repeating: "a", count: 32))"
    let new = "new:\(String(repeating: "b", count: 32))"
    let tenant = try #require(TenantID("tenant_00000000000070008000000000000001"))
    let other = try #require(TenantID("tenant_00000000000070008000000000000002"))
    let server = try #require(MCPServerID("mcp_00000000000070008000000000000001"))
    let secrets = MCPSecrets(["authorization": "Bearer x"])
    let sealed = try #require(try SecretBox(setting: old, named: "k").seal(secrets, tenant, server))
    #expect(!String(decoding: sealed, as: UTF8.self).contains("Bearer"))
    let rotated = try SecretBox(setting: "\(new),\(old)", named: "k")
    #expect(rotated.open(sealed, tenant, server) == secrets)
    #expect(rotated.open(sealed, other, server) == nil)
    #expect(try SecretBox(setting: new, named: "k").open(sealed, tenant, server) == nil)
    #expect(try SecretBox(setting: "", named: "k").seal(secrets, tenant, server) == nil)
    for count in 0..<sealed.count { #expect(rotated.open(Array(sealed.prefix(count)), tenant, server) == nil) }
  }
}
