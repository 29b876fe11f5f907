import Foundation
import JSON
import LocalStack
import Testing

/// Sub-runs that fail, take too long, and are retried; and the undoing of runs that are cancelled.
extension EndToEndTests {
  @Suite(.serialized) struct SubRuns {
    private let fixture: StackFixture

    init() throws {
      fixture = try StackFixture.shared.get()
      try fixture.put(
        workflow: "child",
        """
        {"key":"a","job_type":"child","retry":{"attempts_max":1}},\
        {"key":"b","job_type":"child","depends_on":["a"],"retry":{"attempts_max":1}}
        """)
    }

    private func lease(_ type: String = "child") throws -> JSONView {
      try #require(try fixture.lease(type, milliseconds: 10_000).first)
    }

    private func modelCalls(_ run: String) throws -> Int64? {
      try fixture.json("GET", "/api/v1/runs/\(run)").root["usage"]?["model_calls"]?.int
    }

    private func verdict(_ run: String) throws -> String? {
      try fixture.json("POST", "/api/v1/runs/\(run)/replay").root["verdict"]?.string
    }

    @Test func `a sub-run that fails is tried again, and its parent has paid for all of them`() throws {
      try fixture.put(
        workflow: "again",
        #"{"key":"sub","type":"run","workflow":"child","retry":{"attempts_max":3,"backoff_ms":10}}"#)
      let run = try fixture.start("again").run
      var children: Set<String> = []
      for attempt in 1...3 {
        let first = try lease()
        children.insert(first["run_id"]?.string ?? "")
        try fixture.record(first, index: 0)
        if attempt < 3 {
          try fixture.deliver(first, failure: "broken", retryable: true)
        } else {
          try fixture.deliver(first)
          try fixture.deliver(try lease())
        }
      }
      #expect(try fixture.end(ofRun: run)["status"]?.string == "succeeded")
      #expect(children.count == 3)
      #expect(try modelCalls(run) == 3)
      #expect(try verdict(run) == "consistent")
    }

    @Test func `a sub-run that takes too long is cancelled and tried again`() throws {
      try fixture.put(
        workflow: "slow-child",
        """
        {"key":"sub","type":"run","workflow":"child","retry":{"attempts_max":2,"backoff_ms":10},\
        "timeouts":{"start_to_close_ms":1500}}
        """)
      let run = try fixture.start("slow-child").run
      let forgotten = try lease()
      let second = try lease()
      #expect(second["run_id"]?.string != forgotten["run_id"]?.string)
      try fixture.deliver(second)
      try fixture.deliver(try lease())
      #expect(try fixture.end(ofRun: run)["status"]?.string == "succeeded")
      let first = forgotten["run_id"]?.string ?? ""
      #expect(try fixture.end(ofRun: first)["status"]?.string == "cancelled")
      #expect(try fixture.deliver(forgotten) == 409)
    }

    @Test(arguments: [false, true])
    func `retrying a run goes on inside the sub-run that has failed`(isNested: Bool) throws {
      try fixture.put(workflow: "parent", #"{"key":"sub","type":"run","workflow":"child"}"#)
      try fixture.put(workflow: "grandparent", #"{"key":"sub","type":"run","workflow":"parent"}"#)
      let run = try fixture.start(isNested ? "grandparent" : "parent").run
      let first = try lease()
      try fixture.record(first, index: 0)
      try fixture.deliver(first)
      let failing = try lease()
      try fixture.record(failing, index: 0)
      try fixture.deliver(failing, failure: "broken")
      #expect(try fixture.end(ofRun: run)["status"]?.string == "failed")
      #expect(try modelCalls(run) == 2)
      let (status, root) = try fixture.json("POST", "/api/v1/runs/\(run)/retry", body: "{}")
      #expect(status == 201)
      let retry = root["id"]?.string ?? ""
      let resumed = try lease()
      #expect(resumed["step"]?.string == "b")
      // The recorded answer that made it fail is not replayed.
      #expect(resumed["journal"]?.count == 0)
      #expect(resumed["previous_failure"]?["code"]?.string == "broken")
      try fixture.record(resumed, index: 0)
      try fixture.deliver(resumed)
      #expect(try fixture.end(ofRun: retry)["status"]?.string == "succeeded")
      #expect(try modelCalls(retry) == 1)
      #expect(try verdict(retry) == "consistent")
      #expect(try verdict(resumed["run_id"]?.string ?? "") == "consistent")
    }

    @Test func `a retry waits for the end of the sub-run that is still being cancelled, and goes on inside it`() throws
    {
      try fixture.put(
        workflow: "undoing-child",
        """
        {"key":"a","job_type":"child"},\
        {"key":"pay","type":"transform","input":1,"depends_on":["a"],"on_failure":{"compensate":["unpay"]}},\
        {"key":"b","job_type":"child","depends_on":["pay"]},{"key":"unpay","job_type":"undone","compensation":true}
        """)
      try fixture.put(workflow: "impatient", #"{"key":"sub","type":"run","workflow":"undoing-child"}"#)
      let run = try fixture.start("impatient").run
      let first = try lease()
      try fixture.record(first, index: 0)
      try fixture.deliver(first)
      #expect(try lease()["step"]?.string == "b")
      #expect(try fixture.json("POST", "/api/v1/runs/\(run)/cancel").status == 200)
      let undoing = try lease("undone")
      let (status, root) = try fixture.json("POST", "/api/v1/runs/\(run)/retry", body: "{}")
      #expect(status == 201)
      let retry = root["id"]?.string ?? ""
      try fixture.wait("the retry waits") { try fixture.step(retry, "sub")?["status"]?.string == "waiting" }
      try fixture.deliver(undoing)
      let resumed = try lease()
      #expect(resumed["step"]?.string == "b" && resumed["run_id"]?.string != first["run_id"]?.string)
      try fixture.deliver(resumed)
      #expect(try fixture.end(ofRun: retry)["status"]?.string == "succeeded")
      #expect(try modelCalls(retry) == 0)
      #expect(try verdict(retry) == "consistent")
    }

    @Test func `a cancelled run undoes what it did before it ends`() throws {
      try fixture.put(
        workflow: "undone",
        """
        {"key":"pay","type":"transform","input":1,"on_failure":{"compensate":["unpay"]}},\
        {"key":"wait","type":"signal","signal":"go","depends_on":["pay"]},\
        {"key":"unpay","job_type":"undone","compensation":true}
        """, more: #""compensation_timeout_ms":2000,"#)
      func begin() throws -> String {
        let run = try fixture.start("undone").run
        try fixture.wait("the run waits") { try fixture.step(run, "wait")?["status"]?.string == "waiting" }
        let (status, root) = try fixture.json("POST", "/api/v1/runs/\(run)/cancel")
        #expect(status == 200 && root["status"]?.string == "compensating")
        return run
      }
      let run = try begin()
      try fixture.deliver(try lease("undone"))
      #expect(try fixture.end(ofRun: run)["status"]?.string == "cancelled")
      #expect(try fixture.step(run, "unpay")?["status"]?.string == "succeeded")
      #expect(try verdict(run) == "consistent")
      // Nobody undoes it: it ends when its time is over.
      #expect(try fixture.end(ofRun: try begin())["status"]?.string == "cancelled")
      // Whoever cancels again does not wait.
      let forced = try begin()
      #expect(try fixture.json("POST", "/api/v1/runs/\(forced)/cancel").root["status"]?.string == "cancelled")
    }

    @Test func `a run whose time is over undoes what it did before it fails`() throws {
      try fixture.put(
        workflow: "overdue",
        """
        {"key":"pay","type":"transform","input":1},\
        {"key":"wait","type":"signal","signal":"go","depends_on":["pay"],"on_failure":{"compensate":["unpay"]}},\
        {"key":"unpay","type":"transform","compensation":true,"input":1}
        """, more: #""timeout_ms":700,"#)
      let run = try fixture.start("overdue").run
      #expect(try fixture.end(ofRun: run)["failure"]?["code"]?.string == "run_timeout")
      #expect(try fixture.step(run, "unpay")?["status"]?.string == "succeeded")
      #expect(try verdict(run) == "consistent")
    }
  }

  /// How attempts begin behind failures, what workers may report, and workflows that are deleted beside submissions.
  @Suite(.serialized) struct Attempts {
    private let fixture: StackFixture

    init() throws {
      fixture = try StackFixture.shared.get()
      try fixture.put(
        workflow: "attempts", #"{"key":"a","job_type":"attempts","retry":{"attempts_max":9,"backoff_ms":10}}"#)
    }

    private func lease() throws -> JSONView { try #require(try fixture.lease("attempts", milliseconds: 10_000).first) }

    @Test func `values that are nested ever more deeply end the run, and no worker gets what it cannot read`() throws {
      func nested(_ depth: Int, _ inner: String) -> String {
        String(repeating: "[", count: depth) + inner + String(repeating: "]", count: depth)
      }
      try fixture.put(
        workflow: "deep",
        """
        {"key":"a","type":"transform","input":\(nested(55, #"{"$ref":"input.v"}"#))},\
        {"key":"b","type":"transform","depends_on":["a"],"input":\(nested(55, #"{"$ref":"steps.a.output"}"#))},\
        {"key":"c","type":"transform","depends_on":["b"],"input":\(nested(55, #"{"$ref":"steps.b.output"}"#))}
        """)
      let run = try fixture.start("deep", input: #"{"v":1}"#).run
      #expect(try fixture.end(ofRun: run)["failure"]?["code"]?.string == "input_failed")
      for (depth, wanted) in [(99, 202), (100, 400), (125, 400)] {
        let body = #"{"workflow":"attempts","prompt":"x","input":{"v":\#(nested(depth, "1"))}}"#
        let (status, root) = try fixture.json("POST", "/api/v1/tasks", body: body)
        #expect(status == wanted)
        if status == 202 { try fixture.deliver(try lease()) }
        #expect(status == 202 || root["code"]?.string == "malformed_json")
      }
    }

    @Test func `the kind of a failure says how the next attempt begins`() throws {
      let run = try fixture.start("attempts").run
      var lease = try lease()
      try fixture.record(lease, index: 0)
      try fixture.deliver(lease, failure: "empty_answer", retryable: true)
      lease = try self.lease()
      #expect(lease["journal"]?.count == 1)
      #expect(lease["previous_failure"]?["continues"]?.bool == true)
      try fixture.record(lease, index: 1)
      try fixture.deliver(lease, failure: "provider_timeout", retryable: true)
      // No answer came: what was recorded before is not paid again, and there is nothing to answer.
      lease = try self.lease()
      #expect(lease["journal"]?.count == 2 && lease["previous_failure"] == nil)
      try fixture.deliver(lease, failure: "something_else", retryable: true)
      lease = try self.lease()
      #expect(lease["journal"]?.count == 0)
      #expect(lease["previous_failure"]?["code"]?.string == "something_else")
      #expect(lease["previous_failure"]?["continues"] == nil)
      try fixture.deliver(lease)
      #expect(try fixture.end(ofRun: run)["status"]?.string == "succeeded")
    }

    @Test func `a paid result is stored whatever its numbers and texts are`() throws {
      let run = try fixture.start("attempts").run
      let lease = try lease()
      let path = "/worker/v1/steps/\(lease["step_id"]?.string ?? "")/result"
      let call =
        #"{"kind":"model","index":0,"name":"\#(String(repeating: "é", count: 300))\u0000","request_sha256":"r","result":{},"#
        + #""input_tokens":3000000000,"output_tokens":1e300,"cost_microusd":-5,"model_calls":1,"duration_ms":9e15}"#
      let answer = try fixture.internalCall(
        "POST", path,
        #"{"token":"\#(lease["token"]?.string ?? "")","attempt":1,"calls":[\#(call)],"output":{}}"#,
        headers: fixture.stepHeaders(lease))
      #expect(answer?.status == 200, "\(answer.map { String(decoding: $0.root.rawBytes, as: UTF8.self) } ?? "")")
      let usage = try fixture.end(ofRun: run)["usage"]
      #expect(usage?["input_tokens"]?.int == 3_000_000_000)
      #expect(usage?["output_tokens"]?.int == 1 << 53)
      #expect(usage?["cost_microusd"]?.int == 0)
    }

    @Test func `a workflow that is deleted beside submissions keeps its document for them, and its numbers`() throws {
      var accepted: [String] = []
      for number in 0..<20 {
        let name = "gone\(number)"
        try fixture.put(
          workflow: name,
          #"{"key":"a","type":"signal","signal":"go"},{"key":"b","type":"transform","depends_on":["a"],"input":1}"#)
        let fixture = fixture
        nonisolated(unsafe) var deleted = 0
        let thread = Thread { deleted = fixture.call("DELETE", "/api/v1/workflows/\(name)").status }
        thread.start()
        let (status, root) = try fixture.json(
          "POST", "/api/v1/tasks", body: "{\"workflow\":\"\(name)\",\"input\":{}}")
        while !thread.isFinished { Thread.sleep(forTimeInterval: 0.001) }
        if deleted == 204, status == 202 { accepted.append(root["run"]?["id"]?.string ?? "") }
        if deleted == 204 {
          try fixture.put(workflow: name, #"{"key":"other","type":"transform","input":2}"#)
          #expect(try fixture.json("GET", "/api/v1/workflows/\(name)").root["version"]?.int == 2)
        }
      }
      try fixture.crash("orchestrator")
      for run in accepted {
        let (status, _) = try fixture.json(
          "POST", "/api/v1/runs/\(run)/signals", body: #"{"name":"go","id":"1","data":1}"#)
        #expect(status == 202)
        #expect(try fixture.end(ofRun: run)["status"]?.string == "succeeded")
      }
    }

    @Test func `a text that only looks like U+0000 is one like any other`() throws {
      let run = try fixture.start("attempts").run
      try fixture.deliver(try lease())
      _ = try fixture.end(ofRun: run)
      func fork(_ prompt: String) -> Int {
        fixture.call(
          "POST", "/api/v1/runs/\(run)/fork",
          body: #"{"from_step":"a","changes":[{"step":"a","input":{"prompt":"\#(prompt)"}}]}"#
        ).status
      }
      #expect(fork(#"print \\u0000 please"#) == 201)
      #expect(fork(#"print \u0000 please"#) == 422)
      #expect(fork(#"print \\\u0000 please"#) == 422)
      try fixture.deliver(try lease())
    }

    @Test func `a run whose workflow is gone altogether can be cancelled`() throws {
      try fixture.put(workflow: "lost", #"{"key":"a","type":"signal","signal":"go"}"#)
      let run = try fixture.start("lost").run
      _ = try fixture.stack.postgres.query("delete from orchestrator.workflow where name = 'lost'")
      try fixture.crash("orchestrator")
      let signal = try fixture.json(
        "POST", "/api/v1/runs/\(run)/signals", body: #"{"name":"go","id":"1","data":1}"#)
      #expect(signal.status == 409 && signal.root["code"]?.string == "workflow_gone")
      let (status, root) = try fixture.json("POST", "/api/v1/runs/bulk-cancel", body: #"{"workflow":"lost"}"#)
      #expect(status == 200 && root["cancelled"]?.int == 1 && root["remaining"]?.bool == false)
      #expect(try fixture.end(ofRun: run)["status"]?.string == "cancelled")
    }

    @Test func `an outage of the database costs no attempt`() throws {
      let run = try fixture.start("attempts").run
      let lease = try lease()
      #expect(try fixture.record(lease, index: 0) == 200)
      // The lease runs out while nobody can be heard.
      _ = try fixture.stack.postgres.query(
        "update orchestrator.lease set deadline = now() - interval '1 second' where step = 'a'")
      try fixture.crash("orchestrator")
      #expect(try fixture.record(lease, index: 1) == 200)
      #expect(try fixture.deliver(lease) == 200)
      #expect(try fixture.end(ofRun: run)["status"]?.string == "succeeded")
      #expect(try fixture.step(run, "a")?["attempt"]?.int == 1)
    }
  }
}
