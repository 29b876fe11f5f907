import Foundation
import JSON
import LocalStack
import Process
import Testing

/// What the orchestrator does by itself stands in the traces of its runs.
extension EndToEndTests {
  @Suite(.serialized) struct RunTraces {
    private let fixture: StackFixture

    init() throws { fixture = try StackFixture.shared.get() }

    @Test func `timers belong to the trace of the submission, schedules begin one`() throws {
      let collector = try SpanCollector()
      let replica = try fixture.stack.startReplica(
        of: "orchestrator",
        environment: [
          "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:\(collector.port)",
          "OTEL_EXPORTER_OTLP_PROTOCOL": "http/json", "OTEL_BSP_SCHEDULE_DELAY": "50",
          "OTEL_TRACES_SAMPLER": "always_on",
        ])
      defer { replica.process.stop() }
      try fixture.put(workflow: "traced", #"{"key":"a","type":"delay","delay_ms":5}"#)
      let trace = "4bf92f3577b34da6a3ce929d0e0e4736"
      // Either replica may serve a timer, most often the one that set it; only one of them exports.
      try fixture.wait("a timer is in the trace") {
        let answer = BlockingHTTP.send(
          "POST", port: replica.port, path: "/api/v1/tasks",
          headers: try fixture.gatewayHeaders().merging(["traceparent": "00-\(trace)-00f067aa0ba902b7-01"]) { $1 },
          body: #"{"workflow":"traced","input":{}}"#, seconds: 90)
        #expect(answer?.status == 202)
        return try collector.spans().contains { $0.name == "timer delay" && $0.trace == trace }
      }
      let name = "traced \(getpid())"
      let (made, schedule) = try fixture.json(
        "POST", "/api/v1/schedules",
        body:
          "{\"name\":\"\(name)\",\"cron\":\"0 0 1 1 *\",\"overlap\":\"allow\",\"task\":{\"workflow\":\"traced\",\"input\":{}}}"
      )
      #expect(made == 201, "\(String(decoding: schedule.rawBytes, as: UTF8.self))")
      let id = schedule["id"]?.string ?? ""
      try fixture.wait("a schedule begins a trace") {
        _ = try fixture.stack.postgres.query(
          "update orchestrator.schedule set next_at = now() where name = '\(name)' and next_at > now()")
        let spans = try collector.spans()
        let begun = spans.filter { $0.name == "schedule" && $0.text.contains(id) }
        return begun.contains { root in spans.contains { $0.name == "timer delay" && $0.trace == root.trace } }
      }
      #expect(fixture.call("DELETE", "/api/v1/schedules/\(id)").status < 300)
    }
  }
}

/// Takes what is exported as OTLP in JSON.
private final class SpanCollector: @unchecked Sendable {
  // @unchecked: the bodies are guarded by the lock.
  struct Received {
    let name: String
    let trace: String
    let text: String
  }

  private let lock = NSLock()
  private var bodies: [String] = []
  private var server: RawServer?

  init() throws {
    server = try RawServer { [self] body in
      lock.withLock { bodies.append(body) }
      return "{}"
    }
  }

  var port: Int { server?.port ?? 0 }

  func spans() throws -> [Received] {
    let texts = lock.withLock { bodies }
    return try texts.flatMap { text in
      let root = try JSONDocument(parsing: text).root
      let scopes = root["resourceSpans"]?.elements.flatMap { $0["scopeSpans"].map { Array($0.elements) } ?? [] } ?? []
      return scopes.flatMap { $0["spans"].map { Array($0.elements) } ?? [] }.map { span in
        Received(
          name: span["name"]?.string ?? "", trace: span["traceId"]?.string ?? "",
          text: String(decoding: span.rawBytes, as: UTF8.self))
      }
    }
  }
}
