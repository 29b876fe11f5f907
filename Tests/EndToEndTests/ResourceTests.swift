import Foundation
import JSON
import LocalStack
import Testing

/// B-01, P-07, P-02: tasks, projects and schedules; what one tenant has, another does not see; input beyond the limits.
extension EndToEndTests {
  @Suite(.serialized) struct Resources {
    private let fixture: StackFixture

    init() throws { fixture = try StackFixture.shared.get() }

    @Test func `a project is made, renamed, protected from lost changes, filtered by, and put away`() throws {
      let name = "shed \(getpid())"
      let (status, project) = try fixture.json("POST", "/api/v1/projects", body: "{\"name\":\"\(name)\"}")
      #expect(status == 201)
      let id = project["id"]?.string ?? ""
      #expect(fixture.call("POST", "/api/v1/projects", body: "{\"name\":\"\(name)\"}").status == 409)
      let path = "/api/v1/projects/\(id)"
      #expect(
        fixture.call("PATCH", path, body: #"{"description":"x"}"#, headers: ["If-Match": "\"7\""]).status == 412)
      let changed = try fixture.json("PATCH", path, body: #"{"description":"x"}"#, headers: ["If-Match": "\"1\""])
      #expect(changed.root["version"]?.int == 2)
      let (task, _) = try fixture.start("single", more: "\"prompt\":\"in a project\",\"project_id\":\"\(id)\",")
      _ = try fixture.end(of: task)
      let listed = try fixture.json("GET", "/api/v1/tasks?project_id=\(id)").root["tasks"]
      #expect(listed?.elements.compactMap { $0["id"]?.string } == [task])
      #expect(fixture.call("DELETE", path).status == 200)
      let late = fixture.call("POST", "/api/v1/tasks", body: "{\"prompt\":\"x\",\"project_id\":\"\(id)\"}")
      #expect(late.status == 422 && late.text.contains("unknown_project"))
    }

    @Test func `tenants share by their weights when both have work waiting`() throws {
      let steps = #"{"key":"a","job_type":"shared"}"#
      try fixture.put(workflow: "shared", steps)
      let other = fixture.call(
        "PUT", "/api/v1/workflows/shared", body: "{\"name\":\"shared\",\"steps\":[\(steps)]}",
        key: StackFixture.otherKey)
      #expect([200, 201].contains(other.status))
      let path = "/operator/v1/weights/tenant_00000000000070008000000000000001"
      let refused = fixture.call("PUT", path, body: #"{"weight":3}"#, key: StackFixture.otherKey)
      #expect(refused.status == 403 && refused.text.contains("operator_required"), "only for operators")
      #expect(fixture.call("PUT", path, body: #"{"weight":3}"#, service: "orchestrator").status == 401)
      #expect(try fixture.internalCall("PUT", path, #"{"weight":0}"#)?.status == 422)
      #expect(fixture.call("PUT", path, body: #"{"weight":3}"#).status == 200)
      let listed = try fixture.internalCall("GET", "/operator/v1/weights")?.root["weights"]
      #expect(listed?.elements.contains { $0["weight"]?.double == 3 } == true)
      for number in 0..<32 {
        let key = number % 2 == 0 ? fixture.stack.apiKey : StackFixture.otherKey
        #expect(
          fixture.call("POST", "/api/v1/tasks", body: #"{"workflow":"shared","input":{}}"#, key: key).status == 202)
      }
      let leases = try fixture.lease("shared", slots: 16)
      let own = leases.filter { $0["tenant_id"]?.string?.hasSuffix("1") == true }.count
      #expect(own == 12 && leases.count == 16, "\(own) of \(leases.count)")
      for lease in leases { try fixture.deliver(lease) }
      for lease in try fixture.lease("shared", slots: 16) { try fixture.deliver(lease) }
      #expect(try fixture.internalCall("DELETE", path)?.status ?? 204 == 204)
      #expect(try fixture.internalCall("DELETE", path)?.status == 404)
    }

    @Test func `what is said of a task can be changed, by one person at a time`() throws {
      let (status, root) = try fixture.submit("change me")
      #expect(status == 200)
      let path = "/api/v1/tasks/\(root["id"]?.string ?? "")"
      let body =
        #"{"title":"new","labels":["a","b","a"],"assignee":"kim","due_at":"2999-01-01T00:00:00Z","priority":3}"#
      let changed = try fixture.json("PATCH", path, body: body, headers: ["If-Match": "\"1\""])
      #expect(changed.status == 200)
      #expect(changed.root["labels"]?.count == 2)
      #expect(changed.root["due_at"]?.string?.hasPrefix("2999-01-01") == true)
      #expect(fixture.call("PATCH", path, body: body, headers: ["If-Match": "\"1\""]).status == 412)
      let cleared = try fixture.json("PATCH", path, body: #"{"assignee":null}"#)
      #expect(cleared.root["assignee"]?.isNull == true && cleared.root["title"]?.string == "new")
      #expect(fixture.call("PATCH", path, body: #"{"status":"done"}"#).status == 422)
      #expect(fixture.call("DELETE", path).status == 200)
      let ids = try fixture.json("GET", "/api/v1/tasks?label=a").root["tasks"]?.elements.compactMap { $0["id"]?.string }
      #expect(ids?.isEmpty == true)
    }

    @Test func `a schedule fires at its time, once, and says what it will do`() throws {
      #expect(
        fixture.call(
          "POST", "/api/v1/schedules", body: #"{"name":"x","cron":"61 * * * *","task":{"prompt":"p"}}"#
        ).text.contains("61 is no minute"))
      #expect(
        fixture.call(
          "POST", "/api/v1/schedules",
          body: #"{"name":"x","cron":"0 0 * * *","time_zone":"Mars/Base","task":{"prompt":"p"}}"#
        ).status == 422)
      let (status, schedule) = try fixture.json(
        "POST", "/api/v1/schedules",
        body: #"{"name":"nightly","cron":"30 2 * * *","time_zone":"Europe/Berlin","catch_up_ms":3600000,"#
          + #""task":{"prompt":"tidy up"}}"#)
      #expect(status == 201)
      #expect(schedule["next_times"]?.count == 3)
      let id = schedule["id"]?.string ?? ""
      // Time passes quickly here.
      _ = try fixture.stack.postgres.query(
        "update orchestrator.schedule set next_at = now() - interval '1 minute' where name = 'nightly'")
      try fixture.wait("the schedule has fired") {
        try fixture.json("GET", "/api/v1/schedules/\(id)").root["fired"]?.int == 1
      }
      let after = try fixture.json("GET", "/api/v1/schedules/\(id)").root
      #expect((after["next_at"]?.string ?? "") > (after["last_at"]?.string ?? "9"))
      let run = after["last_run_id"]?.string ?? ""
      #expect(try fixture.end(ofRun: run)["status"]?.string == "succeeded")
      _ = try fixture.stack.postgres.query(
        "update orchestrator.schedule set next_at = now() - interval '2 hours' where name = 'nightly'")
      try fixture.wait("a time that was missed is left out") {
        try fixture.json("GET", "/api/v1/schedules/\(id)").root["skipped"]?.int == 1
      }
      #expect(
        try fixture.json("PATCH", "/api/v1/schedules/\(id)", body: #"{"paused":true}"#).root["paused"]?.bool == true)
      #expect(fixture.call("DELETE", "/api/v1/schedules/\(id)").status == 204)
    }

    @Test(arguments: [
      ("30 2 * * *", "2026-03-28T12:00:00Z", "2026-03-29T01:30:00"),
      ("30 2 * * *", "2026-10-24T12:00:00Z", "2026-10-25T00:30:00"),
      ("30 2 * * *", "2026-10-25T00:30:00Z", "2026-10-26T01:30:00"),
      ("*/20 * * * *", "2026-10-25T00:50:00Z", "2026-10-25T01:00:00"),
      ("*/20 * * * *", "2026-03-29T00:50:00Z", "2026-03-29T01:00:00"),
      ("*/20 * * * *", "2026-10-25T01:50:00Z", "2026-10-25T02:00:00"),
      ("0 9 * * *", "2026-11-21T00:00:00Z", "2026-11-21T08:00:00"),
    ])
    func `changes of the clocks neither lose nor double a time`(cron: String, after: String, next: String) throws {
      let (status, root) = try fixture.json(
        "POST", "/api/v1/schedules/preview",
        body: "{\"cron\":\"\(cron)\",\"time_zone\":\"Europe/Berlin\",\"after\":\"\(after)\"}")
      #expect(status == 200)
      #expect(root["times"]?[0]?.string?.hasPrefix(next) == true, "\(String(decoding: root.rawBytes, as: UTF8.self))")
    }

    @Test(arguments: [
      "UTC+2", "GMT+8", "+02", "02:00", "X3", "Europe/Berlin2", "Europe/Berlin; select 1", "CEST", "PST", "CET",
      "EST5EDT",
      "posixrules", "localtime", "posix/Europe/Berlin", "", "../etc/passwd", "Factory",
    ])
    func `a time zone is a name of the time zone database`(zone: String) throws {
      let (status, root) = try fixture.json(
        "POST", "/api/v1/schedules/preview", body: "{\"cron\":\"0 9 * * *\",\"time_zone\":\"\(zone)\"}")
      #expect(status == 422)
      #expect(root["errors"]?[0]?["pointer"]?.string == "/time_zone")
      let named = try fixture.json(
        "POST", "/api/v1/schedules",
        body: "{\"name\":\"z\",\"cron\":\"@yearly\",\"time_zone\":\"\(zone)\",\"task\":{\"prompt\":\"p\"}}")
      #expect(named.status == 422)
    }

    @Test func `names of time zones are understood in any case and shown as the database spells them`() throws {
      let (status, root) = try fixture.json(
        "POST", "/api/v1/schedules",
        body: #"{"name":"zoned","cron":"@yearly","time_zone":"australia/lord_howe","task":{"prompt":"p"}}"#)
      #expect(status == 201)
      #expect(root["time_zone"]?.string == "Australia/Lord_Howe")
      #expect(fixture.call("DELETE", "/api/v1/schedules/\(root["id"]?.string ?? "")").status == 204)
    }

    @Test func `a change of a schedule loses no time that is due`() throws {
      try fixture.put(workflow: "tick", #"{"key":"t","type":"transform","input":{"a":1}}"#)
      var ids: [String] = []
      for index in 0..<24 {
        let (status, root) = try fixture.json(
          "POST", "/api/v1/schedules",
          body: "{\"name\":\"due\(index)\",\"cron\":\"@yearly\",\"overlap\":\"allow\",\"catch_up_ms\":600000,"
            + "\"task\":{\"workflow\":\"tick\",\"input\":{}}}")
        #expect(status == 201)
        ids.append(root["id"]?.string ?? "")
      }
      // All are due, and change before they can have been served.
      _ = try fixture.stack.postgres.query(
        "update orchestrator.schedule set next_at = date_trunc('second', now()) where name like 'due%'")
      let changes = [
        #"{"catch_up_ms":500000}"#, #"{"cron":"0 3 * * *"}"#, #"{"time_zone":"Asia/Tokyo"}"#, #"{"paused":true}"#,
      ]
      for (index, id) in ids.enumerated() {
        let change = changes[index % changes.count]
        #expect(try fixture.json("PATCH", "/api/v1/schedules/\(id)", body: change).status == 200, "\(change)")
      }
      for (index, id) in ids.enumerated() {
        try fixture.wait("the due time of schedule \(index) has given a run") {
          try fixture.json("GET", "/api/v1/schedules/\(id)").root["fired"]?.int == 1
        }
        #expect(fixture.call("DELETE", "/api/v1/schedules/\(id)").status == 204)
      }
    }

    @Test func `another tenant sees and changes nothing`() throws {
      try fixture.put(workflow: "private", #"{"key":"go","type":"approval","input":{"x":1}}"#)
      let (task, run) = try fixture.start("private")
      var approval = ""
      try fixture.wait("a person is asked") {
        let found = try fixture.json("GET", "/api/v1/approvals?run_id=\(run)").root["approvals"]?[0]
        approval = found?["id"]?.string ?? ""
        return found != nil
      }
      let project =
        try fixture.json("POST", "/api/v1/projects", body: "{\"name\":\"p\(run)\"}").root["id"]?.string ?? ""
      let schedule =
        try fixture.json(
          "POST", "/api/v1/schedules", body: "{\"name\":\"s\(run)\",\"cron\":\"@yearly\",\"task\":{\"prompt\":\"p\"}}"
        ).root["id"]?.string ?? ""
      let calls: [(String, String, String?)] = [
        ("GET", "/api/v1/tasks/\(task)", nil), ("PATCH", "/api/v1/tasks/\(task)", "{}"),
        ("DELETE", "/api/v1/tasks/\(task)", nil), ("GET", "/api/v1/runs/\(run)", nil),
        ("GET", "/api/v1/runs/\(run)/events", nil), ("GET", "/api/v1/runs/\(run)/steps", nil),
        ("GET", "/api/v1/runs/\(run)/result", nil), ("GET", "/api/v1/runs/\(run)/bundle", nil),
        ("POST", "/api/v1/runs/\(run)/cancel", nil), ("POST", "/api/v1/runs/\(run)/pause", nil),
        ("POST", "/api/v1/runs/\(run)/resume", nil), ("POST", "/api/v1/runs/\(run)/signals", #"{"name":"go"}"#),
        ("POST", "/api/v1/runs/\(run)/replay", nil), ("POST", "/api/v1/runs/\(run)/retry", nil),
        ("POST", "/api/v1/runs/\(run)/fork", #"{"at_seq":1}"#), ("GET", "/api/v1/steps/\(approval)", nil),
        ("GET", "/api/v1/approvals/\(approval)", nil),
        ("POST", "/api/v1/approvals/\(approval)/decision", #"{"decision":"approve","subject_sha256":"x"}"#),
        ("GET", "/api/v1/workflows/private", nil), ("DELETE", "/api/v1/workflows/private", nil),
        ("GET", "/api/v1/workflows/private/versions", nil), ("GET", "/api/v1/projects/\(project)", nil),
        ("PATCH", "/api/v1/projects/\(project)", "{}"), ("DELETE", "/api/v1/projects/\(project)", nil),
        ("GET", "/api/v1/schedules/\(schedule)", nil), ("PATCH", "/api/v1/schedules/\(schedule)", "{}"),
        ("DELETE", "/api/v1/schedules/\(schedule)", nil),
      ]
      for (method, path, body) in calls {
        let answer = fixture.call(method, path, body: body, key: StackFixture.otherKey)
        #expect(answer.status == 404, "\(method) \(path): \(answer.status)")
      }
      for list in ["tasks", "runs", "approvals", "projects", "schedules", "workflows"] {
        let text = fixture.call("GET", "/api/v1/\(list)?limit=100", key: StackFixture.otherKey).text
        #expect(!text.contains(run) && !text.contains(task) && !text.contains("\"private\""), "\(list)")
      }
      let used = fixture.call(
        "POST", "/api/v1/tasks", body: #"{"workflow":"private","input":{}}"#, key: StackFixture.otherKey)
      #expect(used.status == 422)
      #expect(try fixture.json("GET", "/api/v1/runs/\(run)").root["status"]?.string == "pending")
      _ = fixture.call("POST", "/api/v1/runs/\(run)/cancel")
      _ = fixture.call("DELETE", "/api/v1/schedules/\(schedule)")
    }

    @Test func `what is too large is refused, and a fan-out over thousands comes to its end`() throws {
      #expect(
        fixture.call(
          "POST", "/api/v1/tasks",
          body: "{\"prompt\":\"a\",\"input\":{\"x\":\"\(String(repeating: "b", count: 3 << 20))\"}}"
        ).status == 413)
      try fixture.put(
        workflow: "wide",
        #"{"key":"map","type":"transform","for_each":{"items":"input.items","width":200,"items_max":3000},"input":{"n":{"$ref":"index"}}},"#
          + #"{"key":"all","type":"transform","depends_on":["map"],"input":{"last":{"$ref":"steps.map.output[1999].n"}}}"#
      )
      func items(_ count: Int) -> String {
        "{\"items\":[\(Array(repeating: "0", count: count).joined(separator: ","))]}"
      }
      let (_, run) = try fixture.start("wide", input: items(2000))
      let (_, large) = try fixture.start("wide", input: items(3001))
      #expect(try fixture.end(ofRun: large)["failure"]?["code"]?.string == "fan_out_too_large")
      try fixture.wait("the wide run has ended") {
        try fixture.json("GET", "/api/v1/runs/\(run)").root["ended_at"]?.string != nil
      }
      #expect(try fixture.json("GET", "/api/v1/runs/\(run)").root["result"]?["last"]?.int == 1999)
    }
  }
}
