import Foundation
import JSON
import LocalStack
import Testing

extension EndToEndTests {
  @Suite(.serialized) struct MainJob {
    private let fixture: StackFixture

    init() throws { fixture = try StackFixture.shared.get() }

    // P-01
    @Test func `a submitted task is executed and its result, tokens and cost come back`() throws {
      let (status, root) = try fixture.submit("hello")
      #expect(status == 200)
      #expect(root["status"]?.string == "succeeded")
      let run = try #require(root["run"])
      #expect(run["result"]?["answer"]?.string == "This is the mock provider. You asked: hello")
      #expect((run["usage"]?["input_tokens"]?.int ?? 0) > 0)
      #expect((run["usage"]?["cost_microusd"]?.int ?? 0) > 0)
      let task = try #require(root["id"]?.string)
      let (_, again) = try fixture.json("GET", "/api/v1/tasks/\(task)")
      #expect(JSONValue(again).canonicalBytes() == JSONValue(root).canonicalBytes())
      let (_, alone) = try fixture.json("GET", "/api/v1/runs/\(run["id"]?.string ?? "")")
      #expect(JSONValue(alone).canonicalBytes() == JSONValue(run).canonicalBytes())
    }

    @Test func `without Prefer the task is accepted at once and ends later`() throws {
      let (status, root) = try fixture.json("POST", "/api/v1/tasks", body: #"{"prompt":"think long about it"}"#)
      #expect(status == 202)
      #expect(["pending", "running"].contains(root["status"]?.string))
      #expect(try fixture.end(of: root["id"]?.string ?? "")["status"]?.string == "succeeded")
    }

    @Test func `the history is gapless, and its stream can be resumed anywhere`() throws {
      let (_, root) = try fixture.submit("history")
      let run = root["run"]?["id"]?.string ?? ""
      let events = try fixture.events(run)
      #expect(events.compactMap { $0["seq"]?.int } == (0..<Int64(events.count)).map { $0 + 1 })
      #expect(
        events.compactMap { $0["type"]?.string } == [
          "run.created", "step.ready", "step.started", "model.called", "step.succeeded", "run.succeeded",
        ])
      let stream = fixture.call(
        "GET", "/api/v1/runs/\(run)/events", headers: ["Accept": "text/event-stream", "Last-Event-ID": "4"]
      ).text
      let ids = stream.split(separator: "\n").filter { $0.hasPrefix("id: ") }
      #expect(ids == ["id: 5", "id: 6"])
    }

