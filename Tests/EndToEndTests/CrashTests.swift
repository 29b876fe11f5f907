import Foundation
import JSON
import LocalStack
import Process
import Testing

/// P-04: whatever dies, an accepted task ends once, and what was recorded is not paid again.
extension EndToEndTests {
  @Suite(.serialized) struct Crash {
    /// So often a process is killed until a submission has met it.
    private static let disturbancesMax = 8

    private let fixture: StackFixture

    init() throws { fixture = try StackFixture.shared.get() }

    /// Tasks that are accepted before and while `disturb` happens and thereafter, `count` of each at least. There are
    /// always submissions in flight, so some were in flight when it happened.
    private func accepted(_ count: Int, isNoticed: Bool = true, during disturb: () throws -> Void) throws -> [String] {
      let load = SubmissionLoad(fixture)
      let result = Result {
        try fixture.wait("\(count) tasks are accepted") { load.accepted >= count }
        let interrupted = load.interrupted
        // A submission takes milliseconds: that one is in flight is waited for, that it still is, is luck.
        for _ in 0..<Crash.disturbancesMax where !isNoticed || load.interrupted == interrupted {
          try fixture.wait("submissions are in flight") { load.inFlight > 0 }
          try load.disturb(disturb)
          let before = load.accepted
          try fixture.wait("\(count) more are accepted") { load.accepted >= before + count }
          if !isNoticed { break }
        }
        if isNoticed { #expect(load.interrupted > interrupted, "nothing was in flight") }
      }
      let (tasks, refusals) = try load.end()
      try result.get()
      #expect(refusals.isEmpty, "only answers after which a request is repeated: \(refusals.first ?? "")")
      #expect(Set(tasks).count == tasks.count)
      return tasks
    }

    private func expectAllEndOnce(_ tasks: [String]) throws {
      for task in tasks { #expect(try fixture.end(of: task)["status"]?.string == "succeeded") }
      let twice = try fixture.stack.postgres.query(
        "select run_id from orchestrator.event where type in ('run.succeeded','run.failed','run.cancelled') "
          + "group by run_id having count(*) > 1")
      #expect(twice.isEmpty)
      let gaps = try fixture.stack.postgres.query(
        "select run_id from orchestrator.event group by run_id having max(seq) <> count(*) or min(seq) <> 1")
      #expect(gaps.isEmpty)
      let left = try fixture.stack.postgres.query(
        "select count(*) from orchestrator.ready q join orchestrator.run r on r.id = q.run_id where r.ended_at is not null"
      )
      #expect(left == "0")
    }

    @Test func `a killed agent-core loses nothing and pays nothing twice`() throws {
      let before = try fixture.providerCalls()
      // The first model call is recorded at once; the second takes long enough to be interrupted.
      let (_, root) = try fixture.submit("ponder the answer", wait: 0)
      let run = root["run"]?["id"]?.string ?? ""
      try fixture.wait("the tool is called") { try fixture.types(run).contains("tool.called") }
      try fixture.crash("agent-core")
      let task = try fixture.end(of: root["id"]?.string ?? "")
      #expect(task["status"]?.string == "succeeded")
      let events = try fixture.events(run)
      #expect(events.contains { $0["type"]?.string == "step.lost" })
      #expect(
        events.filter { $0["type"]?.string == "model.called" }.compactMap { $0["data"]?["index"]?.int } == [1, 3],
        "behind the note of the tools, and behind the first call's tool")
      // At most the interrupted call is made again; the recorded one never is.
      #expect(try fixture.providerCalls() - before <= 3)
    }

    @Test func `a killed orchestrator loses no accepted task`() throws {
      try expectAllEndOnce(try accepted(20) { try fixture.crash("orchestrator") })
    }

    @Test func `killed gateways and routers lose no accepted task`() throws {
      try expectAllEndOnce(try accepted(10) { try fixture.crash("gateway") })
      // Nobody who submits notices this one.
      try expectAllEndOnce(try accepted(10, isNoticed: false) { try fixture.crash("llm-router") })
    }

    @Test func `readiness reports a crashed database, and everything goes on when it is back`() throws {
      let tasks = try accepted(15) { try fixture.stack.restartPostgres(isImmediate: true) }
      try expectAllEndOnce(tasks)
      try fixture.wait("the orchestrators are ready") {
        fixture.call("GET", "/readyz", service: "orchestrator").status == 200
      }
      #expect(try fixture.submit("after the crash").root["status"]?.string == "succeeded")
    }

    @Test func `a service whose database is away at its start waits, says so, and ends in order`() throws {
      let port = LoopbackPort.free()
      let process = try ChildProcess.start(
        ProcessSpecification(
          fixture.stack.configuration.executables + "/orchestrator",
          environment: [
            "CADRE_HTTP_PORT": "\(port)", "CADRE_ADMIN_PORT": "0",
            "CADRE_IDENTITY_GATEWAY_KEYS": "a:gateway-keys-of-this-test-only-0123",
            "CADRE_IDENTITY_STEP_KEYS": "a:step-keys-of-this-test-only-0123456",
            "CADRE_IDENTITY_WORKER_KEYS": "a:worker-keys-of-this-test-only-01234",
            "CADRE_POSTGRES_URL": "host=/nonexistent dbname=cadre user=cadre",
          ]))
      try fixture.wait("it answers") { BlockingHTTP.send(port: port, path: "/healthz")?.status == 200 }
      #expect(BlockingHTTP.send(port: port, path: "/readyz")?.status == 503)
      let answer = BlockingHTTP.send("POST", port: port, path: "/api/v1/tasks", body: "{}")
      #expect(answer?.status == 503)
      #expect(answer?.body.contains("\"code\":\"starting\"") == true)
      process.kill(SIGTERM)
      #expect(process.wait(seconds: Int(StackFixture.patienceSeconds)) == 0)
    }

    @Test func `a fault in the configuration is one message that names it, and never a secret`() throws {
      let executable = fixture.stack.configuration.executables + "/gateway"
      let ended = try ChildProcess.run(
        ProcessSpecification(
          executable, ["--set", "http.prot=1"],
          environment: [
            "CADRE_IDENTITY_GATEWAY_KEYS": "short", "CADRE_HTTP_PROT": "8", "CADRE_AUTH_KEY": "very-secret-value-1",
          ]))
      let output = ended.output
      #expect(ended.status == 2)
      #expect(output.contains("http.prot") && output.contains("http.port"))
      #expect(output.contains("CADRE_HTTP_PROT"))
      #expect(!output.contains("very-secret-value"))
    }

    @Test func `a worker whose lease has passed on changes nothing`() throws {
      try fixture.put(workflow: "stale", #"{"key":"a","job_type":"stale"}"#)
      let (_, run) = try fixture.start("stale")
      let lease = try #require(try fixture.lease("stale").first)
      #expect(try fixture.deliver(lease) == 200)
      let again = fixture.call(
        "POST", "/worker/v1/steps/\(lease["step_id"]?.string ?? "")/result",
        body: #"{"token":"\#(lease["token"]?.string ?? "")","attempt":1,"output":{"answer":"forged"}}"#,
        headers: fixture.stepHeaders(lease), service: "orchestrator")
      #expect(again.status == 409)
      #expect(again.text.contains("lease_lost") || again.text.contains("run_ended"), "\(again.text)")
      #expect(try fixture.end(ofRun: run)["status"]?.string == "succeeded")
    }

    @Test func `every service ends in order on SIGTERM and answers what it has taken on`() throws {
      let (_, root) = try fixture.submit("think long while we stop", wait: 0)
      let run = root["run"]?["id"]?.string ?? ""
      try fixture.wait("the step is begun") { try fixture.types(run).contains("step.started") }
      let services = fixture.stack.replicas(of: "agent-core")
      for service in services { kill(service.process.processID, SIGTERM) }
      for service in services { #expect(service.process.wait(seconds: Int(StackFixture.patienceSeconds)) == 0) }
      // On a busy machine the model takes longer than a process that ends waits for it: the step is given back then.
      let isGivenBack = try fixture.types(run).contains("step.released")
      for service in services { try fixture.stack.launch(service.name) }
      for again in fixture.stack.replicas(of: "agent-core") { try fixture.stack.waitUntilReady(again) }
      let task = try fixture.end(of: root["id"]?.string ?? "")
      #expect(task["status"]?.string == "succeeded")
      #expect(try !fixture.types(run).contains("step.lost"))
      if !isGivenBack { #expect(task["run"]?["usage"]?["model_calls"]?.int == 1) }
    }
  }
}
