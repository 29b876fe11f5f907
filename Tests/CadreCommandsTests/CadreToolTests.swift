import Foundation
import Synchronization
import Testing

@testable import CadreCommands

/// What a command wrote.
private final class Recorder: Sendable {
  private let state = Mutex<(lines: [String], errors: [String])>(([], []))
  var lines: [String] { state.withLock { $0.lines } }
  var errors: [String] { state.withLock { $0.errors } }
  var output: Output {
    Output { [self] text in
      state.withLock { $0.lines.append(text) }
    } error: { [self] text in
      state.withLock { $0.errors.append(text) }
    }
  }
}

private func run(_ arguments: [String], _ environment: [String: String] = [:]) -> (status: Int32, recorder: Recorder) {
  let recorder = Recorder()
  return (CadreTool.run(arguments, output: recorder.output, environment: environment), recorder)
}

@Suite struct CadreToolTests {
  @Test func `help and version are lines of the result`() {
    for arguments in [[], ["help"], ["--help"], ["-h"]] {
      let (status, recorder) = run(arguments)
      #expect(status == 0)
      #expect(recorder.lines == [Usage.text])
    }
    for command in [
      "up", "submit", "get", "events", "approvals", "approve", "reject", "outcome", "questions", "answer", "replay",
      "doctor", "status", "logs", "version", "artefacts", "artefact", "tools", "tool", "mcp",
      "policy",
    ] {
      #expect(run([command, "--help"]).recorder.lines == run(["help", command]).recorder.lines)
      #expect(run([command, "--help"]).recorder.lines.first?.hasPrefix("Usage: cadre \(command)") == true)
    }
    #expect(run(["version"]).recorder.lines == ["cadre \(CadreTool.version)"])
  }

  @Test(arguments: [
    (["doctor", "x"], "doctor takes no words"), (["status", "--colour"], "there is no option"),
    (["doctor", "--timeout", "99"], "--timeout takes"), (["doctor", "--admin", "x"], "SERVICE=URL"),
    (["logs", "--level", "loud"], "--level takes"), (["logs", "--data", "/nonexistent"], "there is no such log"),
    (["status", "--data", "/nonexistent"], "nothing runs on the data folder"),
    (["doctor", "--url", "http://user:word@h"], "holds no password"),
  ])
  func `what the operator's commands do not understand ends with 2`(_ arguments: [String], _ part: String) {
    let (status, recorder) = run(arguments)
    #expect(status == 2)
    #expect(recorder.lines.isEmpty && recorder.errors.count == 1)
    #expect(recorder.errors.first?.contains(part) == true, "\(recorder.errors)")
  }

  @Test func `the doctor finds a fault where nothing runs`() {
    let (status, recorder) = run(["doctor", "--data", "/nonexistent"])
    #expect(status == 1 && recorder.lines.first?.contains("mend: start it with: cadre up") == true)
  }

  @Test(arguments: [["fly"], ["help", "fly"]])
  func `an unknown command is an error with the help`(_ arguments: [String]) {
    let (status, recorder) = run(arguments)
    #expect(status == 2)
    #expect(recorder.lines.isEmpty)
    #expect(recorder.errors.first?.hasPrefix("cadre: there is no command \"fly\".") == true)
  }

  @Test(arguments: [
    (["submit"], "submit needs a prompt"), (["get"], "get needs the id of a task"), (["get", "a", "b"], "get needs"),
    (["submit", "x", "--wait", "99"], "--wait takes a whole number from 0 to 60"),
    (["submit", "x", "--port", "0"], "--port takes"), (["submit", "x", "--wait"], "--wait needs a value"),
    (["submit", "x", "--colour", "red"], "there is no option --colour"),
    (["submit", "x", "--data", "/nonexistent"], "there is no key in /nonexistent/api-key"),
    (["approve"], "approve needs the id"), (["reject", "a", "b"], "reject needs the id"),
    (["answer", "a"], "answer needs the id of a question and the answer"), (["answer", "a/b", "x"], "is no id"),
    (["outcome", "a"], "outcome needs the id"), (["questions", "x"], "questions takes no words"),
    (["approvals", "--status", "a&b"], "is no id"),
    (["submit", "x", "--comment", "y"], "there is no option --comment"),
    (["get", "x", "--url", "ftp://a"], "--url takes an address"), (["up", "x"], "up takes no words"),
    (["up", "--set", "a=b"], "--set takes SERVICE.NAME=VALUE"),
  ])
  func `what cannot be understood is said in a sentence`(_ arguments: [String], _ part: String) {
    let (status, recorder) = run(arguments, part.contains("api-key") ? [:] : ["CADRE_API_KEY": "k"])
    #expect(status == 1)
    #expect(recorder.errors.count == 1)
    #expect(recorder.errors.first?.contains(part) == true, "\(recorder.errors)")
  }

