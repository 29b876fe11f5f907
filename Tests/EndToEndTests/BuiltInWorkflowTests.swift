import Foundation
import JSON
import LocalStack
import Testing

/// Every workflow that an installation has works with the provider that an installation has, without a script.
extension EndToEndTests {
  @Suite(.serialized) struct BuiltInWorkflows {
    private let fixture: StackFixture
    private let mock: PlainMock

    init() throws {
      fixture = try StackFixture.shared.get()
      mock = try PlainMock(fixture)
    }

    private func run(_ workflow: String, _ prompt: String, _ input: String = "") throws -> JSONView {
      let (_, run) = try fixture.start(
        workflow, input: "{\"model\":\"\(mock.model)\"\(input)}", more: "\"prompt\":\"\(prompt)\",")
      let end = try fixture.end(ofRun: run)
      #expect(end["status"]?.string == "succeeded", "\(String(decoding: end.rawBytes, as: UTF8.self))")
      let report = try fixture.json("POST", "/api/v1/runs/\(run)/replay").root
      #expect(report["verdict"]?.string == "consistent")
      return end
    }

    /// The last message that the provider has got: text as a model reads it.
    private func lastPrompt() throws -> String {
      let last = try JSONDocument(parsing: mock.call("GET", "/mock/last").text).root
      let body = try JSONDocument(parsing: last["body"]?.string ?? "").root
      return body["messages"]?.elements.compactMap { $0["content"]?.string }.last ?? ""
    }

    @Test func `single answers, with a tool where the prompt asks for one`() throws {
      #expect(try run("single", "say hello")["result"]?["answer"]?.string?.contains("say hello") == true)
      let end = try run("single", "calculate 6 * (3 + 4), please")
      #expect(end["result"]?["answer"]?.string == "The result is 42.")
      #expect(try fixture.types(end["id"]?.string ?? "").filter { $0 == "tool.called" }.count == 1)
    }

    @Test func `plan-execute plans, does the steps and makes one answer of them`() throws {
      let end = try run("plan-execute", "describe a shed")
      let types = try fixture.types(end["id"]?.string ?? "")
      #expect(types.filter { $0 == "plan.expanded" }.count == 1)
      #expect(!types.contains("step.failed"))
      let prompt = try lastPrompt()
      #expect(prompt.hasPrefix("describe a shed\n\nContext:\n\n## gather\n\n") && prompt.contains("\n\n## draft\n\n"))
      #expect(!prompt.contains("\\"))
      #expect(end["result"]?["answer"]?.string?.contains("- draft: ") == true)
    }

    @Test func `map-reduce applies the prompt to every item, of whatever kind`() throws {
      let end = try run("map-reduce", "name it", ",\"items\":[\"one\",{\"title\":\"two\"},3]")
      #expect(end["usage"]?["model_calls"]?.int == 4)
      let prompt = try lastPrompt()
      for number in 1...3 { #expect(prompt.contains("## \(number)\n\n")) }
      #expect(!prompt.contains("\\n"))
    }

    @Test func `the board's reviewer gives a verdict, and its last phase reads work and review`() throws {
      _ = try run("board", "build a shed")
      let prompt = try lastPrompt()
      #expect(prompt.contains("## work\n\n") && prompt.contains("## review\n\nVerdict: approved"))
      #expect(!prompt.contains("\\"))
    }

    @Test func `a schema is answered with a document that fits it`() throws {
      let schema =
        ##"""
        {"type":"object","properties":{"name":{"type":"string"},"tags":{"type":"array","items":{"enum":["a","b"]}},
          "size":{"$ref":"#/$defs/size"}},"required":["name","more"],
          "$defs":{"size":{"type":"object","properties":{"width":{"type":"integer","minimum":3}}}}}
        """##
      let answer = fixture.call(
        "POST", "/v1/chat/completions",
        body: """
          {"model":"\(mock.model)","messages":[{"role":"user","content":"x"}],"response_format":{"type":"json_schema",\
          "json_schema":{"name":"s","schema":\(schema)}}}
          """)
      #expect(answer.status == 200, "\(answer.text)")
      let text = try JSONDocument(parsing: answer.text).root["choices"]?[0]?["message"]?["content"]?.string ?? ""
      let root = try JSONDocument(parsing: text).root
      #expect(root["name"]?.string?.isEmpty == false && root["more"] != nil)
      #expect(root["tags"]?[0]?.string == "a" && root["size"]?["width"]?.int == 3)
    }
  }
}

/// A mock provider without scripts, known to the router under a model of its own.
struct PlainMock {
  let model: String
  private let port: Int

  /// The one of the suite.
  init(_ fixture: StackFixture) throws {
    let port = try PlainMock.port(fixture)
    self.port = port
    model = "plain-model"
  }

  private static let started = Started()

  private static func port(_ fixture: StackFixture) throws -> Int {
    if let port = started.port { return port }
    let empty = fixture.stack.configuration.data + "/no-scripts.yaml"
    try "scripts: []\n".write(toFile: empty, atomically: true, encoding: .utf8)
    let replica = try fixture.stack.startReplica(
      of: "mock-provider", environment: ["CADRE_CONFIG": empty, "CADRE_PROVIDER_KEY": ""])
    let key = "{\"kind\":\"compatible\",\"base_url\":\"http://127.0.0.1:\(replica.port)/v1\""
    for (path, body) in [
      ("/api/v1/providers/plain", key + "}"), ("/api/v1/providers/plain/models/plain-model", "{}"),
    ] {
      let answer = fixture.call("PUT", path, body: body)
      guard [200, 201].contains(answer.status) else { throw StackError("\(answer.status) \(answer.text)") }
    }
    started.port = replica.port
    return replica.port
  }

  /// A call of the mock itself.
  func call(_ method: String, _ path: String, body: String? = nil) -> (status: Int, text: String) {
    let answer = BlockingHTTP.send(method, port: port, path: path, body: body, seconds: 90)
    return (answer?.status ?? 0, answer?.body ?? "")
  }

  /// Runs `body` with scripts.
  func with<Value>(scripts: String, _ body: () throws -> Value) throws -> Value {
    let answer = call("PUT", "/mock/scripts", body: "{\"scripts\":[\(scripts)]}")
    guard answer.status == 204 else { throw StackError("\(answer.status) \(answer.text)") }
    defer { _ = call("PUT", "/mock/scripts", body: "{\"scripts\":[]}") }
    return try body()
  }

  private final class Started: @unchecked Sendable {
    // The suite is serialized, one test touches it at a time.
    var port: Int?
  }
}
