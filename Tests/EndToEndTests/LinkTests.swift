import Foundation
import JSON
import LocalStack
import Process
import Testing

/// P-04, P-29: links that are cut, reset, delayed or swallow everything, while tasks are submitted and worked on.
extension EndToEndTests {
  @Suite(.serialized) struct Links {
    private let fixture: StackFixture

    init() throws { fixture = try StackFixture.shared.get() }

    /// Descriptors that a process has open.
    private func descriptors(_ process: ChildProcess) throws -> Int {
      try FileManager.default.contentsOfDirectory(atPath: "/proc/\(process.processID)/fd").count
    }

    @Test func `a worker that goes while its step is prepared fails nothing`() throws {
      let stack = fixture.stack
      let sockets = try #require(
        stack.postgres.connectionString.split(separator: " ").first { $0.hasPrefix("host=") }?.dropFirst(5))
      let links = try LinkFixture(["database": "\(sockets)/.s.PGSQL.5432"])
      defer { links.stop() }
      let folder = (links.addresses["database"].map { ($0 as NSString).deletingLastPathComponent }) ?? ""
      let slow = try stack.startReplica(
        of: "orchestrator",
        environment: ["CADRE_POSTGRES_URL": "host=\(folder) port=5432 user=cadre dbname=cadre"])
      defer { slow.process.stop() }
      try fixture.put(workflow: "prepared", #"{"key":"a","job_type":"prepared","input":{"x":"{{input.n}}"}}"#)
      // What is known of the workflow is remembered, so that only the submission and the input need the database.
      let warm = try #require(
        try fixture.internalCall("POST", "/api/v1/tasks", #"{"workflow":"prepared","input":{"n":1}}"#, port: slow.port))
      for lease in try fixture.lease("prepared", port: slow.port) { try fixture.deliver(lease, port: slow.port) }
      _ = try fixture.end(ofRun: warm.root["run"]?["id"]?.string ?? "")
      try links.set("database", "delay 350")
      let worker = try RawWorker(
        port: slow.port, authorization: fixture.workerHeaders()["Authorization"] ?? "", jobType: "prepared")
      Thread.sleep(forTimeInterval: 0.2)
      let submitting = Background {
        let answer = try fixture.internalCall(
          "POST", "/api/v1/tasks", #"{"workflow":"prepared","input":{"n":2}}"#, port: slow.port)
        return answer?.root["run"]?["id"]?.string ?? ""
      }
      // The replica hears of its commit 0.35 s later, and asks for the input then.
      try fixture.wait("the step is leased") {
        try stack.postgres.query("select count(*) from orchestrator.lease where worker = 'gone'") == "1"
      }
      Thread.sleep(forTimeInterval: 0.5)
      worker.leave()
      let run = try submitting.value()
      try links.set("database", "pass")
      var lease: JSONView?
      try fixture.wait("the step is given to another worker") {
        lease = try fixture.lease("prepared", milliseconds: 500).first
        return lease != nil
      }
      let again = try #require(lease)
      #expect(again["run_id"]?.string == run && again["input"]?["x"]?.string == "2")
      try fixture.deliver(again)
      #expect(try fixture.end(ofRun: run)["status"]?.string == "succeeded")
      #expect(try fixture.types(run).contains("step.lost"), "the step was leased to the worker that has gone")
    }

    @Test func `disturbed links lose nothing, do nothing twice and leave nothing behind`() throws {
      let stack = fixture.stack
      let others = stack.replicas(of: "agent-core")
      #expect(!others.isEmpty)
      let port = LoopbackPort.free()
      let sockets = try #require(
        stack.postgres.connectionString.split(separator: " ").first { $0.hasPrefix("host=") }?.dropFirst(5))
      let links = try LinkFixture([
        "edge": "127.0.0.1:\(port)", "work": "127.0.0.1:\(port)",
        "model": "127.0.0.1:\(stack.port(of: "llm-router"))", "database": "\(sockets)/.s.PGSQL.5432",
      ])
      defer { links.stop() }
      let folder = (links.addresses["database"].map { ($0 as NSString).deletingLastPathComponent }) ?? ""
      let orchestrator = try stack.startReplica(
        of: "orchestrator",
        environment: ["CADRE_POSTGRES_URL": "host=\(folder) port=5432 user=cadre dbname=cadre"], port: port)
      let worker = try stack.startReplica(
        of: "agent-core",
        environment: [
          "CADRE_ORCHESTRATOR_URL": "http://127.0.0.1:\(links.port("work"))",
          "CADRE_LLM_ROUTER_URL": "http://127.0.0.1:\(links.port("model"))",
        ])
      let gateway = try stack.startReplica(
        of: "gateway", environment: ["CADRE_ORCHESTRATOR_URL": "http://127.0.0.1:\(links.port("edge"))"])
      // Only the disturbed one works.
      for other in others { other.process.stop() }
      defer {
        for one in [gateway, worker, orchestrator] { one.process.stop() }
        for other in others { try? stack.launch(other.name) }
        for again in stack.replicas(of: "agent-core") { try? stack.waitUntilReady(again) }
      }
      func submit(_ number: Int) throws -> String {
        let limit = Date().addingTimeInterval(StackFixture.patienceSeconds)
        while Date() < limit {
          let answer = BlockingHTTP.send(
            "POST", port: gateway.port, path: "/api/v1/tasks",
            headers: ["Authorization": "Bearer \(stack.apiKey)", "Idempotency-Key": "link-\(getpid())-\(number)"],
            body: "{\"prompt\":\"compute link \(number)\"}", seconds: 3)
          if let answer, [200, 202].contains(answer.status) {
            return try JSONDocument(parsing: answer.body).root["id"]?.string ?? ""
          }
          // A link that swallows everything looks like silence.
          if let answer {
            #expect([502, 503, 504].contains(answer.status), "only retryable answers: \(answer.status) \(answer.body)")
          }
          Thread.sleep(forTimeInterval: 0.05)
        }
        throw StackError("task \(number) was not accepted")
      }
      var tasks = [try submit(0)]
      _ = try fixture.end(of: tasks[0])
      let before = try [orchestrator, worker, gateway].map { try descriptors($0.process) }
      for mode in ["reset", "delay 500", "cut", "hole"] {
        for link in ["edge", "work", "model", "database"] {
          let first = tasks.count
          let submitting = Background { try (0..<3).map { try submit(first + $0) } }
          Thread.sleep(forTimeInterval: 0.03)
          try links.set(link, mode)
          Thread.sleep(forTimeInterval: 0.6)
          try links.set(link, "pass")
          tasks += try submitting.value()
        }
      }
      for task in tasks {
        let end = try fixture.end(of: task)
        #expect(end["status"]?.string == "succeeded", "\(task): \(end["failure"]?["message"]?.string ?? "")")
      }
      #expect(tasks.count == 49 && Set(tasks).count == tasks.count)
      let twice = try stack.postgres.query(
        "select run_id, type, step from orchestrator.event where type in ('run.succeeded', 'step.succeeded') "
          + "group by 1, 2, 3 having count(*) > 1")
      #expect(twice.isEmpty)
      let gaps = try stack.postgres.query(
        "select run_id from orchestrator.event group by run_id having max(seq) <> count(*) or min(seq) <> 1")
      #expect(gaps.isEmpty)
      func open() throws -> [Int] { try [orchestrator, worker, gateway].map { try descriptors($0.process) } }
      do {
        try fixture.wait("connections of disturbed links are closed") {
          // Calls, heartbeats and polls that went on at the same time leave their connections to the next ones for a
          // minute; a connection for each disturbance would be far more.
          zip(try open(), before).allSatisfy { $0 <= $1 + 12 }
        }
      } catch {
        Issue.record("descriptors of orchestrator, worker and gateway: \(before) before, \((try? open()) ?? []) behind")
      }
    }
  }
}

/// A worker that asks for steps and leaves without a word.
private struct RawWorker {
  private let descriptor: Int32

  init(port: Int, authorization: String, jobType: String) throws {
    descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(port).bigEndian
    address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
    let connected = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(descriptor, $0, 16) }
    }
    let body = "{\"worker\":\"gone\",\"job_types\":[\"\(jobType)\"],\"slots\":4,\"wait_ms\":20000}"
    let request = Array(
      ("POST /worker/v1/leases HTTP/1.1\r\nhost: x\r\nauthorization: \(authorization)\r\n"
        + "content-type: application/json\r\ncontent-length: \(body.utf8.count)\r\n\r\n\(body)").utf8)
    guard connected == 0, write(descriptor, request, request.count) == request.count else {
      throw StackError("the worker cannot ask")
    }
  }

  func leave() { close(descriptor) }
}