  private static let bundles = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().appendingPathComponent("HistoryTests/Bundles").path

  @Test func `recorded runs are replayed from their files`() throws {
    let good = "\(Self.bundles)/single.json"
    try #require(FileManager.default.fileExists(atPath: good))
    let (status, recorder) = run(["replay", good])
    #expect(status == 0)
    #expect(recorder.lines.first?.hasPrefix("\(good): consistent") == true, "\(recorder.lines)")
    #expect(run(["replay", good, "--json"]).recorder.lines.first?.hasPrefix("{") == true)
    #expect(run(["replay", "/nonexistent"]).status == 2)
    #expect(run(["replay", good, "/nonexistent"]).status == 2)
    #expect(run(["replay"]).status == 2)
    let text = try String(contentsOfFile: good, encoding: .utf8)
    let file = NSTemporaryDirectory() + "cadre-bundle-\(UUID().uuidString).json"
    defer { try? FileManager.default.removeItem(atPath: file) }
    try text.replacingOccurrences(of: "step.ready", with: "step.failed").write(
      toFile: file, atomically: true, encoding: .utf8)
    #expect(run(["replay", file]).status > 0)
    try String(text.dropLast(10)).write(toFile: file, atomically: true, encoding: .utf8)
    #expect(run(["replay", file]).status == 2)
  }
}

