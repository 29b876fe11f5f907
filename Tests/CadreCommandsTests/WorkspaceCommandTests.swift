import Foundation
import Synchronization
import Testing

@testable import CadreCommands

@Suite struct WorkspaceCommandTests {
  /// What a command wrote, and the request that it made.
  private struct Outcome {
    var status: Int32 = 0
    var lines: [String] = []
    var errors: [String] = []
    var bytes: [UInt8] = []
    var request: String?
  }

  private static func run(_ arguments: [String], answering body: String = "{}", status: Int = 200, times: Int = 1)
    throws -> Outcome
  {
    let server = try AnsweringServer(status: status, body: body, count: times)
    let outcome = Mutex(Outcome())
    let output = Output { text in
      outcome.withLock { $0.lines.append(text) }
    } error: { text in
      outcome.withLock { $0.errors.append(text) }
    } bytes: { bytes in
      outcome.withLock { $0.bytes += bytes }
    }
    let status = CadreTool.run(
      Array(arguments.prefix(1)) + ["--url", server.url] + Array(arguments.dropFirst()), output: output,
      environment: ["CADRE_API_KEY": "k"])
    return outcome.withLock { outcome in
      outcome.status = status
      outcome.request = server.request
      return outcome
    }
  }

  @Test func `lists are lines of words between tabs`() throws {
    let files =
      #"{"artefacts":[{"id":"artefact_1","bytes":3,"media_type":"text/csv","name":"a b"}],"next_cursor":null}"#
    #expect(try Self.run(["artefacts", "run_1"], answering: files).lines == ["artefact_1\t3\ttext/csv\ta b"])
    let tools = #"{"tools":[{"name":"t","source":"user","risk":"read","status":"approved"}],"next_cursor":null}"#
    #expect(try Self.run(["tools"], answering: tools).lines == ["t\tuser\tread\tapproved"])
  }

  @Test func `a file is written as it comes`() throws {
    let plain = try Self.run(["artefact", "get", "artefact_1"], answering: "a\nb")
    #expect(plain.bytes == Array("a\nb".utf8) && plain.lines.isEmpty)
    #expect(plain.request?.hasPrefix("GET /api/v1/artefacts/artefact_1/content ") == true)
    let file = NSTemporaryDirectory() + "cadre-artefact-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: file) }
    #expect(try Self.run(["artefact", "get", "../x", "-o", file], answering: "abc").status == 0)
    #expect(try String(contentsOfFile: file, encoding: .utf8) == "abc")
  }

  @Test func `an id is one part of the address`() throws {
    let outcome = try Self.run(["artefact", "get", "../runs?x"])
    #expect(outcome.request?.hasPrefix("GET /api/v1/artefacts/..%2Fruns%3Fx/content ") == true)
  }

