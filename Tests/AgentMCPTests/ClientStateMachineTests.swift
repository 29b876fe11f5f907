import Contracts
import JSON
import MCP
import SystemSources
import Testing

@testable import AgentMCP

/// The client's side of a connection, without any I/O.
struct ClientStateMachineTests {
  private let late: UInt64 = 1_000_000_000_000

  private func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

  /// The methods and ids of messages that are sent.
  private func sent(_ actions: [ClientStateMachine.Action]) throws -> [String] {
    try actions.compactMap { action in
      guard case .send(let message) = action else { return nil }
      switch try MCPMessage(parsing: message) {
      case .request(let request): return "\(request.method) \(request.id)"
      case .notification(let notification): return notification.method
      case .response(let id, _): return "result \(id)"
      case .failure(let id, let error): return "error \(id.map { "\($0)" } ?? "-") \(error.code)"
      }
    }
  }

  private func closed(_ actions: [ClientStateMachine.Action]) -> MCPErrorReason? {
    for case .close(let error) in actions { return error.reason }
    return nil
  }

  private func stateless(_ capabilities: String = "{}") throws -> ClientStateMachine {
    var machine = ClientStateMachine()
    #expect(try sent(machine.open(era: nil, probeBy: 5, openBy: late)) == ["server/discover 1"])
    let actions = machine.received(
      bytes(
        #"{"jsonrpc":"2.0","id":1,"result":{"resultType":"complete","supportedVersions":["2026-07-28"],"capabilities":"#
          + capabilities + "}}"), now: 1)
    guard case .ready(.july2026, _)? = actions.first else {
      Issue.record("not ready: \(actions)")
      return machine
    }
    return machine
  }

