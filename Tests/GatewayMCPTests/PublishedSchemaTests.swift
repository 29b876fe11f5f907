import Foundation
import HTTP
import HTTPWire
import JSON
import JSONSchema
import Testing

private let folder = ProcessInfo.processInfo.environment["CADRE_CONFORMANCE_DIR"].map { $0 + "/mcp" }

/// What the server answers, against the schemas that the protocol publishes.
@Suite struct PublishedSchemaTests {
  /// The schema of a definition in a file of the protocol.
  private static func schema(_ revision: String, _ name: String) throws -> CompiledSchema {
    let path = try #require(folder) + "/\(revision).json"
    let document = try JSONDocument(parsing: Array(Data(contentsOf: URL(fileURLWithPath: path))))
    let member = document.root["$defs"] == nil ? "definitions" : "$defs"
    let definitions = try #require(document.root[member])
    var writer = JSONWriter()
    writer.beginObject()
    writer.member("$ref", "#/\(member)/\(name)")
    writer.member(member, raw: definitions.rawBytes)
    writer.endObject()
    return try CompiledSchema(JSONDocument(parsing: writer.bytes).root)
  }

  private static func expect(_ value: JSONView?, fits revision: String, _ name: String) throws {
    let value = try #require(value, "\(name)")
    let violations = try schema(revision, name).violations(of: value)
    #expect(
      violations.isEmpty, "\(revision) \(name): \(violations) of \(String(decoding: value.rawBytes, as: UTF8.self))")
  }

  private static let orchestrator: @Sendable (HTTPRequest, String) async throws -> HTTPResponse = { request, _ in
    if request.head.path == "/api/v1/runs" {
      return .json(.ok, Array(#"{"runs":[\#(ToolTests.document("failed"))],"next_cursor":"run_9"}"#.utf8))
    }
    return .json(.ok, Array(ToolTests.document("succeeded").utf8))
  }

  @Test(.enabled(if: folder != nil, "CADRE_CONFORMANCE_DIR names no folder"))
  func `answers fit the schema of 2026-07-28`() async throws {
    let uri = "cadre://runs/\(ToolTests.run)"
    try await MCPFixture.run(orchestrator: Self.orchestrator) { gateway in
      let revision = "2026-07-28"
      func fits(_ answer: MCPFixture.Answer, _ name: String) throws {
        try Self.expect(answer.root(), fits: revision, name)
      }
      try fits(try await gateway.modern("server/discover"), "DiscoverResultResponse")
      try fits(try await gateway.modern("tools/list"), "ListToolsResultResponse")
      try fits(try await gateway.call("get_run", #"{"run_id":"\#(ToolTests.run)"}"#), "CallToolResultResponse")
      try fits(try await gateway.call("get_run", "{}"), "CallToolResultResponse")
      try fits(try await gateway.modern("resources/list"), "ListResourcesResultResponse")
      try fits(try await gateway.modern("resources/templates/list"), "ListResourceTemplatesResultResponse")
      try fits(
        try await gateway.modern("resources/read", name: uri, #""uri":"\#(uri)""#), "ReadResourceResultResponse")
      try fits(try await gateway.modern("prompts/list"), "JSONRPCErrorResponse")
      let ping = Array(#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#.utf8)
      try fits(try await gateway.post(ping, [("mcp-protocol-version", "2026-07-28")]), "HeaderMismatchError")
      try fits(try await gateway.post(ping, [("mcp-protocol-version", "1")]), "UnsupportedProtocolVersionError")
      // Without an id, since none could be read.
      let broken = try await gateway.post(Array("{".utf8), [("mcp-protocol-version", "2026-07-28")])
      try fits(broken, "JSONRPCErrorResponse")
      try fits(
        try await gateway.post(ping, [("mcp-protocol-version", "2026-07-28")], key: nil), "JSONRPCErrorResponse")
    }
  }

  @Test(
    .enabled(if: folder != nil, "CADRE_CONFORMANCE_DIR names no folder"),
    arguments: ["2025-03-26", "2025-06-18", "2025-11-25"])
  func `answers fit the schemas of the revisions with sessions`(revision: String) async throws {
    let uri = "cadre://runs/\(ToolTests.run)"
    try await MCPFixture.run(orchestrator: Self.orchestrator) { gateway in
      func fits(_ answer: MCPFixture.Answer, _ name: String) throws {
        try Self.expect(answer.root()["result"], fits: revision, name)
      }
      let opening = #"{"protocolVersion":"\#(revision)","capabilities":{},"clientInfo":{"name":"t","version":"1"}}"#
      try fits(try await gateway.legacy("initialize", opening, version: nil), "InitializeResult")
      try fits(try await gateway.legacy("tools/list", version: revision), "ListToolsResult")
      let call = #"{"name":"get_run","arguments":{"run_id":"\#(ToolTests.run)"}}"#
      try fits(try await gateway.legacy("tools/call", call, version: revision), "CallToolResult")
      try fits(try await gateway.legacy("resources/list", version: revision), "ListResourcesResult")
      try fits(try await gateway.legacy("resources/templates/list", version: revision), "ListResourceTemplatesResult")
      let read = #"{"uri":"\#(uri)"}"#
      try fits(try await gateway.legacy("resources/read", read, version: revision), "ReadResourceResult")
    }
  }
}