    @Test func `a live stream delivers events while the run goes on, and ends with it`() throws {
      let (_, root) = try fixture.json("POST", "/api/v1/tasks", body: #"{"prompt":"think long, streaming"}"#)
      let run = root["run"]?["id"]?.string ?? ""
      let stream = fixture.call("GET", "/api/v1/runs/\(run)/events", headers: ["Accept": "text/event-stream"]).text
      #expect(stream.contains("event: run.created"))
      #expect(stream.hasSuffix("\n\n") && stream.contains("event: run.succeeded"))
    }

    @Test func `an agent uses its tool and the result goes back to the model`() throws {
      let (_, root) = try fixture.submit("compute something")
      #expect(root["run"]?["result"]?["answer"]?.string == "The tool says so.")
      let types = try fixture.events(root["run"]?["id"]?.string ?? "").compactMap { $0["type"]?.string }
      #expect(types.filter { $0 == "model.called" }.count == 2)
      #expect(types.filter { $0 == "tool.called" }.count == 1)
    }

    @Test func `the same Idempotency-Key is the same task, and another body is refused`() throws {
      let key = ["Idempotency-Key": "key-\(UUID().uuidString)"]
      let first = try fixture.json("POST", "/api/v1/tasks", body: #"{"prompt":"once","title":"t"}"#, headers: key)
      let second = try fixture.json("POST", "/api/v1/tasks", body: #"{"title":"t", "prompt":"once"}"#, headers: key)
      #expect(first.root["id"]?.string == second.root["id"]?.string)
      let third = try fixture.json("POST", "/api/v1/tasks", body: #"{"prompt":"other"}"#, headers: key)
      #expect(third.status == 422)
      #expect(third.root["code"]?.string == "idempotency_key_reused")
    }

    // P-24
    @Test func `the trace of a submission goes on in the worker's calls`() throws {
      let trace = "0af7651916cd43dd8448eb211c80319c"
      // A provider that nobody else calls.
      let mock = try PlainMock(fixture)
      let (_, root) = try fixture.json(
        "POST", "/api/v1/tasks", body: "{\"prompt\":\"traced\",\"model\":\"\(mock.model)\"}",
        headers: ["traceparent": "00-\(trace)-b7ad6b7169203331-01", "Prefer": "wait=60"])
      #expect(root["status"]?.string == "succeeded")
      let (_, usage) = mock.call("GET", "/mock/usage")
      #expect(try JSONDocument(parsing: usage).root["last_trace_id"]?.string == trace)
    }

    @Test func `the metrics of every service are valid`() throws {
      for service in LocalStack.services {
        let text = BlockingHTTP.send(port: fixture.stack.adminPort(of: service), path: "/metrics")?.body ?? ""
        #expect(text.contains("cadre_"))
        let promtool = Process()
        promtool.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        promtool.arguments = ["promtool", "check", "metrics"]
        let (input, output) = (Pipe(), Pipe())
        promtool.standardInput = input
        promtool.standardOutput = output
        promtool.standardError = output
        try promtool.run()
        input.fileHandleForWriting.write(Data(text.utf8))
        try input.fileHandleForWriting.close()
        promtool.waitUntilExit()
        #expect(promtool.terminationStatus == 0, "\(service)")
      }
    }

    @Test func `what alerts count is there before it happens: a series that begins then has no increase`()
      throws
    {
      let pages = LocalStack.services.map {
        BlockingHTTP.send(port: fixture.stack.adminPort(of: $0), path: "/metrics")?.body ?? ""
      }.joined(separator: "\n")
      let series = Set(
        pages.split(separator: "\n").filter { !$0.hasPrefix("#") }
          .map { String($0.prefix { $0 != "{" && $0 != " " }) })
      let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("../..")
      let rules = try String(contentsOf: root.appendingPathComponent("dashboards/rules/alerts.yaml"), encoding: .utf8)
      let counted = Set(rules.matches(of: /increase\((cadre_\w+)/).map { String($0.output.1) })
      // The rule sees the first call of a model by itself; spans are exported where there is a collector.
      let others: Set = [
        "cadre_model_unpriced_calls_total", "cadre_telemetry_spans_dropped_total", "cadre_telemetry_spans_failed_total",
      ]
      #expect(counted.count > 10, "\(counted.sorted())")
      #expect(counted.subtracting(others).subtracting(series).sorted() == [])
    }

    @Test func `lists are paged by cursor, newest first`() throws {
      for number in 0..<3 { _ = try fixture.submit("page \(number)") }
      let first = try fixture.json("GET", "/api/v1/tasks?limit=2").root
      let cursor = first["next_cursor"]?.string ?? ""
      let second = try fixture.json("GET", "/api/v1/tasks?limit=2&cursor=\(cursor)").root
      let ids = [first, second].flatMap { $0["tasks"].map { Array($0.elements) } ?? [] }.compactMap { $0["id"]?.string }
      #expect(ids.count == 4)
      #expect(ids == ids.sorted(by: >))
    }

    @Test func `a cancelled run ends and stays cancelled`() throws {
      let (_, root) = try fixture.json("POST", "/api/v1/tasks", body: #"{"prompt":"think long and be cancelled"}"#)
      let run = root["run"]?["id"]?.string ?? ""
      let cancelled = try fixture.json("POST", "/api/v1/runs/\(run)/cancel", body: #"{"reason":"changed my mind"}"#)
      #expect(cancelled.root["status"]?.string == "cancelled")
      // Its worker has heard of it, or has delivered what nobody wants any more.
      try fixture.wait("nobody works on it") {
        let leased = try fixture.stack.postgres.query("select count(*) from orchestrator.lease")
        let usage = try JSONDocument(parsing: fixture.call("GET", "/mock/usage", service: "mock-provider").text).root
        return leased == "0" && usage["running"]?.int == 0
      }
      #expect(try fixture.json("GET", "/api/v1/runs/\(run)").root["status"]?.string == "cancelled")
      #expect(try fixture.json("POST", "/api/v1/runs/\(run)/cancel").status == 409)
    }

    // MARK: Failures that people must understand

    @Test func `a request that the provider refuses fails the run with the reason`() throws {
      let (_, root) = try fixture.submit("refuse this")
      #expect(root["status"]?.string == "failed")
      #expect(root["run"]?["failure"]?["code"]?.string == "provider_refused")
      #expect(root["run"]?["failure"]?["message"]?.string?.contains("refused the request (400)") == true)
    }

    @Test func `a provider that breaks down is tried again, then the run fails`() throws {
      let before = try fixture.providerCalls()
      let (_, root) = try fixture.submit("break down")
      #expect(root["run"]?["failure"]?["code"]?.string == "provider_failed")
      // The router tries again within each attempt of the step.
      #expect(try fixture.providerCalls() - before >= 3)
      let types = try fixture.events(root["run"]?["id"]?.string ?? "").compactMap { $0["type"]?.string }
      #expect(types.filter { $0 == "step.failed" }.count == 3)
    }

    // MARK: The drop-in endpoint

    @Test func `chat completions pass through the gateway, whole and streamed`() throws {
      let body = #"{"model":"mock-model","messages":[{"role":"user","content":"stream"}]"#
      let whole = try fixture.json("POST", "/v1/chat/completions", body: body + "}").root
      #expect(whole["choices"]?[0]?["message"]?["content"]?.string?.hasSuffix("nine ten") == true)
      let stream = fixture.call("POST", "/v1/chat/completions", body: body + #","stream":true}"#).text
      #expect(stream.hasSuffix("data: [DONE]\n\n"))
      #expect(!stream.contains("prompt_tokens"), "usage was not asked for")
      let counted = fixture.call(
        "POST", "/v1/chat/completions", body: body + #","stream":true,"stream_options":{"include_usage":true}}"#
      ).text
      #expect(counted.contains("prompt_tokens"))
      let unknown = try fixture.json(
        "POST", "/v1/chat/completions", body: #"{"model":"x","messages":[{"role":"user","content":""}]}"#)
      #expect(unknown.status == 404)
      #expect(unknown.root["error"]?["code"]?.string == "model_not_found")
    }
  }
}
