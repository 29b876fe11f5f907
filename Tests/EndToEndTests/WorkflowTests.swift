import Foundation
import JSON
import LocalStack
import Testing

/// P-02, P-03: graphs of steps, in the real services.
extension EndToEndTests {
  @Suite(.serialized) struct Workflows {
    private let fixture: StackFixture

    init() throws { fixture = try StackFixture.shared.get() }

    private func expectConsistent(_ run: String) throws {
      let (status, report) = try fixture.json("POST", "/api/v1/runs/\(run)/replay")
      #expect(status == 200)
      #expect(report["verdict"]?.string == "consistent", "\(String(decoding: report.rawBytes, as: UTF8.self))")
      try BundleRecorder.keep(fixture, run)
    }

    @Test func `a planner's steps run, and one answer is made of theirs`() throws {
      let (_, run) = try fixture.start("plan-execute", input: "{}", more: #""prompt":"plan it","#)
      let end = try fixture.end(ofRun: run)
      #expect(end["status"]?.string == "succeeded")
      let answer = end["result"]?["answer"]?.string ?? ""
      #expect(answer.contains("first part") && answer.contains("second"))
      #expect(try fixture.types(run).filter { $0 == "plan.expanded" }.count == 1)
      #expect(try fixture.step(run, "plan/b")?["status"]?.string == "succeeded")
      try expectConsistent(run)
    }

    @Test func `the simplest run replays with its calls`() throws {
      let (_, root) = try fixture.submit("compute the answer")
      let run = root["run"]?["id"]?.string ?? ""
      #expect(try fixture.types(run).contains("tool.called"))
      try expectConsistent(run)
      let bundle = fixture.call("GET", "/api/v1/runs/\(run)/bundle")
      #expect(try JSONDocument(parsing: bundle.text).root["format"]?.string == "cadre-run-bundle")
    }

    @Test func `what is no plan is asked for again and then fails the run`() throws {
      try fixture.put(
        workflow: "bad-plan",
        #"{"key":"plan","plans":{"steps_max":3},"retry":{"attempts_max":2,"backoff_ms":1,"jitter_percent":0}}"#)
      let (_, run) = try fixture.start("bad-plan", more: #""prompt":"plan badly","#)
      let end = try fixture.end(ofRun: run)
      #expect(end["failure"]?["code"]?.string == "invalid_plan")
      #expect(try fixture.types(run).filter { $0 == "step.failed" }.count == 2)
    }

    @Test func `a prompt is applied to every item, and the answers are put together`() throws {
      let (_, run) = try fixture.start(
        "map-reduce", input: #"{"items":["x1","x2","x3","x4","x5","x6","x7"]}"#, more: #""prompt":"name","#)
      let end = try fixture.end(ofRun: run)
      let answer = end["result"]?["answer"]?.string ?? ""
      #expect(end["status"]?.string == "succeeded")
      for item in 1...7 { #expect(answer.contains("x\(item)")) }
      #expect(end["usage"]?["model_calls"]?.int == 8)
      try expectConsistent(run)
    }

    @Test func `the board's phases follow each other`() throws {
      let (_, run) = try fixture.start("board", more: #""prompt":"build a shed","#)
      #expect(try fixture.end(ofRun: run)["status"]?.string == "succeeded")
      let order = try fixture.events(run).filter { $0["type"]?.string == "step.succeeded" }
        .compactMap { $0["step"]?.string }
      #expect(order == ["plan", "build", "review", "test"])
      try expectConsistent(run)
    }

    @Test func `waits, signals, people and sub-runs end when they should`() throws {
      try fixture.put(
        workflow: "leaf", #"{"key":"say","type":"transform","input":{"said":"{{input.word}}!","ok":true}}"#)
      try fixture.put(
        workflow: "waits",
        #"""
        {"key":"pause","type":"delay","delay_ms":50},
        {"key":"go","type":"signal","signal":"go","timeouts":{"start_to_close_ms":60000}},
        {"key":"ask","type":"approval","depends_on":["pause","go"],"input":{"deploy":"{{steps.go.output.what}}"}},
        {"key":"child","type":"run","workflow":"leaf","depends_on":["ask"],"input":{"word":"{{steps.ask.output.by}}"},
         "when":{"ref":"steps.ask.output.approved","equals":true}},
        {"key":"all","type":"transform","depends_on":["child"],
         "input":{"said":{"$ref":"steps.child.output.said"},"run":"{{run.id}}"}}
        """#, more: #""timeout_ms":600000,"#)
      let (_, run) = try fixture.start("waits")
      #expect(try fixture.waitingFor(run, "go")?["kind"]?.string == "signal")
      #expect(
        fixture.call("POST", "/api/v1/runs/\(run)/signals", body: #"{"name":"stop"}"#).text.contains("unknown_signal"))
      let signal = #"{"name":"go","id":"s1","data":{"what":"v2"}}"#
      #expect(fixture.call("POST", "/api/v1/runs/\(run)/signals", body: signal).status == 202)
      let again = try fixture.json("POST", "/api/v1/runs/\(run)/signals", body: signal)
      #expect(again.root["repeated"]?.bool == true)
      var approval: JSONView?
      try fixture.wait("a person is asked") {
        approval = try fixture.json("GET", "/api/v1/approvals?status=pending&run_id=\(run)").root["approvals"]?[0]
        return approval != nil
      }
      #expect(approval?["subject"]?["deploy"]?.string == "v2")
      #expect(try fixture.waitingFor(run, "ask")?["kind"]?.string == "approval")
      let id = approval?["id"]?.string ?? ""
      let wrong = fixture.call(
        "POST", "/api/v1/approvals/\(id)/decision", body: #"{"decision":"approve","subject_sha256":"00"}"#)
      #expect(wrong.status == 409 && wrong.text.contains("subject_differs"))
      let right = #"{"decision":"approve","subject_sha256":"\#(approval?["subject_sha256"]?.string ?? "")"}"#
      #expect(fixture.call("POST", "/api/v1/approvals/\(id)/decision", body: right).status == 200)
      #expect(fixture.call("POST", "/api/v1/approvals/\(id)/decision", body: right).status == 409)
      let end = try fixture.end(ofRun: run)
      #expect(end["status"]?.string == "succeeded")
      #expect(end["result"]?["said"]?.string?.hasSuffix("!") == true)
      #expect(end["result"]?["run"]?.string == run)
      let children = try fixture.json("GET", "/api/v1/runs?workflow=leaf").root["runs"]
      #expect(children?.elements.contains { $0["parent_run_id"]?.string == run } == true)
      try expectConsistent(run)
      try fixture.wait("no timer is left of a run that has ended") {
        try fixture.stack.postgres.query(
          "select count(*) from orchestrator.timer t join orchestrator.run r on r.id = t.run_id where r.ended_at is not null"
        ) == "0"
      }
    }

    @Test func `a wait in vain and a rejection fail the run, and cancelling it ends its sub-runs`() throws {
      try fixture.put(
        workflow: "vain", #"{"key":"go","type":"signal","signal":"go","timeouts":{"start_to_close_ms":100}}"#)
      let (_, vain) = try fixture.start("vain")
      #expect(try fixture.end(ofRun: vain)["failure"]?["code"]?.string == "start_to_close_timeout")
      try fixture.put(workflow: "slow-leaf", #"{"key":"wait","type":"signal","signal":"never"}"#)
      try fixture.put(workflow: "parent", #"{"key":"child","type":"run","workflow":"slow-leaf"}"#)
      let (_, parent) = try fixture.start("parent")
      try fixture.wait("the sub-run exists") {
        try fixture.step(parent, "child")?["child_run_id"]?.string != nil
      }
      let child = try fixture.step(parent, "child")?["child_run_id"]?.string ?? ""
      #expect(fixture.call("POST", "/api/v1/runs/\(parent)/cancel", body: #"{"reason":"enough"}"#).status == 200)
      #expect(try fixture.end(ofRun: child)["status"]?.string == "cancelled")
    }

    @Test func `an invalid workflow is refused with the place of its fault`() throws {
      let answer = try fixture.json(
        "POST", "/api/v1/workflows",
        body: #"{"name":"x","steps":[{"key":"a","depends_on":["b"]},{"key":"b","depends_on":["a"]}]}"#)
      #expect(answer.status == 422)
      let fault = answer.root["errors"]?[0] ?? answer.root["faults"]?[0]
      #expect(
        fault?["detail"]?.string?.contains("a -> b -> a") == true,
        "\(String(decoding: answer.root.rawBytes, as: UTF8.self))")
      #expect(
        fixture.call("PUT", "/api/v1/workflows/single", body: #"{"name":"single","steps":[{"key":"a"}]}"#).status == 409
      )
    }

    @Test func `versions are kept, runs stay with theirs, and a used workflow cannot be removed`() throws {
      try fixture.put(workflow: "evolving", #"{"key":"wait","type":"signal","signal":"go"}"#)
      let (_, run) = try fixture.start("evolving")
      let two = #"{"name":"evolving","steps":[{"key":"other","type":"signal","signal":"go"}]}"#
      let report = try fixture.json("POST", "/api/v1/workflows/evolving/compatibility", body: two)
      #expect(report.root["would_break"]?[0]?["run_id"]?.string == run)
      #expect(
        fixture.call("PUT", "/api/v1/workflows/evolving", body: two, headers: ["If-Match": "\"9\""]).status == 412)
      #expect(
        fixture.call("PUT", "/api/v1/workflows/evolving", body: two, headers: ["If-Match": "\"1\""]).status == 201)
      #expect(try fixture.json("GET", "/api/v1/workflows/evolving").root["version"]?.int == 2)
      #expect(fixture.call("DELETE", "/api/v1/workflows/evolving").status == 409)
      #expect(fixture.call("POST", "/api/v1/runs/\(run)/signals", body: #"{"name":"go"}"#).status == 202)
      #expect(try fixture.end(ofRun: run)["workflow_version"]?.int == 1)
    }
  }
}

/// Keeps bundles of runs, from which the checked-in set is made, when `CADRE_KEEP_BUNDLES` names a folder.
enum BundleRecorder {
  static func keep(_ fixture: StackFixture, _ run: String) throws {
    guard let folder = ProcessInfo.processInfo.environment["CADRE_KEEP_BUNDLES"] else { return }
    let answer = fixture.call("GET", "/api/v1/runs/\(run)/bundle")
    let workflow = try JSONDocument(parsing: answer.text).root["workflow"]?["name"]?.string ?? "run"
    try (answer.text + "\n").write(toFile: "\(folder)/\(workflow).json", atomically: true, encoding: .utf8)
  }
}
