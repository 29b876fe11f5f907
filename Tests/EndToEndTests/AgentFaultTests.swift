import Foundation
import JSON
import LocalStack
import Process
import Testing

/// What agents meet: services that go away, and models that answer oddly.
extension EndToEndTests {
  @Suite(.serialized) struct AgentFaults {
    private let fixture: StackFixture
    private let mock: PlainMock

    init() throws {
      fixture = try StackFixture.shared.get()
      mock = try PlainMock(fixture)
    }

    private func start(_ prompt: String, more: String = "") throws -> (task: String, run: String) {
      let root = try fixture.json(
        "POST", "/api/v1/tasks", body: "{\"prompt\":\"\(prompt)\",\"model\":\"\(mock.model)\"\(more)}"
      ).root
      return (root["id"]?.string ?? "", root["run"]?["id"]?.string ?? "")
    }

    private func calls() throws -> Int64 {
      try #require(
        try JSONDocument(parsing: mock.call("GET", "/mock/usage").text).root["calls"]?.int,
        "the provider does not answer")
    }

    /// Calls that the provider has not answered yet.
    private func running() throws -> Int64 {
      try #require(
        try JSONDocument(parsing: mock.call("GET", "/mock/usage").text).root["running"]?.int,
        "the provider does not answer")
    }

    @Test func `a router that is killed again and again costs no attempt`() throws {
      try mock.with(scripts: #"{"match":"","reply":"done {prompt}","latency_ms":300}"#) {
        var runs: [String] = []
        for round in 0..<3 {
          for number in 0..<6 { runs.append(try start("killed \(round) \(number)").run) }
          try fixture.wait("models are called") { try running() > 0 }
          try fixture.crash("llm-router")
        }
        for run in runs {
          #expect(try fixture.end(ofRun: run)["status"]?.string == "succeeded")
          let failures = try fixture.events(run).filter {
            ["step.failed", "step.lost"].contains($0["type"]?.string ?? "")
          }
          #expect(failures.isEmpty, "\(failures.map { String(decoding: $0.rawBytes, as: UTF8.self) })")
        }
      }
    }

    @Test func `a database that restarts in the midst of a model call costs no second call`() throws {
      try mock.with(scripts: #"{"match":"","reply":"done {prompt}","latency_ms":2500}"#) {
        let before = try calls()
        let run = try start("through the restart").run
        try fixture.wait("the model is called") { try calls() == before + 1 }
        try fixture.stack.restartPostgres(isImmediate: true)
        #expect(try fixture.end(ofRun: run)["status"]?.string == "succeeded")
        #expect(try calls() == before + 1)
        #expect(!(try fixture.types(run)).contains("step.failed"))
      }
    }

    @Test func `an orchestrator that stands still costs no attempt where there is another one`() throws {
      let lease = Double(StackFixture.leaseMilliseconds) / 1000
      try mock.with(scripts: "{\"match\":\"\",\"reply\":\"done {prompt}\",\"latency_ms\":\(Int(lease * 2500))}") {
        for frozen in fixture.stack.replicas(of: "orchestrator") {
          let before = try calls()
          let runs = try (0..<4).map { try start("frozen \(frozen.name) \($0)").run }
          try fixture.wait("the model is called") { try calls() == before + 4 }
          kill(frozen.process.processID, SIGSTOP)
          // Longer than a lease.
          Thread.sleep(forTimeInterval: lease * 1.5)
          kill(frozen.process.processID, SIGCONT)
          for run in runs {
            #expect(try fixture.end(ofRun: run)["status"]?.string == "succeeded")
            let types = try fixture.types(run)
            #expect(!types.contains("step.lost") && !types.contains("step.failed"), "\(types)")
          }
          #expect(try calls() == before + 4)
        }
      }
    }

    @Test func `a failure in words that are too long is reported at once`() throws {
      let family = "\u{1F468}\u{200D}\u{1F469}\u{200D}\u{1F467}\u{200D}\u{1F466}"
      for words in [String(repeating: family, count: 163), String(repeating: "e\u{301}", count: 1300)] {
        try mock.with(scripts: "{\"status\":400,\"error_message\":\"\(words)\"}") {
          let end = try fixture.end(ofRun: try start("too many words").run)
          #expect(end["failure"]?["code"]?.string == "provider_refused")
          #expect((end["failure"]?["message"]?.string ?? "").utf8.count <= 4000)
          #expect(try fixture.types(end["id"]?.string ?? "").filter { $0 == "step.started" }.count == 1)
        }
      }
    }

    @Test func `answers without words or without their end are failures of their own`() throws {
      try mock.with(scripts: #"{"reply":""}"#) {
        let end = try fixture.end(of: try start("nothing").task)
        #expect(end["run"]?["failure"]?["code"]?.string == "empty_answer")
      }
      try mock.with(scripts: "{\"reply\":\"\(String(repeating: "word ", count: 100))\"}") {
        let (status, root) = try fixture.json(
          "POST", "/api/v1/tasks",
          body: "{\"prompt\":\"cut\",\"input\":{\"model\":\"\(mock.model)\",\"max_output_tokens\":5}}",
          headers: ["Prefer": "wait=60"])
        #expect(status == 200)
        #expect(root["run"]?["failure"]?["code"]?.string == "answer_cut")
        #expect(root["run"]?["usage"]?["model_calls"]?.int == 1)
      }
    }

    @Test func `a tool that does not exist is answered, whatever its name`() throws {
      let name = "\(String(repeating: "🧨", count: 300))"
      try mock.with(
        scripts: "{\"reply\":\"without it\",\"tool_calls\":[{\"name\":\"\(name)\"}]}"
      ) {
        let end = try fixture.end(of: try start("odd tools").task)
        #expect(end["run"]?["result"]?["answer"]?.string == "without it")
      }
    }
  }
}
