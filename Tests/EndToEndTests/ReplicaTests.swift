import Foundation
import JSON
import LocalStack
import Process
import Testing

/// Several orchestrators on one database: any of them may die, and each hears of what the others do.
extension EndToEndTests {
  @Suite(.serialized) struct Replicas {
    private let fixture: StackFixture

    init() throws {
      fixture = try StackFixture.shared.get()
      try fixture.put(
        workflow: "replicated",
        #"{"key":"a","job_type":"replicated"},{"key":"b","job_type":"replicated","depends_on":["a"]}"#)
    }

    /// Leases and delivers at `port` until stopped. What does not answer is tried again.
    private func work(port: @escaping @Sendable () -> Int, until isOver: @escaping @Sendable () -> Bool) -> Thread {
      let fixture = fixture
      let thread = Thread {
        while !isOver() {
          let leases = (try? fixture.lease("replicated", slots: 4, milliseconds: 500, port: port())) ?? []
          for lease in leases { _ = try? fixture.deliver(lease, port: port()) }
        }
      }
      thread.start()
      return thread
    }

    @Test func `a step that one replica makes ready is leased at the other at once, and its stream goes on`() throws {
      let other = try fixture.stack.startReplica(of: "orchestrator")
      defer { other.process.stop() }
      try fixture.wait("the replicas know each other") {
        // Each says hello when it starts; the first has heard the second by the time a lease there is quick.
        let (_, run) = try fixture.start("replicated")
        let start = Date()
        let lease = try fixture.lease("replicated", port: other.port)
        let isQuick = Date().timeIntervalSince(start) < 0.9 && lease.first?["run_id"]?.string == run
        for lease in lease { try fixture.deliver(lease, port: other.port) }
        for lease in try fixture.lease("replicated") { try fixture.deliver(lease) }
        #expect(try fixture.end(ofRun: run)["status"]?.string == "succeeded")
        return isQuick
      }
    }

    @Test func `killing either replica under load loses nothing and applies nothing twice`() throws {
      var other = try fixture.stack.startReplica(of: "orchestrator")
      nonisolated(unsafe) var isOver = false
      let ports = [fixture.stack.port(of: "orchestrator"), other.port]
      let threads = ports.map { port in work(port: { port }, until: { isOver }) }
      var runs: [String] = []
      for number in 0..<120 {
        if number == 40 { try fixture.crash("orchestrator") }
        if number == 80 {
          kill(other.process.processID, SIGKILL)
          _ = other.process.wait(seconds: 5)
          other = try fixture.stack.startReplica(of: "orchestrator")
        }
        let port = number % 2 == 0 ? ports[0] : other.port
        let answer = try fixture.internalCall(
          "POST", "/api/v1/tasks", #"{"workflow":"replicated","input":{}}"#, port: port)
        if let answer, answer.status == 202 { runs.append(answer.root["run"]?["id"]?.string ?? "") }
      }
      #expect(runs.count > 100)
      for run in runs { #expect(try fixture.end(ofRun: run)["status"]?.string == "succeeded") }
      isOver = true
      while threads.contains(where: { !$0.isFinished }) { Thread.sleep(forTimeInterval: 0.02) }
      other.process.stop()
      let twice = try fixture.stack.postgres.query(
        "select run_id, step from orchestrator.event where type = 'step.succeeded' group by 1, 2 having count(*) > 1")
      #expect(twice.isEmpty)
      let gaps = try fixture.stack.postgres.query(
        "select run_id from orchestrator.event group by run_id having max(seq) <> count(*) or min(seq) <> 1")
      #expect(gaps.isEmpty)
      for run in runs.prefix(20) {
        let report = try fixture.json("POST", "/api/v1/runs/\(run)/replay").root
        #expect(report["verdict"]?.string == "consistent")
      }
    }

    @Test func `restarting one replica after the other fails no request`() throws {
      var other = try fixture.stack.startReplica(of: "orchestrator")
      let urls = "http://127.0.0.1:\(fixture.stack.port(of: "orchestrator")),http://127.0.0.1:\(other.port)"
      let gateway = try fixture.stack.startReplica(of: "gateway", environment: ["CADRE_ORCHESTRATOR_URL": urls])
      defer {
        gateway.process.stop()
        other.process.stop()
      }
      let log = AnswerLog()
      let fixture = fixture
      let submitting = Thread {
        while !log.isOver {
          let answer = BlockingHTTP.send(
            "POST", port: gateway.port, path: "/api/v1/tasks",
            headers: ["Authorization": "Bearer \(fixture.stack.apiKey)"],
            body: #"{"workflow":"rolling","input":{}}"#, seconds: 90)
          log.answers.append((answer?.status ?? 0, answer?.body ?? ""))
        }
      }
      try fixture.put(workflow: "rolling", #"{"key":"a","type":"transform","input":1}"#)
      submitting.start()
      for _ in 0..<6 {
        let port = other.port
        other.process.stop()
        other = try fixture.stack.startReplica(of: "orchestrator", port: port)
        let first = try #require(fixture.stack.service("orchestrator"))
        first.process.stop()
        try fixture.stack.launch("orchestrator")
        try fixture.stack.waitUntilReady(try #require(fixture.stack.service("orchestrator")))
      }
      log.isOver = true
      while !submitting.isFinished { Thread.sleep(forTimeInterval: 0.01) }
      let answers = log.answers
      #expect(answers.count > 50)
      let failed = answers.filter { $0.status != 202 && $0.status != 200 }
      #expect(
        failed.isEmpty, "\(failed.count) of \(answers.count): \(failed.first?.status ?? 0) \(failed.first?.body ?? "")")
      for answer in answers.suffix(20) {
        let run = try JSONDocument(parsing: answer.body).root["run"]?["id"]?.string ?? ""
        #expect(try fixture.end(ofRun: run)["status"]?.string == "succeeded")
      }
    }

    @Test func `a request goes on although the connections to all replicas have just ended`() throws {
      let asked = AnswerLog()
      // Each of them hangs up on the first request that it gets, as one does that was restarted.
      let peers = try (0..<2).map { _ in
        let first = AnswerLog()
        return try RawServer { body in
          asked.count()
          defer { first.isOver = true }
          return first.isOver ? "{\"tasks\":[]}" : nil
        }
      }
      let gateway = try fixture.stack.startReplica(
        of: "gateway",
        environment: ["CADRE_ORCHESTRATOR_URL": peers.map { "http://127.0.0.1:\($0.port)" }.joined(separator: ",")])
      defer { gateway.process.stop() }
      let answer = BlockingHTTP.send(
        port: gateway.port, path: "/api/v1/tasks", headers: ["Authorization": "Bearer \(fixture.stack.apiKey)"],
        seconds: 90)
      #expect(answer?.status == 200, "\(answer?.body ?? "no answer")")
      #expect(asked.counted >= 3)
    }

    @Test func `a run whose time is over is forgotten with all that belongs to it`() throws {
      let (_, run) = try fixture.start("replicated")
      for lease in try fixture.lease("replicated") { try fixture.deliver(lease) }
      for lease in try fixture.lease("replicated") { try fixture.deliver(lease) }
      _ = try fixture.end(ofRun: run)
      let (_, open) = try fixture.start("replicated")
      let replica = try fixture.stack.startReplica(
        of: "orchestrator", environment: ["CADRE_HISTORY_PRUNE_AFTER_MS": "1"])
      try fixture.wait("ended runs are forgotten") { fixture.call("GET", "/api/v1/runs/\(run)").status == 404 }
      replica.process.stop()
      let left = try fixture.stack.postgres.query(
        "select count(*) from orchestrator.event e where not exists (select 1 from orchestrator.run r where r.id = e.run_id)"
      )
      #expect(left == "0")
      for lease in try fixture.lease("replicated") { try fixture.deliver(lease) }
      for lease in try fixture.lease("replicated") { try fixture.deliver(lease) }
      #expect(try fixture.end(ofRun: open)["status"]?.string == "succeeded")
    }

    @Test func `an old history goes into the archive and replays from there`() throws {
      let (_, run) = try fixture.start("replicated")
      try fixture.deliver(try #require(try fixture.lease("replicated").first))
      try fixture.deliver(try #require(try fixture.lease("replicated").first))
      _ = try fixture.end(ofRun: run)
      let before = try fixture.events(run).map { String(decoding: $0.rawBytes, as: UTF8.self) }
      let replica = try fixture.stack.startReplica(
        of: "orchestrator", environment: ["CADRE_HISTORY_ARCHIVE_AFTER_MS": "1"])
      defer { replica.process.stop() }
      try fixture.wait("the history is archived") {
        try fixture.stack.postgres.query(
          "select count(*) from orchestrator.run where ended_at is not null and archived_at is null") == "0"
      }
      #expect(try fixture.events(run).count == before.count)
      #expect(try fixture.types(run).last == "run.succeeded")
      #expect(try fixture.json("POST", "/api/v1/runs/\(run)/replay").root["verdict"]?.string == "consistent")
    }
  }
}

/// What a thread of the test has been answered.
private final class AnswerLog: @unchecked Sendable {
  // @unchecked: the answers are read when the thread has finished; the flag only ever becomes true.
  var isOver = false
  var answers: [(status: Int, body: String)] = []
  private let lock = NSLock()
  private var number = 0

  var counted: Int { lock.withLock { number } }
  func count() { lock.withLock { number += 1 } }
}
