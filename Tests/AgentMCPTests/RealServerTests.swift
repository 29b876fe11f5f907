import AgentTools
import Contracts
import JSON
import LocalStack
import MCP
import Synchronization
import Testing

@testable import AgentMCP

/// Servers of the official package, over both transports, of both eras. Installed by `make setup`.
@Suite(.enabled(if: TestServers.areInstalled))
struct RealServerTests {
  /// One way to reach one server.
  struct Peer: Sendable, CustomTestStringConvertible {
    let isOld: Bool
    let transport: String
    var options: [String] = []

    var testDescription: String { "\(isOld ? "old" : "new") \(transport) \(options.joined())" }
    var python: String { isOld ? TestServers.oldPython : TestServers.newPython }
    var script: String { isOld ? "real_old.py" : "real_new.py" }

    static let all: [Peer] = [
      Peer(isOld: false, transport: "stdio"), Peer(isOld: true, transport: "stdio"),
      Peer(isOld: false, transport: "http"), Peer(isOld: true, transport: "http"),
      Peer(isOld: false, transport: "http", options: ["json"]),
      Peer(isOld: true, transport: "http", options: ["json"]),
    ]
  }

  private func world(
    _ peer: Peer, secrets: [String: String] = [:], _ body: (MCPWorld) async throws -> Void
  ) async throws {
    if peer.transport == "stdio" {
      let (command, arguments) = TestServers.script(peer.script, ["stdio"], python: peer.python)
      let world = MCPWorld(
        .stdio(command: command, arguments: arguments, environmentNames: Array(secrets.keys)), secrets: secrets)
      try await body(world)
      await world.end()
    } else {
      let process = try await HTTPServerProcess.start(
        python: peer.python, script: peer.script, port: LoopbackPort.free(), peer.options)
      defer { process.stop() }
      let world = MCPWorld(.http(url: "http://127.0.0.1:\(process.port)/mcp", headerNames: []))
      try await body(world)
      await world.end()
    }
  }

  @Test(arguments: Peer.all) func `a server of the official package`(_ peer: Peer) async throws {
    try await world(peer, secrets: peer.transport == "stdio" ? ["TOKEN": "abc"] : [:]) { world in
      let names = Set(try await world.definitions().map(\.name))
      #expect(names.isSuperset(of: ["s__add", "s__slow", "s__read_resource", "s__get_prompt"]), "\(names)")
      let runner = try world.runner()
      let era = try await runner.loop.hop { runner.connection?.revision?.era }
      #expect(era == (peer.isOld ? .session : .stateless))
      try await tools(world)
      try await resources(world)
      try await deadlines(world)
      if peer.options.isEmpty { try await changes(world) }
      if peer.isOld, peer.options.isEmpty {
        // In the session era a question in the middle of a call is refused. With JSON answers the package waits for
        // ever, so it is not asked then.
        #expect(try await world.call("paint", #"{"what": "x"}"#).isError)
      }
      if !peer.isOld {
        try await questions(world)
        let environment = try await world.call("environment").text
        if peer.transport == "stdio" {
          #expect(
            TestServers.hasJail ? environment.hasPrefix("HOME,LANG,PATH,TMPDIR,TOKEN;") : environment == "TOKEN;abc")
        }
      }
      if peer.isOld, peer.transport == "http" {
        #expect(try await world.call("forget").isError == false)
        let sum = try await world.call("add", #"{"a": 1, "b": 2}"#)
        #expect(!sum.isError, "after the loss of the session: \(sum.text)")
      }
      if peer.transport == "stdio" { try await death(world) }
    }
  }

  private func tools(_ world: MCPWorld) async throws {
    let sum = try await world.call("add", #"{"a": 2, "b": 40}"#)
    #expect(!sum.isError, "\(sum.text)")
    #expect(sum.data.flatMap { try? JSONDocument(parsing: $0) }?.root["total"]?.int == 42)
    #expect(try await world.call("add", #"{"a": "two"}"#).isError)
    let failed = try await world.call("fail")
    #expect(failed.isError)
    #expect(failed.code == ToolResultCode.toolFailed.rawValue, "\(failed)")
    let picture = try await world.call("picture")
    #expect(picture.artefacts.count == 1)
    #expect(picture.artefacts.first?.mediaType == "image/png")
    let stored = world.artefacts.files.withLock { Array($0.values) }
    #expect(stored == [[0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A]])
  }

  private func resources(_ world: MCPWorld) async throws {
    let note = try await world.call("read_resource", #"{"uri": "note://hello"}"#)
    #expect(note.text.contains("hello from a resource"))
    #expect(try await world.call("read_resource", #"{"uri": "note://none"}"#).isError)
    #expect(try await world.call("list_resources").text.contains("note://hello"))
    let prompt = try await world.call("get_prompt", #"{"name": "greet", "arguments": {"name": "Ada"}}"#)
    #expect(prompt.text.contains("Say hello to Ada."))
    #expect(try await world.call("list_prompts").text.contains("greet(name)"))
  }

  /// A call that takes its time, and one that takes too long: the connection goes on, the late answer is nobody's.
  private func deadlines(_ world: MCPWorld) async throws {
    #expect(try await world.call("slow", #"{"seconds": 0.2}"#).text == "done")
    let late = try await world.call("slow", #"{"seconds": 60}"#, nanoseconds: 700_000_000)
    #expect(late.code == ToolResultCode.timedOut.rawValue)
    #expect(try await world.call("add", #"{"a": 1, "b": 1}"#).isError == false)
  }

  private func changes(_ world: MCPWorld) async throws {
    #expect(try await world.call("grow").text == "grew")
    let runner = try world.runner()
    let isKnown = try await eventually {
      // A subscription may begin only after the first change.
      if try await runner.loop.hop({ runner.catalogue?.entries["s__grown"] != nil }) { return true }
      _ = try await world.call("grow")
      return false
    }
    #expect(isKnown)
  }

  private func questions(_ world: MCPWorld) async throws {
    let waiting = try await world.call("paint", #"{"what": "the sky"}"#)
    let ask = try #require(waiting.ask, "\(waiting)")
    #expect(String(decoding: ask.subject, as: UTF8.self).contains("Which colour?"))
    func answered(_ text: String) async throws -> ToolResult {
      let answer = ToolAnswer(kind: .question, subjectSHA256: ask.subjectSHA256, answer: Array(text.utf8))
      return try await world.call("paint", #"{"what": "the sky"}"#, answers: [answer])
    }
    let done = try await answered(#"{"text": "blue"}"#)
    #expect(done.text == "the sky is blue", "\(done)")
    #expect(try await answered(#"{"declined": true}"#).isError)
    #expect(try await answered(#"{"expired": true}"#).isError)
    #expect(try await answered(#"{"content": {"colour": 7}}"#).text.contains("(input_required)"))
  }

  private func death(_ world: MCPWorld) async throws {
    let dead = try await world.call("die")
    #expect(dead.text.contains("(closed)"))
    #expect(dead.code == ToolResultCode.unreachable.rawValue)
    #expect(try await world.call("add", #"{"a": 1, "b": 2}"#).isError == false)
  }
}
