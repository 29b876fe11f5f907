import Foundation
import JSON
import JSONSchema
import MCP
import Testing

/// What is written fits the published schemas, and what they give as examples is read.
struct ConformanceTests {
  private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().path + "/Fixtures/"

  private static func document(_ name: String) throws -> JSONDocument {
    try JSONDocument(parsing: Array(Data(contentsOf: URL(fileURLWithPath: folder + name))))
  }

  /// The schema of one definition.
  private static func schema(_ revision: MCPRevision, _ definition: String) throws -> CompiledSchema {
    var writer = JSONWriter()
    writer.beginObject()
    writer.member("$ref", "#/$defs/\(definition)")
    writer.member("$defs", raw: try #require(try document("\(revision.rawValue).json").root["$defs"]).rawBytes)
    writer.endObject()
    return try CompiledSchema(JSONDocument(parsing: writer.bytes).root)
  }

  private func check(
    _ bytes: [UInt8], _ definition: String, _ revision: MCPRevision = .july2026,
    _ location: SourceLocation = #_sourceLocation
  ) throws {
    let value = try JSONDocument(parsing: bytes)
    let violations = try Self.schema(revision, definition).violations(of: value.root)
    #expect(violations.isEmpty, "\(String(decoding: bytes, as: UTF8.self))", sourceLocation: location)
    _ = try MCPMessage(parsing: bytes)
  }

  private let metadata = MCPRequestMetadata(
    revision: "2026-07-28", client: MCPImplementation(name: "c", version: "1"),
    capabilities: MCPClientCapabilities(elicitationForms: true, elicitationURLs: true), progressToken: .number(4),
    traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")

  @Test func requestsFitTheSchema() throws {
    try check(
      MCPMessageWriter.request(id: .number(1), method: "server/discover") { metadata.write(to: &$0) },
      "DiscoverRequest")
    try check(
      MCPMessageWriter.request(id: .string("a"), method: "tools/call") { writer in
        metadata.write(to: &writer)
        writer.member("name", "t")
        writer.member("arguments", raw: Array(#"{"a":1}"#.utf8))
        writer.member("inputResponses", raw: Array(#"{"q":{"action":"accept","content":{"x":"y"}}}"#.utf8))
        writer.member("requestState", "s")
      }, "CallToolRequest")
    try check(
      MCPMessageWriter.request(id: .number(2), method: "initialize") { writer in
        writer.member("protocolVersion", "2025-11-25")
        writer.key("capabilities")
        MCPClientCapabilities().write(to: &writer)
        writer.key("clientInfo")
        MCPImplementation(name: "c", version: "1").write(to: &writer)
      }, "InitializeRequest", .november2025)
    try check(
      MCPMessageWriter.notification(method: "notifications/progress") {
        MCPProgress(token: .string("t"), progress: 0.5, total: 1, message: "m").write(to: &$0)
      }, "ProgressNotification")
  }

  @Test func resultsFitTheSchema() throws {
    var capabilities = MCPServerCapabilities()
    capabilities.tools = true
    capabilities.toolsListChanged = true
    let handshake = MCPHandshake(
      revisions: ["2026-07-28", "2025-11-25"], capabilities: capabilities,
      server: MCPImplementation(name: "s", version: "1"), instructions: "i", lifetimeMilliseconds: 1000)
    try check(
      MCPMessageWriter.response(id: .number(1)) { handshake.writeDiscovery(to: &$0) }, "DiscoverResultResponse")
    var session = JSONWriter()
    session.beginObject()
    handshake.writeInitialization(to: &session)
    session.endObject()
    #expect(
      try Self.schema(.november2025, "InitializeResult").violations(of: JSONDocument(parsing: session.bytes).root)
        .isEmpty)
    let tool = MCPTool(
      name: "t", title: "T", description: "d", inputSchema: try JSONDocument(parsing: #"{"type":"object"}"#),
      outputSchema: try JSONDocument(parsing: #"{"type":"object"}"#),
      annotations: MCPToolAnnotations(readOnly: true, destructive: false))
    let page = MCPListPage(entries: [tool], nextCursor: "c")
    try check(
      MCPMessageWriter.response(id: .number(1)) { writer in
        page.write("tools", stateless: true, to: &writer) { $0.write(to: &$1) }
      }, "ListToolsResultResponse")
    let content: [MCPContent] = [
      .text("x"), .media(bytes: [1, 2, 3], mediaType: "image/png"), .media(bytes: [], mediaType: "audio/wav"),
      .link(uri: "file:///a", name: "a", mediaType: "text/plain"),
      .textResource(uri: "file:///a", text: "t", mediaType: nil),
      .blobResource(uri: "file:///b", bytes: [0xFF], mediaType: "x/y"),
    ]
    let result = MCPToolResult(content: content, structured: try JSONDocument(parsing: #"{"n":1}"#).root, isError: true)
    let bytes = MCPMessageWriter.response(id: .number(1)) { result.write(stateless: true, to: &$0) }
    try check(bytes, "CallToolResultResponse")
    guard case .response(_, let view) = try MCPMessage(parsing: bytes) else { return #expect(Bool(false)) }
    #expect(try MCPToolResult(view).content == content)
    try check(
      MCPMessageWriter.failure(
        id: .number(1), code: MCPErrorCode.unsupportedVersion, message: "no",
        data: Array(#"{"supported":["2026-07-28"],"requested":"x"}"#.utf8)), "UnsupportedProtocolVersionError")
  }

  @Test func examplesAreRead() throws {
    let examples = try Self.document("examples-2026-07-28.json").root
    func each(_ definition: String, _ isRead: (JSONView) throws -> Bool) throws {
      let members = try #require(examples[definition])
      #expect(members.count > 0)
      for (name, example) in members.members {
        do { #expect(try isRead(example), "\(definition) \(name.string ?? "")") } catch {
          Issue.record("\(definition) \(name.string ?? ""): \(error)")
        }
      }
    }
    for definition in examples.members.compactMap(\.key.string)
    where definition.hasSuffix("Request") || definition.hasSuffix("Notification") || definition.hasSuffix("Response") {
      try each(definition) { example in
        // Requests for input are inside of results and have no id.
        if example["jsonrpc"] != nil { _ = try MCPMessage(example) }
        return true
      }
    }
    try each("DiscoverResult") { try MCPHandshake(discovery: $0).revisions.contains("2026-07-28") }
    try each("ListToolsResult") { example in
      let page = try MCPListPage<MCPTool>(tools: example)
      return !page.entries.isEmpty && page.faults.isEmpty
    }
    try each("ListResourcesResult") { try MCPListPage<MCPResource>(resources: $0).faults.isEmpty }
    try each("ListResourceTemplatesResult") { try MCPListPage<MCPResource>(templates: $0).faults.isEmpty }
    try each("ListPromptsResult") { try MCPListPage<MCPPrompt>(prompts: $0).faults.isEmpty }
    try each("CallToolResult") { try !MCPToolResult($0).content.isEmpty }
    try each("InputRequiredResult") { try MCPInputRequired($0) != nil }
    try each("ReadResourceResult") { try !MCPToolResult.contents(ofResource: $0).isEmpty }
    try each("GetPromptResult") { try !MCPToolResult.messages(ofPrompt: $0).isEmpty }
    try each("ElicitRequestFormParams") { try !MCPElicitation(params: $0).message.isEmpty }
    try each("ElicitRequestURLParams") { try !MCPElicitation(params: $0).message.isEmpty }
    try each("ProgressNotificationParams") { try MCPProgress(params: $0).progress > 0 }
    try each("UnsupportedProtocolVersionError") { example in
      guard case .failure(_, let error) = try MCPMessage(example) else { return false }
      return !error.supportedRevisions.isEmpty
    }
  }
}
