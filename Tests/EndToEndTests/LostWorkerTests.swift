import Foundation
import Glibc
import JSON
import LocalStack
import Process
import Testing

/// Workers that end, orderly or not, and what that costs their steps.
extension EndToEndTests {
  @Suite(.serialized) struct LostWorkers {
    private let fixture: StackFixture

    init() throws { fixture = try StackFixture.shared.get() }

    private func lost(_ run: String) throws -> [JSONView] {
      try fixture.events(run).filter { $0["type"]?.string == "step.lost" }
    }

    /// Takes the step of a job type `count` times, and is never heard of again.
    private func die(_ type: String, times count: Int) throws {
      for _ in 0..<count { _ = try next(type) }
    }

    private func next(_ type: String) throws -> JSONView {
      var lease: JSONView?
      try fixture.wait("a step of \(type) is leased") {
        lease = try fixture.lease(type, milliseconds: 5000).first
        return lease != nil
      }
      return try #require(lease)
    }

    private func isReplayed(_ run: String) throws -> Bool {
      try fixture.json("POST", "/api/v1/runs/\(run)/replay").root["verdict"]?.string == "consistent"
    }

    @Test func `workers that die use up no attempts, and a step that ends each of them ends with a code of its own`()
      throws
    {
      try fixture.put(
        workflow: "deadly",
        #"{"key":"a","job_type":"deadly","timeouts":{"heartbeat_ms":500},"retry":{"attempts_max":2,"backoff_ms":1}}"#)
      let spared = try fixture.start("deadly").run
      try die("deadly", times: 4)
      // Both attempts for failures are there.
      try fixture.deliver(try next("deadly"), failure: "broken", retryable: true)
      try fixture.deliver(try next("deadly"))
      #expect(try fixture.end(ofRun: spared)["status"]?.string == "succeeded")
      #expect(try lost(spared).count == 4)
      let deadly = try fixture.start("deadly").run
      try die("deadly", times: 5)
      let end = try fixture.end(ofRun: deadly)
      #expect(end["status"]?.string == "failed" && end["failure"]?["code"]?.string == "workers_lost")
      #expect(try lost(deadly).count == 5)
      #expect(try isReplayed(spared) && isReplayed(deadly))
    }

    @Test func `agents that are killed again and again lose no attempt of their step`() throws {
      let run =
        try fixture.json("POST", "/api/v1/tasks", body: #"{"prompt":"think long and survive"}"#)
        .root["run"]?["id"]?.string ?? ""
      // More often than its policy has attempts.
      for count in 1...4 {
        try fixture.wait("an agent is at it") {
          try fixture.types(run).filter { $0 == "step.started" }.count >= count
        }
        try fixture.crash("agent-core")
      }
      #expect(try fixture.end(ofRun: run)["status"]?.string == "succeeded")
      #expect(try lost(run).count >= 3)
      #expect(try isReplayed(run))
    }

    // MARK: The end of a worker

    private func wait(_ port: Int, seconds: Int) -> Background<Int> {
      let headers = fixture.workerHeaders()
      return Background {
        BlockingHTTP.send(
          "POST", port: port, path: "/worker/v1/leases", headers: headers,
          body: #"{"worker":"leaver","job_types":["nothing"],"slots":4,"wait_ms":60000}"#, seconds: seconds)?.status
          ?? 0
      }
    }

    @Test func `a worker that ends has its requests answered, at every replica`() throws {
      let ports = fixture.stack.ports(of: "orchestrator")
      // Without an answer they give up long before their wait is over.
      let waiting = ports.map { wait($0, seconds: 45) }
      let answered = Background { try waiting.map { try $0.value() } }
      let isOver = Flag()
      let asking = Background {
        // The requests may not have arrived yet.
        while !isOver.isSet {
          for port in ports {
            let answer = BlockingHTTP.send(
              "POST", port: port, path: "/worker/v1/drain", headers: fixture.workerHeaders(),
              body: #"{"worker":"leaver"}"#)
            #expect(answer?.status == 204)
          }
          Thread.sleep(forTimeInterval: 0.1)
        }
      }
      #expect(try answered.value() == ports.map { _ in 200 })
      isOver.set()
      try asking.value()
      let foreign = BlockingHTTP.send(
        "POST", port: ports[0], path: "/worker/v1/drain", body: #"{"worker":"leaver"}"#)
      #expect(foreign?.status == 401)
    }

    @Test func `an answer that is on its way to an agent that ends is not lost`() throws {
      let stack = fixture.stack
      let others = stack.replicas(of: "agent-core")
      let links = try LinkFixture(["work": "127.0.0.1:\(stack.ports(of: "orchestrator")[0])"])
      defer { links.stop() }
      let worker = try stack.startReplica(
        of: "agent-core",
        environment: [
          "CADRE_ORCHESTRATOR_URL": "http://127.0.0.1:\(links.port("work"))", "CADRE_WORKER_NAME": "ending",
        ])
      for other in others { other.process.stop() }
      defer {
        worker.process.stop()
        for other in others { try? stack.launch(other.name) }
        for again in stack.replicas(of: "agent-core") { try? stack.waitUntilReady(again) }
      }
      try links.set("work", "delay 300")
      let padding = String(repeating: "large ", count: 60_000)
      let runs = try (0..<6).map { number in
        try fixture.json(
          "POST", "/api/v1/tasks", body: "{\"prompt\":\"think long \(number) \(padding)\"}"
        ).root["run"]?["id"]?.string ?? ""
      }
      // Leased, and the answer is somewhere between.
      try fixture.wait("steps are leased") {
        try stack.postgres.query("select count(*) > 0 from orchestrator.lease where worker = 'ending'") == "t"
      }
      worker.process.stop(signal: SIGTERM, seconds: 60)
      #expect(worker.process.exitStatus == 0)
      #expect(
        try stack.postgres.query("select count(*) from orchestrator.lease where worker = 'ending'") == "0",
        "all was given back")
      for other in others { try stack.launch(other.name) }
      for again in stack.replicas(of: "agent-core") where again.name != worker.name { try stack.waitUntilReady(again) }
      for run in runs {
        #expect(try fixture.end(ofRun: run)["status"]?.string == "succeeded")
        // What was kept for its next request never got to it: that is no attempt.
        #expect(try lost(run).allSatisfy { $0["data"]?["undelivered"]?.bool == true })
      }
    }

    @Test func `an answer that its worker does not take whole is given to another one, at no attempt's cost`() throws {
      try fixture.put(workflow: "untaken", #"{"key":"a","job_type":"untaken","retry":{"attempts_max":1}}"#)
      // More than fits into any buffer.
      let text = String(repeating: "x", count: 1_800_000)
      let runs = try (0..<8).map { _ in try fixture.start("untaken", input: "{\"text\":\"\(text)\"}").run }
      let worker = try DeafWorker(
        port: fixture.stack.ports(of: "orchestrator")[0],
        authorization: fixture.workerHeaders()["Authorization"] ?? "", jobType: "untaken", slots: 8, receiveBytes: 4096)
      try fixture.wait("the steps are leased") {
        try fixture.stack.postgres.query("select count(*) = 8 from orchestrator.lease where worker = 'gone'") == "t"
      }
      try fixture.wait("its answer begins") { worker.hasAnswer }
      worker.leave()
      for _ in runs {
        var lease: JSONView?
        try fixture.wait("the step is given to another worker") {
          lease = try fixture.lease("untaken", milliseconds: 500).first
          return lease != nil
        }
        try fixture.deliver(try #require(lease))
      }
      var undelivered = 0
      for run in runs {
        #expect(try fixture.end(ofRun: run)["status"]?.string == "succeeded")
        for event in try lost(run) { if event["data"]?["undelivered"]?.bool == true { undelivered += 1 } }
      }
      #expect(undelivered == runs.count)
    }
  }
}

/// Something that is so from some moment on.
private final class Flag: @unchecked Sendable {
  // @unchecked: guarded by the lock.
  private let lock = NSLock()
  private var value = false

  var isSet: Bool { lock.withLock { value } }
  func set() { lock.withLock { value = true } }
}

/// A worker that asks for steps and does not read the answer.
private struct DeafWorker {
  private let descriptor: Int32

  /// `receiveBytes` is what the kernel keeps for it.
  init(port: Int, authorization: String, jobType: String, slots: Int, receiveBytes: Int32) throws {
    descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    var size = receiveBytes
    setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &size, 4)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(port).bigEndian
    address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
    let isConnected = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(descriptor, $0, 16) == 0 }
    }
    let body = "{\"worker\":\"gone\",\"job_types\":[\"\(jobType)\"],\"slots\":\(slots),\"wait_ms\":60000}"
    let request = Array(
      ("POST /worker/v1/leases HTTP/1.1\r\nhost: x\r\nauthorization: \(authorization)\r\n"
        + "content-type: application/json\r\ncontent-length: \(body.utf8.count)\r\n\r\n\(body)").utf8)
    guard isConnected, write(descriptor, request, request.count) == request.count else {
      throw StackError("the worker cannot ask")
    }
  }

  /// Whether the beginning of an answer is there.
  var hasAnswer: Bool {
    var byte: UInt8 = 0
    return recv(descriptor, &byte, 1, Int32(MSG_PEEK | MSG_DONTWAIT)) > 0
  }

  func leave() { close(descriptor) }
}