@Suite struct TaskCommandTests {
  @Test func `what models and servers have written does not steer a terminal`() throws {
    let server = try AnsweringServer(
      status: 201,
      body:
        #"{"id":"task_1","status":"succeeded","run":{"id":"run_1","result":{"answer":"#
        + #""a\u001b]52;c;eA==\u0007\n\tb\r\u009b2J\u202ec \u0915\u094d\u200d\u0937"}}}"#)
    let (status, recorder) = run(["submit", "x", "--url", server.url], ["CADRE_API_KEY": "secret"])
    #expect(status == 0, "\(recorder.errors)")
    #expect(
      recorder.lines.first?.hasPrefix("Answer:  a ]52;c;eA== \n\tb  2J c \u{915}\u{94D}\u{200D}\u{937}\n") == true)
    let tools = try AnsweringServer(
      status: 200, body: #"{"tools":[{"name":"a","source":"mcp:s","risk":"read\u001b[2J","status":"x\ny"}]}"#)
    let listed = run(["tools", "--url", tools.url], ["CADRE_API_KEY": "secret"]).recorder
    #expect(listed.lines == ["a\tmcp:s\tread [2J\tx y"])
  }

  @Test func `a prompt is submitted with the key, and the answer shown`() throws {
    let server = try AnsweringServer(
      status: 201,
      body:
        #"{"id":"task_1","status":"succeeded","run":{"id":"run_1","result":{"answer":"42"},"#
        + #""duration_ms":5,"usage":{"input_tokens":3,"output_tokens":4,"cost_microusd":1500000}}}"#
    )
    let (status, recorder) = run(
      ["submit", "What", "is \"6*7\"?", "--wait=5", "--url", server.url + "/"], ["CADRE_API_KEY": "secret"])
    #expect(status == 0, "\(recorder.errors)")
    #expect(recorder.lines.first?.contains("Answer:  42") == true)
    #expect(recorder.lines.first?.contains("3 in, 4 out   Cost: $1.500000   Time: 5 ms") == true)
    let request = try #require(server.request)
    #expect(request.hasPrefix("POST /api/v1/tasks HTTP/1.1\r\n"))
    #expect(request.contains("Authorization: Bearer secret\r\n"))
    #expect(request.contains("Prefer: wait=5\r\n"))
    #expect(request.contains("Content-Type: application/json\r\n"))
    #expect(request.hasSuffix(#"{"prompt":"What is \"6*7\"?"}"#))
  }

  @Test func `address and key come from the environment, as in the container of the stack`() throws {
    let file = FileManager.default.temporaryDirectory.appendingPathComponent("cadre-key-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: file) }
    try "of the file\n".write(to: file, atomically: true, encoding: .utf8)
    let server = try AnsweringServer(status: 200, body: #"{"events":[]}"#)
    let environment = ["CADRE_API_URL": server.url, "CADRE_API_KEY_FILE": file.path]
    let (status, recorder) = run(["events", "run_1"], environment)
    #expect(status == 0, "\(recorder.errors)")
    #expect(server.request?.contains("Authorization: Bearer of the file\r\n") == true)
    // A port or a folder of data means the stack on this machine.
    for local in [["--port", "1"], ["--data", "/nonexistent", "--port", "1"]] {
      let (status, recorder) = run(["get", "task_1"] + local, environment)
      #expect(status == 1 && recorder.errors.first?.contains("http://127.0.0.1:1") == true, "\(recorder.errors)")
    }
    let unreadable = run(["get", "task_1"], ["CADRE_API_URL": server.url, "CADRE_API_KEY_FILE": file.path + "x"])
    #expect(unreadable.status == 1 && unreadable.recorder.errors.first?.contains("CADRE_API_KEY_FILE") == true)
  }

  @Test func `a run's history is one line for each event`() throws {
    let server = try AnsweringServer(
      status: 200,
      body: #"{"events":[{"seq":1,"at":"t","type":"created"},{"seq":2,"at":"u","type":"ended","step":"s"}]}"#)
    let (status, recorder) = run(["events", "run_1", "--url", server.url], ["CADRE_API_KEY": "k"])
    #expect(status == 0)
    #expect(recorder.lines == ["1\tt\tcreated\t\n2\tu\tended\ts"])
    #expect(server.request?.hasPrefix("GET /api/v1/runs/run_1/events?limit=1000 HTTP/1.1\r\n") == true)
  }

  @Test func `questions are lines, and what a model wrote does not steer the terminal`() throws {
    let server = try AnsweringServer(
      status: 200,
      body: #"{"questions":[{"id":"step_1","status":"pending","run_id":"run_1","step":"s","#
        + #""subject":{"question":"Which\n\u001b[2J one?"}}],"next_cursor":null}"#)
    let (status, recorder) = run(["questions", "--run", "run_1", "--url", server.url], ["CADRE_API_KEY": "k"])
    #expect(status == 0, "\(recorder.errors)")
    #expect(recorder.lines == ["step_1\tpending\trun_1\ts\t-\tWhich  [2J one?"])
    #expect(server.request?.hasPrefix("GET /api/v1/questions?limit=100&status=pending&run_id=run_1 HTTP") == true)
  }

  @Test func `a question is answered with a text`() throws {
    let server = try AnsweringServer(status: 200, body: #"{"id":"step_1","status":"answered"}"#)
    let (status, recorder) = run(
      ["answer", "step_1", "The", "\"blue\" one", "--url", server.url], ["CADRE_API_KEY": "k"])
    #expect(status == 0 && recorder.lines == ["step_1\tanswered"])
    #expect(server.request?.hasPrefix("POST /api/v1/questions/step_1/answer HTTP") == true)
    #expect(server.request?.hasSuffix(#"{"answer":{"text":"The \"blue\" one"}}"#) == true)
  }

  @Test func `a decision is bound to what was shown`() throws {
    let server = try AnsweringServer(status: 200, body: #"{"id":"step_1","status":"rejected"}"#)
    let (status, recorder) = run(
      ["reject", "step_1", "--sha256", "ab", "--comment", "no", "--url", server.url], ["CADRE_API_KEY": "k"])
    #expect(status == 0 && recorder.lines == ["step_1\trejected"])
    #expect(server.request?.hasSuffix(#"{"decision":"reject","subject_sha256":"ab","comment":"no"}"#) == true)
    let seen = try AnsweringServer(status: 404, body: #"{"detail":"There is no such approval."}"#)
    #expect(run(["approve", "step_1", "--url", seen.url], ["CADRE_API_KEY": "k"]).status == 1)
    #expect(seen.request?.hasPrefix("GET /api/v1/approvals/step_1 HTTP") == true)
  }

  @Test func `a refusal is an error with the reason`() throws {
    let server = try AnsweringServer(status: 404, body: #"{"detail":"There is no such task."}"#)
    let (status, recorder) = run(["get", "task_1", "--url", server.url], ["CADRE_API_KEY": "k"])
    #expect(status == 1)
    #expect(recorder.errors == ["cadre: There is no such task. (status 404)"])
    #expect(recorder.lines.isEmpty)
  }

  @Test func `an answer that is no JSON is an error`() throws {
    let server = try AnsweringServer(status: 200, body: "<html>")
    let (status, recorder) = run(["get", "task_1", "--url", server.url], ["CADRE_API_KEY": "k"])
    #expect(status == 1)
    #expect(recorder.errors == ["cadre: the answer is not understood (status 200)"])
  }

  @Test func `nobody answering is an error that says what to do`() {
    let (status, recorder) = run(["get", "task_1", "--port", "1"], ["CADRE_API_KEY": "k"])
    #expect(status == 1)
    #expect(recorder.errors.first?.contains("nothing answers at http://127.0.0.1:1 (") == true)
    #expect(recorder.errors.first?.hasSuffix("start the stack with: cadre up") == true)
    // A server that does not speak TLS is not asked without it.
    let secure = run(["get", "task_1", "--url", "https://127.0.0.1:1"], ["CADRE_API_KEY": "k"])
    #expect(secure.status == 1)
  }
}
