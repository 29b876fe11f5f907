import Foundation
import JSON
import LocalStack
import Testing

extension EndToEndTests {
  @Suite(.serialized) struct BadInput {
    private let fixture: StackFixture

    init() throws { fixture = try StackFixture.shared.get() }

    @Test(arguments: [
      ("{", 400, "malformed_json", ""), ("", 400, "malformed_json", ""),
      ("[]", 422, "invalid_input", "\"pointer\":\"\""),
      ("{}", 422, "invalid_input", "/prompt"), (#"{"prompt":""}"#, 422, "invalid_input", "/prompt"),
      (#"{"prompt":7}"#, 422, "invalid_input", "/prompt"), (#"{"prompt":"a","x":1}"#, 422, "invalid_input", "/x"),
      (#"{"prompt":"a","workflow":"none"}"#, 422, "unknown_workflow", "none"),
      (#"{"prompt":"a","max_output_tokens":0}"#, 422, "invalid_input", "/max_output_tokens"),
      (#"{"prompt":"a","prompt":"b"}"#, 400, "malformed_json", ""),
      (#"{"prompt":"a\u0000b"}"#, 422, "invalid_input", "/prompt"),
      (String(repeating: "[", count: 100_000), 400, "malformed_json", ""),
    ])
    func `is refused with a problem that names the fault, and stores nothing`(
      body: String, status: Int, code: String, naming: String
    ) throws {
      let before = try fixture.stack.postgres.query("select count(*) from orchestrator.task")
      let answer = fixture.call("POST", "/api/v1/tasks", body: body)
      #expect(answer.status == status)
      #expect(answer.text.contains("\"code\":\"\(code)\""))
      #expect(naming.isEmpty || answer.text.contains(naming))
      #expect(answer.text.contains("\"trace_id\":\""))
      #expect(try fixture.stack.postgres.query("select count(*) from orchestrator.task") == before)
    }

    @Test func `a body over the limit is refused before it is read`() {
      let answer = fixture.call(
        "POST", "/api/v1/tasks", body: "{\"prompt\":\"\(String(repeating: "a", count: 2_200_000))\"}")
      #expect(answer.status == 413)
    }

    @Test(arguments: [
      "/api/v1/tasks/task_00000000000070008000000000000000", "/api/v1/tasks/nonsense", "/api/v1/tasks/%00",
      "/api/v1/runs/run_00000000000070008000000000000000", "/api/v1/runs/task_00000000000070008000000000000000",
      "/api/v1/nothing", "/api/v1/tasks?limit=0", "/api/v1/tasks?limit=x", "/api/v1/tasks?cursor=x",
    ])
    func `unknown ids and bad parameters are 4xx problems`(path: String) {
      let answer = fixture.call("GET", path)
      #expect((400..<500).contains(answer.status))
      #expect(answer.text.contains("\"code\":\""))
    }

    @Test func `nobody gets in without a key, and headers cannot lend one`() {
      for headers in [
        ["Authorization": "Bearer wrong-key-wrong-key"], ["Authorization": "Basic abc"], ["Authorization": ""],
      ] {
        let answer = fixture.call(
          "GET", "/api/v1/tasks",
          headers: headers.merging([
            "X-Cadre-Tenant": StackFixture.tenant, "X-Cadre-Assertion": "v1.gateway.local.YQ.YQ",
          ]) { $1 })
        #expect(answer.status == 401)
      }
      #expect(fixture.call("GET", "/api/v1/tasks", service: "orchestrator").status == 401)
      #expect(fixture.call("POST", "/worker/v1/leases", body: "{}", service: "orchestrator").status == 401)
      #expect(fixture.call("POST", "/v1/chat/completions", body: "{}", service: "llm-router").status == 401)
    }

    @Test func `another tenant sees nothing and changes nothing`() throws {
      let (_, root) = try fixture.submit("think long, mine alone", wait: 0)
      let task = root["id"]?.string ?? ""
      let run = root["run"]?["id"]?.string ?? ""
      let other = StackFixture.otherKey
      #expect(fixture.call("GET", "/api/v1/tasks/\(task)", key: other).status == 404)
      #expect(fixture.call("GET", "/api/v1/runs/\(run)", key: other).status == 404)
      #expect(fixture.call("GET", "/api/v1/runs/\(run)/events", key: other).status == 404)
      #expect(fixture.call("POST", "/api/v1/runs/\(run)/cancel", key: other).status == 404)
      #expect(try fixture.json("GET", "/api/v1/tasks", key: other).root["tasks"]?.count == 0)
      #expect(try fixture.end(of: task)["status"]?.string == "succeeded")
    }
  }
}
