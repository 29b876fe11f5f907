import Foundation
import JSON
import LocalStack
import Process
import Testing

/// What a replica remembers of runs that another one moves is a hint: no timer is lost, no sub-run cancelled, nothing
/// old is shown.
extension EndToEndTests {
  @Suite(.serialized) struct TwoReplicaRuns {
    private let fixture: StackFixture

    init() throws { fixture = try StackFixture.shared.get() }

    /// The replicas hear of each other within seconds; then they leave each other's steps alone for a moment.
    private func greet(_ port: Int) throws {
      try fixture.put(workflow: "greeting", #"{"key":"a","type":"transform","input":1}"#)
      for _ in 0..<60 {
        _ = try fixture.internalCall("POST", "/api/v1/tasks", #"{"workflow":"greeting","input":{}}"#, port: port)
        Thread.sleep(forTimeInterval: 0.1)
      }
    }

    @Test func `steps of the orchestrator behind work that was done at the other replica are not lost`() throws {
      let other = try fixture.stack.startReplica(of: "orchestrator")
      defer { other.process.stop() }
      try greet(other.port)
      try fixture.put(
        workflow: "behind",
        #"{"key":"a","job_type":"behind"},{"key":"b","type":"transform","depends_on":["a"],"input":1}"#)
      var runs: [String] = []
      // Submitted at one, worked at the other, while both have timers to serve.
      nonisolated(unsafe) var isOver = false
      let fixture = fixture
      let threads = [other.port, fixture.stack.port(of: "orchestrator")].map { port in
        Thread {
          while !isOver {
            _ = try? fixture.internalCall("POST", "/api/v1/tasks", #"{"workflow":"greeting","input":{}}"#, port: port)
          }
        }
      }
      for thread in threads { thread.start() }
      defer { isOver = true }
      for _ in 0..<8 {
        for _ in 0..<25 {
          let answer = try fixture.internalCall(
            "POST", "/api/v1/tasks", #"{"workflow":"behind","input":{}}"#, port: other.port)
          if let run = answer?.root["run"]?["id"]?.string { runs.append(run) }
        }
        for lease in try fixture.lease("behind", slots: 50) { try fixture.deliver(lease) }
      }
      while true {
        let leases = try fixture.lease("behind", slots: 50, milliseconds: 1000)
        if leases.isEmpty { break }
        for lease in leases { try fixture.deliver(lease) }
      }
      isOver = true
      #expect(runs.count == 200)
      for run in runs { #expect(try fixture.end(ofRun: run)["status"]?.string == "succeeded") }
    }

    @Test func `many sub-runs side by side are begun once each and none is cancelled`() throws {
      let other = try fixture.stack.startReplica(of: "orchestrator")
      defer { other.process.stop() }
      try greet(other.port)
      try fixture.put(workflow: "small", #"{"key":"a","type":"transform","input":1}"#)
      try fixture.put(
        workflow: "wide",
        """
        {"key":"m","type":"run","workflow":"small","for_each":{"items":"input.items","width":50,"items_max":300},\
        "input":1},{"key":"z","type":"transform","depends_on":["m"],"input":1}
        """)
      let items = "[" + (0..<200).map(String.init).joined(separator: ",") + "]"
      let runs = try (0..<2).map { _ in try fixture.start("wide", input: "{\"items\":\(items)}").run }
      for run in runs {
        try fixture.wait("\(run) has ended") {
          try fixture.json("GET", "/api/v1/runs/\(run)").root["ended_at"]?.string != nil
        }
        #expect(try fixture.json("GET", "/api/v1/runs/\(run)").root["status"]?.string == "succeeded")
        let bare = run.dropFirst(4)
        let children = try fixture.stack.postgres.query(
          "select status, count(*) from orchestrator.run where parent_run = '\(bare)' group by 1")
        #expect(children == "succeeded|200")
      }
    }

    @Test func `what one replica shows of a run is not older than what the other has answered`() throws {
      let other = try fixture.stack.startReplica(of: "orchestrator")
      defer { other.process.stop() }
      try fixture.put(
        workflow: "shown",
        (0..<6).map { #"{"key":"s\#($0)","job_type":"shown","depends_on":[\#($0 == 0 ? "" : "\"s\($0 - 1)\"")]}"# }
          .joined(separator: ","))
      let ports = [fixture.stack.port(of: "orchestrator"), other.port]
      let run = try fixture.start("shown").run
      for number in 0..<6 {
        let port = ports[number % 2]
        let lease = try #require(try fixture.lease("shown", milliseconds: 10_000, port: port).first)
        #expect(try fixture.deliver(lease, port: port) == 200)
        for reader in ports {
          let root = try fixture.internalCall("GET", "/api/v1/runs/\(run)/steps", port: reader)?.root
          let step = root?["steps"]?.elements.first { $0["key"]?.string == "s\(number)" }
          #expect(step?["status"]?.string == "succeeded")
        }
      }
    }
  }
}
