import Foundation
import JSON
import LocalStack
import Testing

/// Requests that arrive twice with one Idempotency-Key are carried out once.
extension EndToEndTests {
  @Suite(.serialized) struct RepeatedRequests {
    private let fixture: StackFixture

    init() throws {
      fixture = try StackFixture.shared.get()
      try fixture.put(
        workflow: "two-signals",
        #"{"key":"a","type":"signal","signal":"go"},{"key":"b","type":"signal","signal":"go","depends_on":["a"]}"#)
      try fixture.put(workflow: "one-job", #"{"key":"only","job_type":"test"}"#)
    }

    private func post(_ path: String, _ body: String?, key: String) throws -> (status: Int, root: JSONView) {
      try fixture.json("POST", path, body: body, headers: ["Idempotency-Key": key])
    }

    @Test func `a fork and a retry are made once for their key`() throws {
      let (_, run) = try fixture.start("one-job")
      try fixture.deliver(try #require(try fixture.lease("test").first), failure: "broken")
      #expect(try fixture.end(ofRun: run)["status"]?.string == "failed")
      for (action, body) in [("fork", #"{"at_seq":1}"# as String?), ("retry", nil)] {
        let key = "\(action)-\(UUID())"
        let first = try post("/api/v1/runs/\(run)/\(action)", body, key: key)
        let second = try post("/api/v1/runs/\(run)/\(action)", body, key: key)
        #expect(first.status == 201 && second.status == 201)
        #expect(first.root["id"]?.string != nil && first.root["id"]?.string == second.root["id"]?.string)
        let other = try post("/api/v1/runs/\(run)/\(action)", #"{"at_seq":1,"changes":[]}"#, key: key)
        #expect(other.status == 422)
        let another = try post("/api/v1/runs/\(run)/\(action)", body, key: key + "-2")
        #expect(another.root["id"]?.string != first.root["id"]?.string)
        for id in [first.root["id"]?.string, another.root["id"]?.string] {
          _ = fixture.call("POST", "/api/v1/runs/\(id ?? "")/cancel")
        }
      }
    }

    @Test func `many at a time make one fork`() throws {
      let (_, run) = try fixture.start("one-job")
      _ = fixture.call("POST", "/api/v1/runs/\(run)/cancel")
      _ = try fixture.end(ofRun: run)
      let made = Collected()
      let key = "\(UUID())"
      DispatchQueue.concurrentPerform(iterations: 8) { _ in
        made.add((try? post("/api/v1/runs/\(run)/fork", #"{"at_seq":1}"#, key: key).root["id"]?.string) ?? "none")
      }
      #expect(Set(made.values).count == 1 && !made.values.contains("none"))
      _ = fixture.call("POST", "/api/v1/runs/\(made.values.first ?? "")/cancel")
    }

    @Test func `a signal counts once for its key`() throws {
      let (_, run) = try fixture.start("two-signals")
      let key = "\(UUID())"
      let first = try post("/api/v1/runs/\(run)/signals", #"{"name":"go","data":1}"#, key: key)
      let second = try post("/api/v1/runs/\(run)/signals", #"{"name":"go","data":1}"#, key: key)
      #expect(first.root["repeated"]?.bool == false && second.root["repeated"]?.bool == true)
      #expect(first.root["id"]?.string == second.root["id"]?.string)
      // The same document in other words is the same; another one is a mistake of its sender.
      let path = "/api/v1/runs/\(run)/signals"
      #expect(try post(path, #"{ "data": 1.0, "name": "go" }"#, key: key).root["repeated"]?.bool == true)
      let other = try post(path, #"{"name":"go","data":2}"#, key: key)
      #expect(other.status == 422 && other.root["code"]?.string == "idempotency_key_reused")
      #expect(try fixture.events(run).filter { $0["type"]?.string == "signal.received" }.count == 1)
      // The id of an event says itself what is the same.
      let eventRun = try fixture.start("two-signals").run
      let event = #"{"name":"go","id":"event-1","data":3}"#
      for (body, isRepeated) in [(event, false), (event.replacing("3", with: "4"), true)] {
        let answer = try post("/api/v1/runs/\(eventRun)/signals", body, key: "\(UUID())")
        #expect(answer.root["repeated"]?.bool == isRepeated)
      }
      _ = fixture.call("POST", "/api/v1/runs/\(eventRun)/cancel")
      _ = fixture.call("POST", "/api/v1/runs/\(run)/cancel")
    }
  }
}

/// Values from several threads.
private final class Collected: @unchecked Sendable {
  // @unchecked: the lock guards the values.
  private let lock = NSLock()
  private var held: [String] = []
  var values: [String] { lock.withLock { held } }
  func add(_ value: String) { lock.withLock { held.append(value) } }
}
