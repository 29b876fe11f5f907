import Foundation
import JSON
import LocalStack
import Process
import Testing

/// Eager dispatch: steps that go to waiting workers in the transaction that makes them ready.
extension EndToEndTests {
  @Suite(.serialized) struct EagerDispatch {
    private let fixture: StackFixture

    init() throws { fixture = try StackFixture.shared.get() }

    /// Steps given to workers so far, by where from.
    private func leased(_ source: String) throws -> Double {
      let text = try #require(BlockingHTTP.send(port: fixture.stack.adminPort(of: "orchestrator"), path: "/metrics"))
        .body
      let line = text.split(separator: "\n").first { $0.hasPrefix("cadre_steps_leased_total{from=\"\(source)\"}") }
      return try line.map { try #require($0.split(separator: " ").last.flatMap { Double($0) }) } ?? 0
    }

    @Test func `a step that becomes ready while a worker waits needs no queue`() throws {
      try fixture.put(
        workflow: "eager",
        #"{"key":"a","job_type":"eager","agent":"x"},"#
          + #"{"key":"b","job_type":"eager","depends_on":["a"],"input":{"n":{"$ref":"steps.a.output.n"}}}"#)
      try fixture.wait("both steps go straight to the worker") {
        let (direct, queued) = (try leased("commit"), try leased("queue"))
        try workOff()
        // A worker that had no time to begin to wait finds its step in the queue.
        return try leased("commit") == direct + 2 && leased("queue") == queued
      }
    }

    /// Two steps of a run, each submitted or made ready while a worker waits where the run is.
    private func workOff() throws {
      let fixture = fixture
      let port = fixture.stack.port(of: "orchestrator")
      let first = Background { try fixture.lease("eager", slots: 2, port: port) }
      Thread.sleep(forTimeInterval: 0.2)
      let started = try fixture.internalCall(
        "POST", "/api/v1/tasks", #"{"workflow":"eager","input":{"p":1}}"#, port: port)
      let run = started?.root["run"]?["id"]?.string ?? ""
      let a = try #require(try first.value().first)
      #expect(a["run_id"]?.string == run && a["input"]?["p"]?.int == 1 && a["agent"]?.string == "x")
      let second = Background { try fixture.lease("eager", slots: 2, port: port) }
      Thread.sleep(forTimeInterval: 0.2)
      try fixture.deliver(a, output: #"{"n":7}"#, port: port)
      let b = try #require(try second.value().first)
      #expect(b["step"]?.string == "b" && b["input"]?["n"]?.int == 7)
      try fixture.deliver(b, port: port)
      #expect(try fixture.end(ofRun: run)["status"]?.string == "succeeded")
      #expect(
        try fixture.types(run) == [
          "run.created", "step.ready", "step.started", "step.succeeded", "step.ready", "step.started", "step.succeeded",
          "run.succeeded",
        ])
      #expect(try fixture.json("POST", "/api/v1/runs/\(run)/replay").root["verdict"]?.string == "consistent")
    }

    @Test func `a limit holds although workers wait at two replicas`() throws {
      try fixture.put(
        workflow: "scarce",
        #"{"key":"a","job_type":"scarce","agent":"rare"},"#
          + #"{"key":"b","job_type":"scarce","agent":"rare","depends_on":["a"]}"#)
      let other = try fixture.stack.startReplica(of: "orchestrator")
      defer { other.process.stop() }
      let ports = [fixture.stack.port(of: "orchestrator"), other.port]
      let held = LeaseCount()
      let fixture = fixture
      let threads = (0..<4).map { number in
        Background {
          while !held.isOver {
            let leases = try fixture.lease("scarce", slots: 3, milliseconds: 300, port: ports[number % 2])
            held.add(leases.count)
            Thread.sleep(forTimeInterval: 0.02)
            held.add(-leases.count)
            for lease in leases { try fixture.deliver(lease, port: ports[number % 2]) }
          }
        }
      }
      var runs: [String] = []
      for number in 0..<30 {
        if number == 10 {
          // What is held then stays; from here on the limit is kept.
          #expect(fixture.call("PUT", "/api/v1/limits/agent/rare", body: #"{"slots":2}"#).status == 200)
          for run in runs { _ = try fixture.end(ofRun: run) }
          held.reset()
        }
        let answer = try fixture.internalCall(
          "POST", "/api/v1/tasks", #"{"workflow":"scarce","input":{}}"#, port: ports[number % 2])
        runs.append(answer?.root["run"]?["id"]?.string ?? "")
      }
      for run in runs { #expect(try fixture.end(ofRun: run)["status"]?.string == "succeeded") }
      held.isOver = true
      for thread in threads { try thread.value() }
      #expect(held.most <= 2 && held.most > 0, "\(held.most) at the same time")
      #expect(fixture.call("DELETE", "/api/v1/limits/agent/rare").status == 204)
    }

    @Test func `a submission with a key is stored once when a limit sends it through the queue`() throws {
      try fixture.put(workflow: "keyed", #"{"key":"a","job_type":"keyed","agent":"keyed"}"#)
      #expect(fixture.call("PUT", "/api/v1/limits/agent/keyed", body: #"{"slots":1}"#).status == 200)
      let waiting = Background { try fixture.lease("keyed", slots: 2, milliseconds: 3000) }
      Thread.sleep(forTimeInterval: 0.2)
      let answers = try (0..<3).map { _ in
        try fixture.json(
          "POST", "/api/v1/tasks", body: #"{"workflow":"keyed","input":{}}"#,
          headers: ["Idempotency-Key": "keyed-\(getpid())"])
      }
      #expect(Set(answers.map { $0.root["id"]?.string ?? "" }).count == 1)
      #expect(answers.allSatisfy { $0.status == 202 })
      let leases = try waiting.value()
      #expect(leases.count == 1)
      for lease in leases { try fixture.deliver(lease) }
      #expect(try fixture.end(ofRun: answers[0].root["run"]?["id"]?.string ?? "")["status"]?.string == "succeeded")
      #expect(fixture.call("DELETE", "/api/v1/limits/agent/keyed").status == 204)
    }

    @Test func `a submission that is sent several times at once makes one run`() throws {
      try fixture.put(workflow: "again", #"{"key":"a","type":"transform","input":1}"#)
      let other = try fixture.stack.startReplica(of: "orchestrator")
      defer { other.process.stop() }
      let ports = [fixture.stack.port(of: "orchestrator"), other.port]
      let fixture = fixture
      let ids = (0..<8).map { String(format: "run_0199000000007000800000000%07x", Int(getpid()) * 8 + $0) }
      for id in ids {
        // All of them wait for the table, and go on in the same moment.
        let lock = Background {
          try fixture.stack.postgres.query(
            "begin; lock table orchestrator.run in exclusive mode; select pg_sleep(0.2); commit")
        }
        Thread.sleep(forTimeInterval: 0.05)
        let senders = (0..<4).map { number in
          Background {
            BlockingHTTP.send(
              "POST", port: ports[number % 2], path: "/api/v1/tasks",
              headers: try fixture.gatewayHeaders().merging(["X-Cadre-New-Run": id]) { $1 },
              body: #"{"workflow":"again","input":{}}"#, seconds: 90)
          }
        }
        for sender in senders {
          let answer = try sender.value()
          #expect([200, 202].contains(answer?.status ?? 0), "\(answer?.body ?? "no answer")")
          #expect(answer?.body.contains(id) == true)
        }
        _ = try lock.value()
      }
      for id in ids { #expect(try fixture.end(ofRun: id)["status"]?.string == "succeeded") }
      let created = try fixture.stack.postgres.query(
        "select count(*) from orchestrator.event e join orchestrator.run r on r.id = e.run_id "
          + "where r.workflow = 'again' and e.type = 'run.created'")
      #expect(created == "8")
    }

    @Test func `steps of several commits for one worker all reach it at their first attempt`() throws {
      try fixture.put(workflow: "many", #"{"key":"a","job_type":"many"}"#)
      let fixture = fixture
      let done = LeaseCount()
      // Asks again at once; what it was given is worked off elsewhere.
      let worker = Background {
        var delivering: [Background<Void>] = []
        while !done.isOver {
          let leases = try fixture.lease("many", slots: 64, milliseconds: 300)
          delivering.append(Background { for lease in leases { try fixture.deliver(lease) } })
        }
        for delivery in delivering { try delivery.value() }
      }
      let submitting = (0..<3).map { _ in
        Background { try (0..<25).map { _ in try fixture.start("many").run } }
      }
      let runs = try submitting.flatMap { try $0.value() }
      for run in runs { #expect(try fixture.end(ofRun: run)["status"]?.string == "succeeded") }
      done.isOver = true
      try worker.value()
      // On a busy machine the worker may ask too late for a step that was kept for it. Then the step goes to it once
      // more, and no attempt is spent.
      let (spent, unexplained) = (
        try events("many", "e.data->>'attempt' <> '1'"),
        try events("many", "e.type = 'step.lost' and e.data->>'undelivered' is distinct from 'true'")
      )
      #expect(spent == "0" && unexplained == "0")
      #expect(try events("many", "e.type = 'step.succeeded' and e.data->>'attempt' = '1'") == "75")
    }

    /// How many events of the runs of a workflow are such.
    private func events(_ workflow: String, _ condition: String) throws -> String {
      try fixture.stack.postgres.query(
        "select count(*) from orchestrator.event e join orchestrator.run r on r.id = e.run_id "
          + "where r.workflow = '\(workflow)' and (\(condition))")
    }

    @Test func `a worker that has gone while it waited is given nothing`() throws {
      try fixture.put(workflow: "gone", #"{"key":"a","job_type":"gone"}"#)
      // Gives up after a second, long before the wait is over.
      let answer = BlockingHTTP.send(
        "POST", port: fixture.stack.port(of: "orchestrator"), path: "/worker/v1/leases",
        headers: fixture.workerHeaders(),
        body: #"{"worker":"gone","job_types":["gone"],"slots":4,"wait_ms":20000}"#, seconds: 1)
      #expect(answer == nil)
      Thread.sleep(forTimeInterval: 0.1)
      let (_, run) = try fixture.start("gone")
      let lease = try #require(try fixture.lease("gone").first)
      #expect(lease["attempt"]?.int == 1)
      try fixture.deliver(lease)
      #expect(try fixture.end(ofRun: run)["status"]?.string == "succeeded")
    }
  }
}

/// How many are held at the same time.
private final class LeaseCount: @unchecked Sendable {
  // @unchecked: guarded by the lock.
  private let lock = NSLock()
  private var now = 0
  private var peak = 0
  private var ended = false

  var most: Int { lock.withLock { peak } }
  var isOver: Bool {
    get { lock.withLock { ended } }
    set { lock.withLock { ended = newValue } }
  }

  func add(_ count: Int) {
    lock.withLock {
      now += count
      peak = max(peak, now)
    }
  }

  func reset() { lock.withLock { peak = now } }
}
