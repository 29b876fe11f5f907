import Foundation
import JSON
import LocalStack
import Testing

/// Attempts behind failed ones: what was wrong is answered, and what was paid is not paid again.
extension EndToEndTests {
  @Suite(.serialized) struct Continuations {
    private let fixture: StackFixture
    private let mock: PlainMock

    init() throws {
      fixture = try StackFixture.shared.get()
      mock = try PlainMock(fixture)
    }

    @Test func `a planner whose plans cannot be used learns why, in one conversation`() throws {
      try fixture.put(
        workflow: "replanned",
        #"{"key":"plan","plans":{"steps_max":3},"retry":{"backoff_ms":1,"jitter_percent":0}}"#)
      let plan = #"{\"steps\":[{\"key\":\"a\",\"prompt\":\"first\"}]}"#
      try mock.with(
        scripts: """
          {"match":"plan this","reply":"I cannot plan."},{"match":"could not be used","times":1,"reply":"Still none."},
          {"match":"could not be used","reply":"\(plan)"}
          """
      ) {
        let (_, run) = try fixture.start(
          "replanned", input: "{\"model\":\"\(mock.model)\"}", more: "\"prompt\":\"plan this\",")
        let end = try fixture.end(ofRun: run)
        #expect(end["status"]?.string == "succeeded")
        // Three answers of the planner and one of its step: none was asked for twice.
        #expect(end["usage"]?["model_calls"]?.int == 4)
        let types = try fixture.types(run)
        #expect(types.filter { $0 == "step.failed" }.count == 2)
        #expect(types.filter { $0 == "plan.expanded" }.count == 1)
        #expect(try fixture.json("POST", "/api/v1/runs/\(run)/replay").root["verdict"]?.string == "consistent")
      }
    }

    @Test func `an empty answer is asked for again, in the same conversation`() throws {
      try mock.with(scripts: #"{"times":1,"reply":""},{"reply":"words"}"#) {
        let root = try fixture.json(
          "POST", "/api/v1/tasks", body: "{\"prompt\":\"say\",\"model\":\"\(mock.model)\"}",
          headers: ["Prefer": "wait=60"]
        ).root
        #expect(root["run"]?["result"]?["answer"]?.string == "words")
        #expect(root["run"]?["usage"]?["model_calls"]?.int == 2)
      }
    }

    @Test func `models are called on behalf of who submitted the task`() throws {
      let run =
        try fixture.json(
          "POST", "/api/v1/tasks", body: "{\"prompt\":\"whose\",\"model\":\"\(mock.model)\"}",
          headers: ["Prefer": "wait=20"]
        ).root["run"]?["id"]?.string ?? ""
      var principal: String?
      try fixture.wait("the call is in the ledger") {
        let calls = try fixture.json("GET", "/api/v1/calls?limit=50").root["calls"]?.elements.map { $0 } ?? []
        principal = calls.first { $0["run"]?.string == run }?["principal"]?.string
        return principal != nil
      }
      #expect(principal?.hasPrefix("key:") == true)
    }
  }
}
