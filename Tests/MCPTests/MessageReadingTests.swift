import JSON
import MCP
import Testing

/// What is a message and what is none.
struct MessageReadingTests {
  private func reason(_ text: String) -> MCPErrorReason? {
    do throws(MCPError) {
      _ = try MCPMessage(parsing: Array(text.utf8))
      return nil
    } catch { return error.reason }
  }

  @Test func kindsOfMessages() throws {
    guard
      case .request(let request) = try MCPMessage(parsing: Array(#"{"jsonrpc":"2.0","id":"a","method":"ping"}"#.utf8))
    else { return #expect(Bool(false)) }
    #expect(request.id == .string("a"))
    #expect(request.method == "ping")
    guard
      case .notification(let note) = try MCPMessage(
        parsing: Array(#"{"jsonrpc":"2.0","method":"notifications/x","params":{"a":1}}"#.utf8))
    else { return #expect(Bool(false)) }
    #expect(note.params?["a"]?.int == 1)
    guard
      case .response(let id, let result) = try MCPMessage(parsing: Array(#"{"jsonrpc":"2.0","id":7,"result":{}}"#.utf8))
    else { return #expect(Bool(false)) }
    #expect(id == .number(7))
    #expect(result.count == 0)
    guard
      case .failure(let none, let error) = try MCPMessage(
        parsing: Array(#"{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"bad \u001b[31mjson"}}"#.utf8))
    else { return #expect(Bool(false)) }
    #expect(none == nil)
    #expect(error.code == -32700)
    #expect(error.message == "bad json")
  }

  @Test(arguments: [
    (#"{"#, MCPErrorReason.invalidJSON), ("[]", .invalidMessage), ("1", .invalidMessage), ("{}", .invalidMessage),
    (#"{"jsonrpc":"1.0","id":1,"method":"x"}"#, .invalidMessage),
    (#"{"jsonrpc":"2.0","id":1.5,"method":"x"}"#, .invalidMessage),
    (#"{"jsonrpc":"2.0","id":null,"method":"x"}"#, .invalidMessage),
    (#"{"jsonrpc":"2.0","id":1,"method":""}"#, .invalidMessage),
    (#"{"jsonrpc":"2.0","id":1,"method":"x","params":[1]}"#, .invalidMessage),
    (#"{"jsonrpc":"2.0","id":1,"method":"x","result":{}}"#, .invalidMessage),
    (#"{"jsonrpc":"2.0","id":1,"result":{},"error":{"code":1,"message":""}}"#, .invalidMessage),
    (#"{"jsonrpc":"2.0","id":1,"result":[]}"#, .invalidMessage),
    (#"{"jsonrpc":"2.0","result":{}}"#, .invalidMessage),
    (#"{"jsonrpc":"2.0","id":1,"error":"no"}"#, .invalidMessage),
    (#"{"jsonrpc":"2.0","id":1,"error":{"code":"1","message":""}}"#, .invalidMessage),
    (#"{"jsonrpc":"2.0","id":1,"id":2,"method":"x"}"#, .invalidJSON),
  ])
  func refused(_ text: String, _ expected: MCPErrorReason) { #expect(reason(text) == expected) }

  @Test func depthAndSizeAreLimited() {
    let deep = #"{"jsonrpc":"2.0","method":"x","params":{"a":"# + String(repeating: "[", count: 200)
    #expect(reason(deep + String(repeating: "]", count: 200) + "}}") == .invalidJSON)
    var limits = MCPLimits()
    limits.messageBytesMax = 20
    #expect(throws: MCPError.self) {
      try MCPMessage(parsing: Array(#"{"jsonrpc":"2.0","method":"notifications/x"}"#.utf8), limits: limits)
    }
  }

  @Test func batchesAreReadWhereTheyAreAllowed() throws {
    let text = #"[{"jsonrpc":"2.0","method":"a"},{"jsonrpc":"2.0","id":1,"method":"b"}]"#
    #expect(try MCPMessage.messages(parsing: Array(text.utf8)).count == 2)
    #expect(throws: MCPError.self) { try MCPMessage.messages(parsing: Array("[]".utf8)) }
  }

  @Test func linesAreCutAndLimited() throws {
    var reader = MCPLineReader(bytesMax: 8)
    #expect(try reader.feed(Array("ab".utf8)).isEmpty)
    #expect(try reader.feed(Array("c\r\n\n  \nde\nf".utf8)) == [Array("abc".utf8), Array("de".utf8)])
    #expect(reader.pendingBytes == 1)
    #expect(reader.takeBlanks() == (2, 4) && reader.takeBlanks() == (0, 0))
    #expect(throws: MCPError.self) { try reader.feed(Array("123456789".utf8)) }
  }

  @Test func textIsMadePlain() {
    #expect(MCPText.plain("\u{1B}[31mred\u{1B}[0m\u{1B}]0;title\u{07}!\u{9B}1mx") == "red!x")
    #expect(MCPText.plain("a\u{202E}b\u{E0041}c\u{0}\n\td") == "abc\n\td")
    #expect(MCPText.plain("äöü", bytesMax: 5) == "äö")
  }

  @Test func headersOfNames() {
    for value in ["us-west1", "Hello, 世界", " padded ", "line1\nline2", "=?base64?literal?=", ""] {
      #expect(MCPHeader.decode(MCPHeader.encode(value)) == value)
    }
    #expect(MCPHeader.encode(" padded ") == "=?base64?IHBhZGRlZCA=?=")
    #expect(MCPHeader.encode("us-west1") == "us-west1")
    #expect(MCPHeader.decode("=?base64?!?=") == nil)
  }

  @Test func argumentsBecomeHeaders() throws {
    let schema = try JSONDocument(
      parsing:
        #"{"type":"object","properties":{"region":{"type":"string","x-mcp-header":"Region"},"#
        + #""deep":{"type":"object","properties":{"n":{"type":"integer","x-mcp-header":"N"}}},"#
        + #""x-mcp-header":{"type":"string"}}}"#
    )
    let headers = try MCPParameterHeaders(inputSchema: schema.root)
    let arguments = try JSONDocument(parsing: #"{"region":"eu\n","deep":{"n":4}}"#)
    let found = headers.headers(for: arguments.root)
    #expect(found.map(\.name) == ["mcp-param-region", "mcp-param-n"])
    #expect(found.map(\.value) == ["=?base64?ZXUK?=", "4"])
    for bad in [
      #"{"properties":{"a":{"type":"number","x-mcp-header":"A"}}}"#,
      #"{"properties":{"a":{"type":"array","items":{"type":"string","x-mcp-header":"A"}}}}"#,
      #"{"properties":{"a":{"type":"string","x-mcp-header":"A B"}}}"#,
    ] {
      #expect(throws: MCPError.self) { try MCPParameterHeaders(inputSchema: JSONDocument(parsing: bad).root) }
    }
  }
}
