import Foundation
import JSON
import LocalStack
import Testing

/// Steps that ask people, steps that workers give back, and the heartbeats of many leases.
extension EndToEndTests {
  @Suite(.serialized) struct Waits {
    private let fixture: StackFixture

    init() throws { fixture = try StackFixture.shared.get() }

    private func begin(_ type: String) throws -> (run: String, lease: JSONView) {
      try fixture.put(workflow: type, "{\"key\":\"s\",\"job_type\":\"\(type)\"}")
      let run = try fixture.start(type).run
      return (run, try next(type))
    }

    private func next(_ type: String) throws -> JSONView {
      var lease: JSONView?
      // An answer may be empty: what was leased for it has failed before it was sent.
      try fixture.wait("a step of \(type) is leased") {
        lease = try fixture.lease(type, milliseconds: 5000).first
        return lease != nil
      }
      return try #require(lease)
    }

    private func asked(_ run: String, _ list: String) throws -> [JSONView] {
      try fixture.json("GET", "/api/v1/\(list)?run_id=\(run)").root[list].map { Array($0.elements) } ?? []
    }

    private func ask(_ key: String, _ kind: String = "question", subject: String = #"{"question":"Which?"}"#) -> String
    {
      "{\"key\":\"\(key)\",\"kind\":\"\(kind)\",\"tool\":\"t\",\"subject\":\(subject)}"
    }

    @Test func `a step asks, people answer while every process dies, and it goes on from its journal`() throws {
      let (run, first) = try begin("asking")
      #expect(first["answers"] == nil && first["job_type"]?.string == "asking")
      try fixture.record(first, index: 0)
      try fixture.record(first, index: 1, kind: "note", name: "belief", result: #"{"goal":"g"}"#)
      let step = first["step_id"]?.string ?? ""
      let call =
        #""calls":[{"kind":"intent","index":2,"name":"t","request_sha256":"i","result":{"to":"x"}}],"wait":{"asks":["#
      let asks = [ask("a/1", "approval", subject: #"{"name":"t"}"#), ask("q"), ask("u", "unknown_outcome")]
      #expect(try fixture.end(first, call + asks.joined(separator: ",") + "]}").status == 200)
      // Nobody holds it, and who did cannot speak for it any more.
      #expect(try fixture.deliver(first) == 409)
      #expect(try fixture.heartbeats([first]).states == ["lost"])
      #expect(try fixture.lease("asking", milliseconds: 0).isEmpty)
      let waiting = try fixture.json("GET", "/api/v1/steps/\(step)").root
      #expect(waiting["status"]?.string == "waiting" && waiting["waiting_for"]?["kind"]?.string == "answers")
      #expect(waiting["waiting_for"]?["asks"]?.elements.map { $0["key"]?.string } == ["a/1", "q", "u"])
      let approvals = try asked(run, "approvals")
      let questions = try asked(run, "questions")
      #expect(Set(approvals.compactMap { $0["kind"]?.string }) == ["tool_call", "unknown_outcome"])
      try #require(questions.count == 1)
      #expect(questions[0]["subject"]?["question"]?.string == "Which?")
      let call1 = try #require(approvals.first { $0["kind"]?.string == "tool_call" })
      let outcome = try #require(approvals.first { $0["kind"]?.string == "unknown_outcome" })
      let (a, u) = (call1["id"]?.string ?? "", outcome["id"]?.string ?? "")
      let q = questions[0]["id"]?.string ?? ""
      #expect(call1["step_id"]?.string == step && call1["tool"]?.string == "t" && call1["key"]?.string == "a/1")
      try strangers(run, step: step, approvals: [a, u], question: q)

      let digest = call1["subject_sha256"]?.string ?? ""
      func decide(_ id: String, _ verb: String, _ body: String) throws -> (Int, String) {
        let (status, root) = try fixture.json("POST", "/api/v1/\(verb.replacing("ID", with: id))", body: body)
        return (status, root["code"]?.string ?? root["status"]?.string ?? "")
      }
      #expect(
        try decide(a, "approvals/ID/decision", #"{"decision":"approve","subject_sha256":"x"}"#)
          == (409, "subject_differs"))
      #expect(try decide(a, "approvals/ID/outcome", #"{"outcome":"not_done"}"#) == (409, "kind_differs"))
      #expect(
        try decide(u, "approvals/ID/decision", #"{"decision":"approve","subject_sha256":"x"}"#)
          == (409, "kind_differs"))
      #expect(try decide(u, "approvals/ID/outcome", #"{"outcome":"done"}"#).0 == 422)
      #expect(try decide(a, "questions/ID/answer", #"{"answer":1}"#) == (404, "question_not_found"))
      #expect(try decide(q, "questions/ID/answer", "{}").0 == 422)
      let approve = "{\"decision\":\"approve\",\"subject_sha256\":\"\(digest)\",\"comment\":\"go\"}"
      #expect(try decide(a, "approvals/ID/decision", approve) == (200, "approved"))
      #expect(try decide(a, "approvals/ID/decision", approve) == (409, "already_decided"))
      try fixture.crash("orchestrator")
      #expect(
        try decide(u, "approvals/ID/outcome", #"{"outcome":"done","result":"sent"}"#) == (200, "answered"))
      #expect(try fixture.step(run, "s")?["status"]?.string == "waiting")
      #expect(try decide(q, "questions/ID/answer", #"{"answer":{"text":"the blue one"}}"#) == (200, "answered"))
      #expect(try decide(q, "questions/ID/answer", #"{"answer":2}"#) == (409, "already_decided"))

      let second = try next("asking")
      #expect(second["attempt"]?.int == 2)
      #expect(second["journal"]?.elements.map { $0["kind"]?.string } == ["model", "note", "intent"])
      let answers = second["answers"].map { Array($0.elements) } ?? []
      try #require(answers.map { $0["key"]?.string } == ["a/1", "q", "u"])
      #expect(answers[0]["answer"]?["approved"]?.bool == true && answers[0]["subject_sha256"]?.string == digest)
      #expect(answers[1]["answer"]?["text"]?.string == "the blue one" && answers[1]["by"]?.string != nil)
      #expect(answers[2]["answer"]?["result"]?.string == "sent")
      try fixture.deliver(second, output: #"{"n":1}"#)
      #expect(try fixture.end(ofRun: run)["status"]?.string == "succeeded")
      try look(run, step)
    }

    /// Another tenant finds none of it.
    private func strangers(_ run: String, step: String, approvals: [String], question: String) throws {
      let calls: [(String, String, String?)] =
        [
          ("GET", "steps/\(step)/calls", nil), ("GET", "steps/\(step)/belief", nil),
          ("GET", "questions/\(question)", nil), ("POST", "questions/\(question)/answer", #"{"answer":1}"#),
        ]
        + approvals.flatMap { id in
          [
            ("GET", "approvals/\(id)", nil), ("POST", "approvals/\(id)/outcome", #"{"outcome":"not_done"}"#),
            ("POST", "approvals/\(id)/decision", #"{"decision":"approve","subject_sha256":"x"}"#),
          ]
        }
      for (method, path, body) in calls {
        let answer = fixture.call(method, "/api/v1/\(path)", body: body, key: StackFixture.otherKey)
        #expect(answer.status == 404, "\(method) \(path): \(answer.status)")
      }
      for list in ["approvals", "questions"] {
        #expect(!fixture.call("GET", "/api/v1/\(list)?limit=100", key: StackFixture.otherKey).text.contains(run))
      }
    }

    /// What the API shows of the run afterwards.
    private func look(_ run: String, _ step: String) throws {
      var calls: [JSONView] = []
      var cursor: String? = "0"
      while let from = cursor {
        let page = try fixture.json("GET", "/api/v1/steps/\(step)/calls?limit=1&cursor=\(from)").root
        calls += page["calls"].map { Array($0.elements) } ?? []
        cursor = page["next_cursor"]?.string
        try #require(calls.count < 10)
      }
      try #require(calls.map { $0["kind"]?.string } == ["model", "note", "intent"])
      #expect(calls.map { $0["index"]?.int } == [0, 1, 2])
      #expect(calls[0]["usage"]?["model_calls"]?.int == 1 && calls[2]["result"]?["to"]?.string == "x")
      #expect(
        try fixture.json("GET", "/api/v1/steps/\(step)/belief").root["belief"]?["goal"]?.string == "g")
      let types = try fixture.types(run)
      #expect(types.filter { $0 == "ask.answered" }.count == 3 && types.contains("step.suspended"))
      #expect(types.contains("tool.intended") && types.contains("agent.noted"))
      let report = try fixture.json("POST", "/api/v1/runs/\(run)/replay").root
      #expect(report["verdict"]?.string == "consistent", "\(String(decoding: report.rawBytes, as: UTF8.self))")
    }

    @Test func `of many who decide at the same time at two replicas one wins`() throws {
      let (run, lease) = try begin("contested")
      try fixture.suspend(lease, ask("a", "approval"))
      let row = try #require(try asked(run, "approvals").first)
      let (id, digest) = (row["id"]?.string ?? "", row["subject_sha256"]?.string ?? "")
      let fixture = fixture
      let ports = fixture.stack.ports(of: "orchestrator")
      let deciders = (0..<8).map { number in
        Background {
          let decision = number % 2 == 0 ? "approve" : "reject"
          let answer = try fixture.internalCall(
            "POST", "/api/v1/approvals/\(id)/decision",
            "{\"decision\":\"\(decision)\",\"subject_sha256\":\"\(digest)\"}", port: ports[number % ports.count])
          return (decision, answer?.status ?? 0)
        }
      }
      let answers = try deciders.map { try $0.value() }
      let won = answers.filter { $0.1 == 200 }
      #expect(won.count == 1 && answers.filter { $0.1 == 409 }.count == 7, "\(answers)")
      let resumed = try next("contested")
      #expect(resumed["answers"]?[0]?["answer"]?["approved"]?.bool == (won.first?.0 == "approve"))
      try fixture.deliver(resumed)
    }

    @Test func `time answers when nobody does, and what a run asked goes with it`() throws {
      let (_, lease) = try begin("expiring")
      let limited = #"{"key":"a","kind":"question","subject":"s","expires_ms":200}"#
      try fixture.suspend(lease, limited)
      let resumed = try next("expiring")
      #expect(resumed["answers"]?[0]?["answer"]?["expired"]?.bool == true)
      #expect(resumed["answers"]?[0]?["by"] == nil)
      try fixture.deliver(resumed)

      let (run, second) = try begin("expiring")
      try fixture.suspend(second, ask("b"))
      let question = try #require(try asked(run, "questions").first?["id"]?.string)
      #expect(fixture.call("POST", "/api/v1/runs/\(run)/pause").status == 200)
      #expect(fixture.call("POST", "/api/v1/questions/\(question)/answer", body: #"{"answer":1}"#).status == 200)
      #expect(try fixture.lease("expiring", milliseconds: 300).isEmpty)
      #expect(fixture.call("POST", "/api/v1/runs/\(run)/resume").status == 200)
      let third = try next("expiring")
      try fixture.suspend(third, ask("c"))
      #expect(fixture.call("POST", "/api/v1/runs/\(run)/cancel").status == 200)
      // The one that was answered is in the list, too.
      let left = try #require(try asked(run, "questions").first { $0["status"]?.string != "answered" })
      #expect(left["status"]?.string == "withdrawn")
      let late = try fixture.json(
        "POST", "/api/v1/questions/\(left["id"]?.string ?? "")/answer", body: #"{"answer":1}"#)
      #expect(late.status == 409 && late.root["code"]?.string == "already_decided")
      // A retry keeps what was answered, and asks again what was not.
      let (status, retry) = try fixture.json("POST", "/api/v1/runs/\(run)/retry", body: "{}")
      let forked = try #require(retry["id"]?.string, "\(status)")
      let fourth = try next("expiring")
      #expect(fourth["run_id"]?.string == forked)
      #expect(fourth["answers"]?.elements.map { $0["key"]?.string } == ["b"])
      try fixture.suspend(fourth, ask("c"))
      let again = try #require(try asked(forked, "questions").first)
      #expect(again["status"]?.string == "pending" && again["id"]?.string != left["id"]?.string)
      #expect(fixture.call("POST", "/api/v1/runs/\(forked)/cancel").status == 200)
    }

    @Test func `a question waits as long as the installation says, or for ever when it says so itself`() throws {
      let (run, lease) = try begin("limited")
      let forever = #"{"key":"f","kind":"question","subject":"s","expires_ms":0}"#
      try fixture.suspend(lease, ask("s") + "," + ask("a", "approval") + "," + forever)
      let questions = try asked(run, "questions")
      let limits = Dictionary(
        uniqueKeysWithValues: questions.map { ($0["key"]?.string ?? "", $0["expires_at"]?.string) })
      #expect(limits["f"] == .some(nil) && limits["s"] != .some(nil))
      let approval = try #require(try asked(run, "approvals").first)
      let days = try fixture.stack.postgres.query(
        "select extract(day from '\(approval["expires_at"]?.string ?? "")'::timestamptz - "
          + "'\(approval["requested_at"]?.string ?? "")'::timestamptz)")
      #expect(days == "7")
      #expect(fixture.call("POST", "/api/v1/runs/\(run)/cancel").status == 200)
    }

    @Test func `an answer that comes when the time is over: one of both wins, whoever dies meanwhile`() throws {
      let ports = fixture.stack.ports(of: "orchestrator")
      for round in 0..<4 {
        let (run, lease) = try begin("late")
        try fixture.suspend(lease, #"{"key":"a","kind":"question","subject":"s","expires_ms":1200}"#)
        let id = try #require(try asked(run, "questions").first?["id"]?.string)
        // The timer stands in the database: those who set it may die.
        if round == 0 {
          try fixture.crash("orchestrator")
          let resumed = try next("late")
          #expect(resumed["answers"]?[0]?["answer"]?["expired"]?.bool == true)
          try fixture.deliver(resumed)
          continue
        }
        let fixture = fixture
        // Around the moment at which it expires.
        let left = try fixture.stack.postgres.query(
          "select extract(epoch from expires_at - clock_timestamp()) from orchestrator.approval where run_id = "
            + "'\(run.dropFirst(4))' and status = 'pending'")
        Thread.sleep(forTimeInterval: max(0, (Double(left) ?? 0) - 0.05))
        let statuses = try (0..<6).map { number in
          Background { () -> [Int] in
            Thread.sleep(forTimeInterval: 0.01 * Double(number))
            let answer = try fixture.internalCall(
              "POST", "/api/v1/questions/\(id)/answer", #"{"answer":7}"#, port: ports[number % ports.count])
            return [answer?.status ?? 0]
          }
        }.map { try $0.value() }
        #expect(statuses.flatMap(\.self).allSatisfy { $0 == 200 || $0 == 409 }, "\(statuses)")
        let won = statuses.flatMap(\.self).count { $0 == 200 }
        let resumed = try next("late")
        let isExpired = resumed["answers"]?[0]?["answer"]?["expired"]?.bool == true
        #expect(won == (isExpired ? 0 : 1), "\(statuses)")
        try fixture.deliver(resumed)
        let types = try fixture.types(run)
        #expect(types.filter { ["ask.answered", "ask.expired"].contains($0) }.count == 1, "\(types)")
      }
    }

    @Test func `the heartbeats of all leases are one request, and the next one hears of a cancellation`() throws {
      let (kept, first) = try begin("beating")
      let (cancelled, second) = try begin("beating")
      let ports = fixture.stack.ports(of: "orchestrator")
      var fresh: String?
      // Beyond the life of a lease, which is extended a third after it began.
      let end = Date().addingTimeInterval(Double(StackFixture.leaseMilliseconds) / 1000 * 1.4)
      var extensions = 0
      while Date() < end {
        for port in ports {
          let (states, root) = try fixture.heartbeats([first, second], port: port)
          #expect(states == ["held", "held"])
          #expect(root["leases"]?[0]?["lease_ms"]?.int == Int64(StackFixture.leaseMilliseconds))
          if let assertion = root["leases"]?[0]?["assertion"]?.string {
            fresh = assertion
            extensions += 1
          }
        }
        Thread.sleep(forTimeInterval: 0.05)
      }
      #expect((1...6).contains(extensions), "a lease is not extended by every request: \(extensions)")
      #expect(fixture.call("POST", "/api/v1/runs/\(cancelled)/cancel").status == 200)
      for port in ports { #expect(try fixture.heartbeats([second, first], port: port).states == ["lost", "held"]) }
      let forged = try JSONDocument(
        parsing: "{\"step_id\":\"\(first["step_id"]?.string ?? "")\",\"attempt\":1,"
          + "\"token\":\"019387a2-c1d4-7b3e-8f2a-4c6d8e0f1a2b\"}"
      ).root
      #expect(try fixture.heartbeats([forged]).states == ["lost"])
      let foreign = try fixture.internalCall(
        "POST", "/worker/v1/heartbeats", #"{"worker":"w","leases":[]}"#, headers: [:])
      #expect(foreign?.status == 401)
      // The assertion that came with an extension is as good as the first one.
      let step = first["step_id"]?.string ?? ""
      let body = "{\"token\":\"\(first["token"]?.string ?? "")\",\"attempt\":1,\"output\":{}}"
      let delivered = try fixture.internalCall(
        "POST", "/worker/v1/steps/\(step)/result", body, headers: ["X-Cadre-Assertion": try #require(fresh)])
      #expect(delivered?.status == 200)
      #expect(try fixture.end(ofRun: kept)["status"]?.string == "succeeded")
    }

    @Test func `a step that is given back goes to another worker at once, with its journal`() throws {
      let (run, first) = try begin("leaving")
      try fixture.record(first, index: 0)
      #expect(try fixture.end(first, #""released":true"#).status == 200)
      let second = try next("leaving")
      #expect(second["attempt"]?.int == 2 && second["journal"]?.elements.map { $0["kind"]?.string } == ["model"])
      try fixture.deliver(second)
      #expect(try fixture.end(ofRun: run)["status"]?.string == "succeeded")
      #expect(try fixture.types(run).contains("step.released"))
      #expect(try fixture.json("POST", "/api/v1/runs/\(run)/replay").root["verdict"]?.string == "consistent")
    }

    @Test func `a journal that no worker could be given fails its step instead of going round for ever`() throws {
      let (run, first) = try begin("heavy")
      let (small, other) = try begin("heavy")
      let large = "\"" + String(repeating: "x", count: 7 << 20) + "\""
      for index in 0..<5 {
        #expect(try fixture.record(first, index: index, kind: "tool", name: "t", result: large) == 200)
        // It may take its time.
        #expect(try fixture.heartbeats([first, other]).states == ["held", "held"])
      }
      for lease in [first, other] { try fixture.end(lease, #""released":true"#) }
      // The other one is not held up by it.
      let resumed = try next("heavy")
      #expect(resumed["run_id"]?.string == small)
      try fixture.deliver(resumed)
      let end = try fixture.end(ofRun: run)
      #expect(end["status"]?.string == "failed" && end["failure"]?["code"]?.string == "journal_too_large")
    }
  }
}
