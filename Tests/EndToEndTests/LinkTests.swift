import Foundation
import JSON
import LocalStack
import Testing

/// P-04, P-29: links that are cut, reset, delayed or swallow everything, while tasks are submitted and worked on.
extension EndToEndTests {
  @Suite(.serialized) struct Links {
    private let fixture: StackFixture

    init() throws { fixture = try StackFixture.shared.get() }

    /// Descriptors that a process has open.
    private func descriptors(_ process: ChildProcess) -> Int {
      ((try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(process.processID)/fd")) ?? []).count
    }

    @Test func `disturbed links lose nothing, do nothing twice and leave nothing behind`() throws {
      let stack = fixture.stack
      let main = try #require(stack.service("agent-core"))
      let port = PlainHTTP.freePort()
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
      main.process.stop()
      defer {
        for one in [gateway, worker, orchestrator] { one.process.stop() }
        try? stack.launch("agent-core")
        if let again = stack.service("agent-core") { try? stack.waitUntilReady(again) }
      }
      func submit(_ number: Int) throws -> String {
        let limit = Date().addingTimeInterval(20)
        while Date() < limit {
          let answer = PlainHTTP.send(
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
        throw StackError("task \(number) was not accepted within 20 s")
      }
      var tasks = [try submit(0)]
      _ = try fixture.end(of: tasks[0])
      let before = [orchestrator, worker, gateway].map { descriptors($0.process) }
      for mode in ["reset", "delay 500", "cut", "hole"] {
        for link in ["edge", "work", "model", "database"] {
          let submitting = Submitter(count: 3) { number in try submit(tasks.count + number) }
          Thread.sleep(forTimeInterval: 0.03)
          try links.set(link, mode)
          Thread.sleep(forTimeInterval: 0.6)
          try links.set(link, "pass")
          tasks += try submitting.tasks()
        }
      }
      let start = Date()
      for task in tasks {
        let end = try fixture.end(of: task)
        #expect(end["status"]?.string == "succeeded", "\(task): \(end["failure"]?["message"]?.string ?? "")")
      }
      // The longest wait is that for a lease.
      #expect(Set(tasks).count == tasks.count && Date().timeIntervalSince(start) < 25)
      let twice = try stack.postgres.query(
        "select run_id, type, step from orchestrator.event where type in ('run.succeeded', 'step.succeeded') "
          + "group by 1, 2, 3 having count(*) > 1")
      #expect(twice.isEmpty)
      let gaps = try stack.postgres.query(
        "select run_id from orchestrator.event group by run_id having max(seq) <> count(*) or min(seq) <> 1")
      #expect(gaps.isEmpty)
      try fixture.wait("connections of disturbed links are closed") {
        zip([orchestrator, worker, gateway], before).allSatisfy { descriptors($0.0.process) <= $0.1 + 6 }
      }
    }
  }
}

/// Submits on a thread of its own.
private final class Submitter: @unchecked Sendable {
  // @unchecked: the results are read when the thread has finished.
  private var results: [Result<String, any Error>] = []
  private let done = DispatchSemaphore(value: 0)

  init(count: Int, _ submit: @escaping (Int) throws -> String) {
    nonisolated(unsafe) let submit = submit
    let thread = Thread { [self] in
      for number in 0..<count { results.append(Result { try submit(number) }) }
      done.signal()
    }
    thread.start()
  }

  func tasks() throws -> [String] {
    done.wait()
    return try results.map { try $0.get() }
  }
}
