import Foundation
import JSON
import LocalStack
import Testing

/// P-05, P-06, T-07: what is done to runs, and who may work at the same time.
extension EndToEndTests {
  @Suite(.serialized) struct RunControl {
    private let fixture: StackFixture

    init() throws {
      fixture = try StackFixture.shared.get()
      try fixture.put(
        workflow: "two-step",
        #"{"key":"first","job_type":"test"},{"key":"second","job_type":"test","depends_on":["first"],"#
          + #""retry":{"attempts_max":2,"backoff_ms":1},"input":{"from":{"$ref":"steps.first.output.n"}},"model":"m1"}"#
      )
    }

    @Test func `a paused run hands nothing out until it goes on`() throws {
      let (_, run) = try fixture.start("two-step")
      let first = try #require(try fixture.lease("test").first)
      #expect(try fixture.json("POST", "/api/v1/runs/\(run)/pause").root["status"]?.string == "paused")
      #expect(fixture.call("POST", "/api/v1/runs/\(run)/pause").status == 409)
      #expect(try fixture.deliver(first, output: #"{"n":7}"#) == 200)
      #expect(try fixture.lease("test", milliseconds: 300).isEmpty)
      #expect(try fixture.waitingFor(run, "second")?["kind"]?.string == "resume")
      #expect(try fixture.json("POST", "/api/v1/runs/\(run)/resume").root["status"]?.string == "running")
      let second = try #require(try fixture.lease("test").first)
      #expect(second["input"]?["from"]?.int == 7)
      #expect(second["model"]?.string == "m1")
      #expect(try fixture.deliver(second) == 200)
      #expect(try fixture.end(ofRun: run)["status"]?.string == "succeeded")
    }