  @Test func anOldServerIsGreetedAfterItsRefusal() throws {
    var machine = ClientStateMachine()
    _ = machine.open(era: nil, probeBy: 5, openBy: late)
    let again = machine.received(bytes(#"{"jsonrpc":"2.0","id":1,"error":{"code":-32602,"message":"?"}}"#), now: 1)
    #expect(try sent(again) == ["initialize 2"])
    let ready = machine.received(
      bytes(
        #"{"jsonrpc":"2.0","id":2,"result":{"protocolVersion":"2025-03-26","capabilities":{},"serverInfo":{"name":"s","version":"1"}}}"#
      ), now: 2)
    #expect(try sent(ready) == ["notifications/initialized"])
    let request = try machine.request("tools/list", traceparent: nil, deadline: late) { _ in }
    #expect(!String(decoding: request.message, as: UTF8.self).contains("protocolVersion"))
    // Batches belong to this revision alone.
    let both = machine.received(
      bytes(#"[{"jsonrpc":"2.0","method":"notifications/tools/list_changed"},{"jsonrpc":"2.0","id":3,"result":{}}]"#),
      now: 3)
    #expect(both.count == 2)
  }

  @Test func aSilentServerIsGreetedAfterAWhile() throws {
    var machine = ClientStateMachine()
    _ = machine.open(era: nil, probeBy: 5, openBy: 50)
    #expect(machine.nextDeadline == 5)
    #expect(try sent(machine.advance(now: 5)) == ["initialize 2"])
    // The late answer to the probe is dropped.
    #expect(machine.received(bytes(#"{"jsonrpc":"2.0","id":1,"error":{"code":1,"message":""}}"#), now: 6).isEmpty)
    #expect(closed(machine.advance(now: 50)) == .timedOut)
  }

  @Test func theLateAnswerOfAStatelessServerCounts() throws {
    var machine = ClientStateMachine()
    _ = machine.open(era: nil, probeBy: 5, openBy: 50)
    #expect(try sent(machine.advance(now: 5)) == ["initialize 2"])
    let actions = machine.received(
      bytes(
        #"{"jsonrpc":"2.0","id":1,"result":{"resultType":"complete","supportedVersions":["2026-07-28"],"capabilities":{}}}"#
      ), now: 6)
    guard case .ready(.july2026, _)? = actions.first else { return #expect(Bool(false)) }
    #expect(machine.received(bytes(#"{"jsonrpc":"2.0","id":2,"error":{"code":1,"message":""}}"#), now: 7).isEmpty)
    #expect(machine.nextDeadline == .max)
  }

  @Test func aKnownEraIsNotAskedFor() throws {
    var machine = ClientStateMachine()
    #expect(try sent(machine.open(era: .session, probeBy: 5, openBy: late)) == ["initialize 1"])
  }

  @Test func aDualServerOfNewerRevisionsIsGreeted() throws {
    var machine = ClientStateMachine()
    _ = machine.open(era: nil, probeBy: 5, openBy: late)
    let actions = machine.received(
      bytes(
        #"{"jsonrpc":"2.0","id":1,"error":{"code":-32022,"message":"","data":{"supported":["2027-01-01","2025-06-18"],"requested":"x"}}}"#
      ), now: 1)
    #expect(try sent(actions) == ["initialize 2"])
  }

  @Test func requestsSayWhatTheyNeed() throws {
    var machine = try stateless()
    let request = try machine.request("tools/call", traceparent: "00-a-b-01", deadline: late) { $0.member("name", "t") }
    let root = try JSONDocument(parsing: request.message).root
    let meta = try #require(root["params"]?["_meta"])
    #expect(meta["io.modelcontextprotocol/protocolVersion"]?.string == "2026-07-28")
    #expect(meta["io.modelcontextprotocol/clientCapabilities"]?["elicitation"]?["form"] != nil)
    #expect(meta["progressToken"]?.int == request.id)
    #expect(meta["traceparent"]?.string == "00-a-b-01")
  }

  @Test func deadlinesAreNotMovedByProgress() throws {
    var machine = try stateless()
    let request = try machine.request("tools/call", traceparent: nil, deadline: 100) { _ in }
    for now in 1..<50 as Range<UInt64> {
      let actions = machine.received(
        bytes(
          #"{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":\#(request.id),"progress":1}}"#
        ), now: now)
      #expect(actions.count == 1)
    }
    #expect(machine.nextDeadline == 100)
    let actions = machine.advance(now: 100)
    guard case .complete(request.id, .failure(let error))? = actions.first else { return #expect(Bool(false)) }
    #expect(error.reason == .timedOut)
    #expect(try sent(actions) == ["notifications/cancelled"])
    // Late answers are dropped once, and not twice.
    let answer = bytes(#"{"jsonrpc":"2.0","id":\#(request.id),"result":{}}"#)
    #expect(machine.received(answer, now: 101).isEmpty)
    #expect(closed(machine.received(answer, now: 102)) == .unknownResponse)
  }

  @Test func changesOfListsAreSubscribed() throws {
    var machine = ClientStateMachine()
    _ = machine.open(era: nil, probeBy: 5, openBy: late)
    let actions = machine.received(
      bytes(
        #"{"jsonrpc":"2.0","id":1,"result":{"resultType":"complete","supportedVersions":["2026-07-28"],"capabilities":{"tools":{"listChanged":true}}}}"#
      ), now: 1)
    #expect(try sent(actions) == ["subscriptions/listen 2"])
    let changed = machine.received(
      bytes(#"{"jsonrpc":"2.0","method":"notifications/tools/list_changed","params":{}}"#), now: 2)
    guard case .listChanged(.tools)? = changed.first else { return #expect(Bool(false)) }
    // Its end is the server's own affair, and never a result of ours.
    #expect(machine.received(bytes(#"{"jsonrpc":"2.0","id":2,"result":{}}"#), now: 3).isEmpty)
  }

  @Test func theEndFailsWhatWaits() throws {
    var machine = try stateless()
    let first = try machine.request("a", traceparent: nil, deadline: late) { _ in }
    let second = try machine.request("b", traceparent: nil, deadline: late) { _ in }
    let actions = machine.close(MCPError(.closed, "gone"))
    let ids = actions.compactMap { action -> Int64? in
      if case .complete(let id, .failure) = action { id } else { nil }
    }
    #expect(ids == [first.id, second.id])
    #expect(closed(actions) == .closed)
    #expect(machine.close(MCPError(.closed, "again")).isEmpty)
    #expect(throws: MCPError.self) { try machine.request("c", traceparent: nil, deadline: late) { _ in } }
  }

  @Test func requestsUnderWayAreBounded() throws {
    var machine = try stateless()
    for _ in 0..<ClientStateMachine.pendingMax {
      _ = try machine.request("a", traceparent: nil, deadline: late) { _ in }
    }
    #expect(throws: MCPError.self) { try machine.request("a", traceparent: nil, deadline: late) { _ in } }
  }

  @Test func bytesThatNobodyAskedForAreBounded() throws {
    var machine = try stateless()
    let large =
      bytes(#"{"jsonrpc":"2.0","method":"notifications/message","params":{"data":""#)
      + [UInt8](repeating: 0x78, count: 4 << 20) + bytes("\"}}")
    for _ in 0..<7 { #expect(closed(machine.received(large, now: 10)) == nil) }
    // Another second has room of its own, and an answer that was asked for is none of it.
    for _ in 0..<7 { #expect(closed(machine.received(large, now: 2_000_000_000)) == nil) }
    let request = try machine.request("a", traceparent: nil, deadline: late) { _ in }
    let answer =
      bytes(#"{"jsonrpc":"2.0","id":\#(request.id),"result":{"data":""#) + [UInt8](repeating: 0x78, count: 6 << 20)
      + bytes("\"}}")
    #expect(machine.received(answer, now: 2_000_000_001).count == 1)
    #expect(closed(machine.received(large, now: 2_000_000_002)) == .tooManyMessages)
  }

  @Test func pagesEnd() throws {
    var list = ListCollector<MCPPrompt>(entriesMax: 3)
    let prompt = try JSONDocument(parsing: #"{"prompts":[{"name":"a"},{"name":"b"}],"nextCursor":"x"}"#)
    #expect(try list.take(MCPListPage<MCPPrompt>(prompts: prompt.root)) == "x")
    #expect(throws: MCPError.self) { try list.take(MCPListPage<MCPPrompt>(prompts: prompt.root)) }
  }

  /// Schemas that are large, and schemas of many values.
  @Test(arguments: ["description", "enum"]) func whatAServerOffersFitsIntoAReport(member: String) throws {
    let value =
      member == "enum"
      ? "[\(String(repeating: "0,", count: 19_000))0]" : "\"\(String(repeating: "x", count: 60 << 10))\""
    let schema = #"{"type":"object","\#(member)":\#(value)}"#
    let list = (0..<10).map { page -> [MCPTool] in
      let tools = (0..<20).map { #"{"name":"t\#(page)-\#($0)","inputSchema":\#(schema)}"# }
      let text = #"{"tools":[\#(tools.joined(separator: ","))]}"#
      return (try? MCPListPage<MCPTool>(tools: JSONDocument(parsing: text).root).entries) ?? []
    }
    let server = RegisteredMCPServer(
      id: MCPServerID.make(), name: "s", version: 1, transport: .http(url: "https://a/", headerNames: []), trust: .pin,
      usesNetwork: false, timeoutMilliseconds: 1000, tools: [])
    let mapped = DefinitionMapping.definitions(
      of: DefinitionMapping.Server(server), tools: list.flatMap { $0 }, MCPServerCapabilities())
    #expect(mapped.found.count > 5 && mapped.found.count < 200 && mapped.faults.count == 20)
    let report = MCPReport(
      tenant: TenantID.make(), worker: "w", version: 1, state: .ready, tools: mapped.found.map(\.definition))
    let bytes = report.document()
    #expect(bytes.count <= WorkspaceLimits.mcpReportBytesMax)
    #expect(throws: Never.self) {
      try JSONDocument(
        parsing: bytes, limits: JSONLimits(depthMax: 80, bytesMax: bytes.count, nodesMax: 400_000))
    }
  }

  @Test func namesOfToolsAreThoseThatProvidersTake() {
    #expect(DefinitionMapping.name("s", "add") == "s__add")
    let odd = DefinitionMapping.name("s", "get.user/info")
    #expect(odd.hasPrefix("s__get_user_info_") && odd.utf8.count == 25)
    #expect(odd != DefinitionMapping.name("s", "get/user.info"))
    #expect(DefinitionMapping.name("s", String(repeating: "x", count: 200)).utf8.count == 64)
  }
}
