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
      let world = MCPWorld(
        .stdio(
          command: peer.python, arguments: ["-B", TestServers.folder + "/" + peer.script, "stdio"],
          environmentNames: Array(secrets.keys)), secrets: secrets)
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

  @Test(arguments: Peer.all) func `tools, resources and prompts`(_ peer: Peer) async throws {
    try await world(peer) { world in
      let names = Set(try await world.definitions().map(\.name))
      #expect(names.isSuperset(of: ["s__add", "s__slow", "s__read_resource", "s__get_prompt"]), "\(names)")
      let runner = try world.runner()
      let era = try await runner.loop.hop { runner.connection?.revision?.era }
      #expect(era == (peer.isOld ? .session : .stateless))

      let sum = try await world.call("add", #"{"a": 2, "b": 40}"#)
      #expect(!sum.isError, "\(sum.text)")
      #expect(sum.data.flatMap { try? JSONDocument(parsing: $0) }?.root["total"]?.int == 42)

      let wrong = try await world.call("add", #"{"a": "two"}"#)
      #expect(wrong.isError)
      let failed = try await world.call("fail")
      #expect(failed.isError)
      #expect(failed.code == ToolResultCode.toolFailed.rawValue, "\(failed)")

      let picture = try await world.call("picture")
      #expect(picture.artefacts.count == 1)
      #expect(picture.artefacts.first?.mediaType == "image/png")
      #expect(
        world.artefacts.files.withLock { Array($0.values) } == [
          Array("\u{89}PNG\r\n".unicodeScalars.map { UInt8($0.value) })
        ])

      #expect(try await world.call("read_resource", #"{"uri": "note://hello"}"#).text.contains("hello from a resource"))
      #expect(try await world.call("read_resource", #"{"uri": "note://none"}"#).isError)
      #expect(try await world.call("list_resources").text.contains("note://hello"))
      #expect(
        try await world.call("get_prompt", #"{"name": "greet", "arguments": {"name": "Ada"}}"#).text
          .contains("Say hello to Ada."))
      #expect(try await world.call("list_prompts").text.contains("greet(name)"))
    }
  }

  @Test(arguments: Peer.all) func `a call that takes its time, and one that takes too long`(_ peer: Peer) async throws {
    try await world(peer) { world in
      #expect(try await world.call("slow", #"{"seconds": 0.2}"#).text == "done")
      let late = try await world.call("slow", #"{"seconds": 60}"#, nanoseconds: 700_000_000)
      #expect(late.code == ToolResultCode.timedOut.rawValue)
      // The connection goes on, and the late answer is nobody's.
      #expect(try await world.call("add", #"{"a": 1, "b": 1}"#).isError == false)
    }
  }

  @Test(arguments: Peer.all.prefix(4)) func `a list that changes is read again`(_ peer: Peer) async throws {
    try await world(peer) { world in
      _ = try await world.definitions()
      #expect(try await world.call("grow").text == "grew")
      let runner = try world.runner()
      #expect(
        try await eventually {
          // A subscription may begin only after the first change.
          if try await runner.loop.hop({ runner.catalogue?.entries["s__grown"] != nil }) { return true }
          _ = try await world.call("grow")
          return false
        }, "\(peer)")
    }
  }

  @Test(arguments: Peer.all.prefix(2)) func `a server that dies is started again`(_ peer: Peer) async throws {
    try await world(peer) { world in
      let dead = try await world.call("die")
      #expect(dead.text.contains("(closed)"))
      #expect(dead.code == ToolResultCode.unreachable.rawValue)
      #expect(try await world.call("add", #"{"a": 1, "b": 2}"#).isError == false)
    }
  }

  @Test(arguments: [Peer.all[0], Peer.all[2]]) func `a question to a person`(_ peer: Peer) async throws {
    try await world(peer) { world in
      let waiting = try await world.call("paint", #"{"what": "the sky"}"#)
      let ask = try #require(waiting.ask, "\(waiting)")
      #expect(String(decoding: ask.subject, as: UTF8.self).contains("Which colour?"))
      func answer(_ text: String) -> ToolAnswer {
        ToolAnswer(kind: .question, subjectSHA256: ask.subjectSHA256, answer: Array(text.utf8))
      }
      let done = try await world.call("paint", #"{"what": "the sky"}"#, answers: [answer(#"{"text": "blue"}"#)])
      #expect(done.text == "the sky is blue", "\(done)")
      let refused = try await world.call("paint", #"{"what": "x"}"#, answers: [answer(#"{"declined": true}"#)])
      #expect(refused.isError)
      let expired = try await world.call("paint", #"{"what": "x"}"#, answers: [answer(#"{"expired": true}"#)])
      #expect(expired.isError)
      let wrong = try await world.call("paint", #"{"what": "x"}"#, answers: [answer(#"{"content": {"colour": 7}}"#)])
      #expect(wrong.text.contains("(input_required)"))
    }
  }

  @Test(arguments: [Peer.all[1], Peer.all[3]])
  func `in the session era a question in the middle of a call is refused`(_ peer: Peer) async throws {
    try await world(peer) { world in
      let result = try await world.call("paint", #"{"what": "x"}"#)
      #expect(result.isError)
    }
  }

  @Test func `the environment holds what is declared`() async throws {
    try await world(Peer.all[0], secrets: ["TOKEN": "abc"]) { world in
      let text = try await world.call("environment").text
      #expect(text == "TOKEN;abc")
    }
  }

  @Test func `a session that the server forgot is opened anew`() async throws {
    try await world(Peer.all[5]) { world in
      let forgotten = try await world.call("forget")
      #expect(!forgotten.isError)
      let sum = try await world.call("add", #"{"a": 1, "b": 2}"#)
      #expect(!sum.isError, "\(sum.text)")
    }
  }
}