  @Test func `a tool is sent with its manifest and its bytes`() throws {
    let folder = NSTemporaryDirectory() + "cadre-tool-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try #"{"name":"t"}"#.write(toFile: folder + "/m.json", atomically: true, encoding: .utf8)
    try Data([0, 1, 255]).write(to: URL(fileURLWithPath: folder + "/s.wasm"))
    let outcome = try Self.run(
      ["tool", "add", folder + "/m.json", folder + "/s.wasm"], answering: #"{"name":"t","version":2}"#)
    #expect(outcome.lines == ["t version 2 (unchanged)"])
    #expect(outcome.request?.hasSuffix(#"{"manifest":{"name":"t"},"source_base64":"AAH/"}"#) == true, "\(outcome)")
    #expect(try Self.run(["tool", "add", "/nonexistent", folder + "/s.wasm"]).status == 1)
  }

  @Test func `a server is one with an address, or one with a command and its arguments`() throws {
    let web = try Self.run(
      ["mcp", "add", "web", "https://a/mcp", "--header", "authorization=Bearer x=y", "--trust", "pin"],
      answering: #"{"id":"mcp_1"}"#, status: 201)
    #expect(web.lines == ["mcp_1"])
    #expect(
      web.request?.hasSuffix(
        #"{"name":"web","transport":"http","url":"https://a/mcp","headers":{"authorization":"Bearer x=y"},"trust":"pin"}"#
      )
        == true, "\(web)")
    let program = try Self.run(
      ["mcp", "add", "files", "/x", "--env", "A=b", "--", "--root", "/d"], answering: #"{"id":"mcp_2"}"#, status: 201)
    #expect(program.request?.contains(#""command":"/x","arguments":["--root","/d"],"environment":{"A":"b"}"#) == true)
  }

  @Test func `tools of a server are shown, and the definition that was shown is approved`() throws {
    let tools = #"{"tools":[{"name":"web__find","status":"new","sha256":"ab","description":"Finds."}]}"#
    let shown = try Self.run(["mcp", "tools", "mcp_1"], answering: tools)
    #expect(shown.status == 0 && shown.lines == ["web__find\tnew\tab\tFinds."], "\(shown)")
    let approved = try Self.run(["mcp", "approve", "mcp_1", "web__find"], answering: tools, times: 2)
    #expect(approved.lines.last == "approved" && approved.request?.hasSuffix(#"{"sha256":"ab"}"#) == true)
    let missing = try Self.run(["mcp", "approve", "mcp_1", "other"], answering: tools)
    #expect(missing.status == 1 && missing.errors.first?.contains("has no tool other") == true)
  }

  @Test func `a task says what its agent may use`() throws {
    let task = try Self.run(
      ["submit", "x", "--tools", "a,b", "--tools", "c", "--approve", "write", "--model", "m"],
      answering: #"{"id":"task_1"}"#)
    #expect(
      task.request?.hasSuffix(
        #"{"prompt":"x","input":{"tools":["a","b","c"],"approve":["write"],"model":"m"}}"#) == true, "\(task)")
    let plain = try Self.run(["submit", "x"], answering: #"{"id":"task_1"}"#)
    #expect(plain.request?.hasSuffix(#"{"prompt":"x"}"#) == true)
    let folder = NSTemporaryDirectory() + "cadre-file-\(UUID().uuidString)"
    try Data([0, 1, 255]).write(to: URL(fileURLWithPath: folder))
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let file = try Self.run(
      ["submit", "x", "--file", "data/a.bin=\(folder)"], answering: #"{"id":"artefact_1"}"#, times: 2)
    #expect(file.request?.hasSuffix(#"{"prompt":"x","artefacts":["artefact_1"]}"#) == true, "\(file)")
    #expect(try Self.run(["submit", "x", "--file", "/nonexistent"]).status == 1)
  }

  @Test func `an answer can be any JSON`() throws {
    let json = try Self.run(["answer", "step_1", "--json", #"{"colour":"blue"}"#], answering: #"{"id":"step_1"}"#)
    #expect(json.request?.hasSuffix(#"{"answer":{"colour":"blue"}}"#) == true, "\(json)")
    #expect(try Self.run(["answer", "step_1", "--json", "{"]).status == 1)
    #expect(try Self.run(["answer", "step_1"]).status == 1)
  }

  @Test(arguments: [
    (["artefacts"], "artefacts needs the id of a run"), (["artefact", "put", "x"], "artefact takes: get ID"),
    (["tools", "x"], "tools takes no words"), (["tool", "add", "x"], "tool takes: add"),
    (["mcp"], "mcp takes: list"), (["mcp", "add", "a", "https://b", "--header", "x"], "--header takes NAME=VALUE"),
    (["mcp", "add", "a", "https://b", "--header", "x=@/nonexistent"], "cannot be read"),
  ])
  func `what cannot be understood is said in a sentence`(_ arguments: [String], _ part: String) throws {
    let outcome = try Self.run(arguments)
    #expect(outcome.status == 1)
    #expect(outcome.errors.first?.contains(part) == true, "\(outcome)")
  }

  @Test func `a refusal names every fault`() throws {
    let outcome = try Self.run(
      ["mcp", "add", "a b", "https://b"],
      answering: #"{"code":"invalid_input","detail":"A fault.","errors":[{"pointer":"/name","detail":"Letters."}]}"#,
      status: 422)
    #expect(outcome.status == 1)
    #expect(outcome.errors == ["cadre: A fault. (status 422)\n  /name: Letters."])
  }
}