    @Test func `a failed run is retried from the failed step, and what succeeded is not done again`() throws {
      let (task, run) = try fixture.start("two-step")
      try fixture.deliver(try #require(try fixture.lease("test").first), output: #"{"n":1}"#)
      try fixture.deliver(try #require(try fixture.lease("test").first), failure: "broken")
      #expect(try fixture.end(ofRun: run)["status"]?.string == "failed")
      let (status, again) = try fixture.json(
        "POST", "/api/v1/runs/\(run)/retry", body: #"{"changes":[{"step":"second","model":"m2"}]}"#)
      #expect(status == 201)
      #expect(again["forked_from"]?.string == run)
      let second = try #require(try fixture.lease("test").first)
      #expect(second["step"]?.string == "second")
      #expect(second["model"]?.string == "m2")
      try fixture.deliver(second, output: #"{"done":true}"#)
      #expect(try fixture.end(of: task)["run"]?["id"]?.string == again["id"]?.string)
      let report = try fixture.json("POST", "/api/v1/runs/\(again["id"]?.string ?? "")/replay")
      #expect(report.root["verdict"]?.string == "consistent")
      #expect(fixture.call("POST", "/api/v1/runs/\(again["id"]?.string ?? "")/retry").status == 409)
      try BundleRecorder.keep(fixture, again["id"]?.string ?? "")
    }

    @Test func `a fork goes on from a step, keeping what others recorded`() throws {
      let (_, run) = try fixture.start("two-step")
      let first = try #require(try fixture.lease("test").first)
      #expect(try fixture.record(first, index: 0) == 200)
      try fixture.deliver(first, output: #"{"n":1}"#)
      try fixture.deliver(try #require(try fixture.lease("test").first), output: #"{"old":true}"#)
      #expect(try fixture.end(ofRun: run)["usage"]?["model_calls"]?.int == 1)
      #expect(fixture.call("POST", "/api/v1/runs/\(run)/fork", body: #"{"from_step":"none"}"#).status == 409)
      #expect(fixture.call("POST", "/api/v1/runs/\(run)/fork", body: "{}").status == 422)
      let (status, fork) = try fixture.json(
        "POST", "/api/v1/runs/\(run)/fork",
        body:
          #"{"from_step":"second","changes":[{"step":"second","agent":"b","input":{"x":"{{steps.first.output.n}}"}}]}"#)
      #expect(status == 201)
      let second = try #require(try fixture.lease("test").first)
      #expect(second["agent"]?.string == "b")
      #expect(second["input"]?["x"]?.string == "1")
      #expect(try fixture.record(second, index: 0) == 200)
      #expect(try fixture.record(second, index: 1) == 200)
      try fixture.deliver(second, output: #"{"new":true}"#)
      let end = try fixture.end(ofRun: fork["id"]?.string ?? "")
      #expect(end["result"]?["new"]?.bool == true)
      // The call that was taken over was paid by the first run.
      #expect(end["usage"]?["model_calls"]?.int == 2 && end["usage"]?["input_tokens"]?.int == 4)
      let report = try fixture.json("POST", "/api/v1/runs/\(fork["id"]?.string ?? "")/replay").root
      #expect(report["verdict"]?.string == "consistent")
      #expect(try fixture.end(ofRun: run)["result"]?["old"]?.bool == true)
    }

    @Test func `a fork of a sub-run is a task of its own`() throws {
      try fixture.put(
        workflow: "part", #"{"key":"a","job_type":"part"},{"key":"b","job_type":"part","depends_on":["a"]}"#)
      try fixture.put(workflow: "whole", #"{"key":"sub","type":"run","workflow":"part"}"#)
      let (task, run) = try fixture.start("whole")
      let first = try #require(try fixture.lease("part").first)
      let child = try #require(first["run_id"]?.string)
      try fixture.deliver(first, output: #"{"n":1}"#)
      try fixture.deliver(try #require(try fixture.lease("part").first), output: #"{"old":true}"#)
      #expect(try fixture.end(ofRun: run)["result"]?["old"]?.bool == true)
      let (status, fork) = try fixture.json("POST", "/api/v1/runs/\(child)/fork", body: #"{"from_step":"b"}"#)
      #expect(status == 201 && fork["forked_from"]?.string == child && fork["parent_run_id"]?.string == nil)
      let again = try #require(try fixture.lease("part").first)
      #expect(again["step"]?.string == "b")
      try fixture.deliver(again, output: #"{"new":true}"#)
      #expect(try fixture.end(ofRun: fork["id"]?.string ?? "")["result"]?["new"]?.bool == true)
      #expect(try fixture.end(of: fork["task_id"]?.string ?? "")["title"]?.string == "Fork of \(child)")
      #expect(try fixture.json("GET", "/api/v1/tasks/\(task)").root["run"]?["id"]?.string == run)
      #expect(try fixture.end(ofRun: run)["result"]?["old"]?.bool == true)
    }

    @Test func `a history that was changed is found out`() throws {
      let (_, run) = try fixture.start("two-step")
      try fixture.deliver(try #require(try fixture.lease("test").first), output: #"{"n":1}"#)
      try fixture.deliver(try #require(try fixture.lease("test").first))
      _ = try fixture.end(ofRun: run)
      let id = try uuid(run)
      _ = try fixture.stack.postgres.query(
        """
        update orchestrator.history set body = convert_to(replace(convert_from(body, 'UTF8'),
          '["step.ready","second"', '["step.ready","first"'), 'UTF8') where run_id = '\(id)'
        """
      )
      let (_, report) = try fixture.json("POST", "/api/v1/runs/\(run)/replay")
      #expect(report["verdict"]?.string == "inconsistent")
      #expect(report["first_divergence"]?["replayed"]?["step"]?.string == "second")
      #expect(report["first_divergence"]?["recorded"]?["step"]?.string == "first")
    }

    private func uuid(_ id: String) throws -> String {
      let hex = Array(id.drop { $0 != "_" }.dropFirst())
      return [0..<8, 8..<12, 12..<16, 16..<20, 20..<32].map { String(hex[$0]) }.joined(separator: "-")
    }

    @Test func `limits and locks are kept, and a waiting step says so`() throws {
      try fixture.put(
        workflow: "limited", #"{"key":"a","job_type":"limited","agent":"scarce"}"#)
      try fixture.put(
        workflow: "locked", #"{"key":"a","job_type":"locked","locks":["repo"]}"#)
      #expect(fixture.call("PUT", "/api/v1/limits/agent/scarce", body: #"{"slots":2}"#).status == 200)
      var runs: [String] = []
      for _ in 0..<5 { runs.append(try fixture.start("limited").run) }
      let held = try fixture.lease("limited", slots: 10)
      #expect(held.count == 2)
      #expect(try fixture.lease("limited", slots: 10, milliseconds: 200).isEmpty)
      let heldRuns = Set(held.compactMap { $0["run_id"]?.string })
      let waiting = try #require(runs.first { !heldRuns.contains($0) })
      let reason = try fixture.waitingFor(waiting, "a")
      #expect(reason?["kind"]?.string == "limit" && reason?["key"]?.string == "agent:scarce")
      try fixture.deliver(try #require(held.first))
      #expect(try fixture.lease("limited", slots: 10).count == 1)
      #expect(fixture.call("DELETE", "/api/v1/limits/agent/scarce").status == 204)
      #expect(try fixture.lease("limited", slots: 10).count == 2)
      for run in runs { _ = fixture.call("POST", "/api/v1/runs/\(run)/cancel") }

      let first = try fixture.start("locked").run
      let second = try fixture.start("locked").run
      let lock = try fixture.lease("locked", slots: 2)
      #expect(lock.count == 1)
      let other = lock.first?["run_id"]?.string == first ? second : first
      #expect(try fixture.waitingFor(other, "a")?["kind"]?.string == "lock")
      try fixture.deliver(try #require(lock.first))
      try fixture.deliver(try #require(try fixture.lease("locked").first))
    }

    @Test func `runs on the same thing exclude each other, runs on others do not`() throws {
      try fixture.put(
        workflow: "per-repo", #"{"key":"a","job_type":"per-repo","locks":["repo:{{input.repo}}"]}"#)
      let runs = try ["one", "one", "two"].map {
        try fixture.start("per-repo", input: "{\"repo\":\"\($0)\"}").run
      }
      let held = try fixture.lease("per-repo", slots: 5)
      #expect(Set(held.compactMap { $0["input"]?["repo"]?.string }) == ["one", "two"] && held.count == 2)
      let heldRuns = Set(held.compactMap { $0["run_id"]?.string })
      let waiting = try #require(runs.first { !heldRuns.contains($0) })
      let reason = try fixture.waitingFor(waiting, "a")
      #expect(reason?["kind"]?.string == "lock" && reason?["key"]?.string?.hasSuffix("repo:one") == true)
      for lease in held { try fixture.deliver(lease) }
      try fixture.deliver(try #require(try fixture.lease("per-repo").first))
      for run in runs { #expect(try fixture.end(ofRun: run)["status"]?.string == "succeeded") }
    }

    @Test func `a backlog is gathered, keeps its order and is worked off`() throws {
      try fixture.put(workflow: "old", #"{"key":"a","job_type":"old"}"#)
      var runs: [String] = []
      for _ in 0..<4 { runs.append(try fixture.start("old").run) }
      func buckets(_ condition: String) throws -> String {
        try fixture.stack.postgres.query(
          "select count(*) from orchestrator.ready where job_type = 'old' and \(condition)")
      }
      _ = try fixture.stack.postgres.query(
        "update orchestrator.ready set bucket = bucket - 100 where job_type = 'old'; select 1")
      try fixture.wait("the backlog is gathered") {
        try buckets("bucket = 0") == "4"
      }
      runs.append(try fixture.start("old").run)
      for run in runs {
        let lease = try #require(try fixture.lease("old").first)
        #expect(lease["run_id"]?.string == run)
        try fixture.deliver(lease)
      }
    }

    @Test func `the more urgent comes first, and tenants share fairly`() throws {
      try fixture.put(workflow: "ranked", #"{"key":"a","job_type":"ranked"}"#)
      for _ in 0..<3 { _ = try fixture.start("ranked") }
      let urgent = try fixture.start("ranked", more: #""priority":5,"#).run
      let first = try fixture.lease("ranked")
      #expect(first.first?["run_id"]?.string == urgent)
      let other = StackFixture.otherKey
      let workflow = #"{"name":"ranked","steps":[{"key":"a","job_type":"ranked"}]}"#
      #expect(fixture.call("PUT", "/api/v1/workflows/ranked", body: workflow, key: other).status == 201)
      for _ in 0..<2 {
        #expect(
          fixture.call("POST", "/api/v1/tasks", body: #"{"workflow":"ranked","input":{}}"#, key: other).status == 202)
      }
      let shared = try fixture.lease("ranked", slots: 2)
      #expect(
        Set(shared.compactMap { $0["tenant_id"]?.string }).count == 2
          || shared.allSatisfy {
            $0["tenant_id"]?.string == "tenant_00000000000070008000000000000002"
          })
      let rest = try fixture.lease("ranked", slots: 10)
      for lease in first + shared + rest { try fixture.deliver(lease) }
    }

    @Test func `time limits of work: not taken, not done, silent`() throws {
      try fixture.put(
        workflow: "timed",
        #"{"key":"a","job_type":"nobody","timeouts":{"schedule_to_start_ms":200},"on_failure":"continue"},"#
          + #"{"key":"b","job_type":"timed","depends_on":["a"],"timeouts":{"start_to_close_ms":400},"retry":{"attempts_max":1},"on_failure":"continue"},"#
          + #"{"key":"c","job_type":"timed","depends_on":["b"],"timeouts":{"heartbeat_ms":500},"retry":{"attempts_max":1},"on_failure":"continue"},"#
          + #"{"key":"d","type":"transform","depends_on":["c"],"input":["{{steps.a.failure.code}}","{{steps.b.failure.code}}","{{steps.c.failure.code}}"]}"#
      )
      let (_, run) = try fixture.start("timed")
      let slow = try #require(try fixture.lease("timed", milliseconds: 30_000).first)
      #expect(slow["step"]?.string == "b")
      try fixture.wait("the attempt is over") { try fixture.step(run, "b")?["status"]?.string == "failed" }
      #expect(try fixture.deliver(slow) == 409)
      let silent = try #require(try fixture.lease("timed", milliseconds: 30_000).first)
      #expect(silent["lease_ms"]?.int == 500)
      let end = try fixture.end(ofRun: run)
      let codes = end["result"].map { Array($0.elements).compactMap(\.string) } ?? []
      try BundleRecorder.keep(fixture, run)
      #expect(codes == ["schedule_to_start_timeout", "start_to_close_timeout", "worker_lost"], "\(codes)")
    }

    @Test func `another agent takes over, and what was done is undone when nobody can`() throws {
      try fixture.put(
        workflow: "saga",
        #"{"key":"book","job_type":"saga"},"#
          + #"{"key":"pay","job_type":"saga","depends_on":["book"],"agent":"junior","retry":{"attempts_max":1},"#
          + #""fallbacks":[{"agent":"senior"}],"on_failure":{"compensate":["unbook"]}},"#
          + #"{"key":"unbook","job_type":"saga","compensation":true,"input":{"seat":{"$ref":"steps.book.output.seat"}}}"#
      )
      let (_, run) = try fixture.start("saga")
      try fixture.deliver(try #require(try fixture.lease("saga").first), output: #"{"seat":7}"#)
      let junior = try #require(try fixture.lease("saga").first)
      #expect(junior["agent"]?.string == "junior")
      try fixture.deliver(junior, failure: "no_money")
      let senior = try #require(try fixture.lease("saga").first)
      #expect(senior["agent"]?.string == "senior" && senior["attempt"]?.int == 2)
      try fixture.deliver(senior, failure: "no_money")
      #expect(try fixture.json("GET", "/api/v1/runs/\(run)").root["status"]?.string == "compensating")
      let undo = try #require(try fixture.lease("saga").first)
      #expect(undo["step"]?.string == "unbook" && undo["input"]?["seat"]?.int == 7)
      try fixture.deliver(undo)
      let end = try fixture.end(ofRun: run)
      #expect(end["status"]?.string == "failed" && end["failure"]?["code"]?.string == "no_money")
      let shown = try fixture.json("GET", "/api/v1/runs/\(run)/events?agent=senior").root["events"]
      #expect(shown?.elements.allSatisfy { $0["step"]?.string == "pay" } == true && (shown?.count ?? 0) > 0)
      #expect(try fixture.json("POST", "/api/v1/runs/\(run)/replay").root["verdict"]?.string == "consistent")
    }

    @Test func `text that the database cannot hold in a document fails nobody`() throws {
      try fixture.put(
        workflow: "hostile",
        #"{"key":"a","job_type":"hostile"},{"key":"b","type":"transform","depends_on":["a"],"#
          + #""when":{"ref":"steps.a.output.x","equals":"y"},"input":1}"#)
      let runs = try (0..<8).map { _ in try fixture.start("hostile").run }
      for lease in try fixture.lease("hostile", slots: 8) {
        #expect(try fixture.deliver(lease, output: #"{"x":"a\u0000b","\u0000":"\ud83d\ude00"}"#) == 200)
      }
      for run in runs { #expect(try fixture.end(ofRun: run)["status"]?.string == "succeeded") }
      let fault = #"{"name":"nul","steps":[{"key":"a","when":{"ref":"input.a\u0000","exists":true}}]}"#
      #expect(fixture.call("POST", "/api/v1/workflows", body: fault).status == 422)
    }

    @Test func `recorded calls answer a repeated attempt, and a forked step starts without them`() throws {
      try fixture.put(
        workflow: "journal", #"{"key":"a","job_type":"journal","retry":{"attempts_max":2,"backoff_ms":0}}"#)
      let (_, run) = try fixture.start("journal")
      let first = try #require(try fixture.lease("journal").first)
      #expect(try fixture.record(first, index: 0) == 200)
      #expect(try fixture.record(first, index: 2) == 409)
      try fixture.deliver(first, failure: "provider_failed", retryable: true)
      let second = try #require(try fixture.lease("journal").first)
      #expect(second["journal"]?.count == 1)
      try fixture.deliver(second)
      #expect(try fixture.end(ofRun: run)["usage"]?["model_calls"]?.int == 1)
      let fork = try fixture.json(
        "POST", "/api/v1/runs/\(run)/fork", body: #"{"from_step":"a","changes":[{"step":"a","model":"other"}]}"#)
      #expect(fork.status == 201)
      let third = try #require(try fixture.lease("journal").first)
      #expect(third["journal"]?.count == 0 && third["model"]?.string == "other")
      try fixture.deliver(third)
    }

    @Test func `open runs are cancelled together`() throws {
      try fixture.put(workflow: "many", #"{"key":"a","type":"signal","signal":"never"}"#)
      for _ in 0..<20 { _ = try fixture.start("many") }
      #expect(fixture.call("POST", "/api/v1/runs/bulk-cancel", body: "{}").status == 422)
      let (_, answer) = try fixture.json("POST", "/api/v1/runs/bulk-cancel", body: #"{"workflow":"many"}"#)
      #expect(answer["cancelled"]?.int == 20 && answer["remaining"]?.bool == false)
      #expect(try fixture.json("GET", "/api/v1/runs?workflow=many&status=cancelled&limit=50").root["runs"]?.count == 20)
    }
  }
}
