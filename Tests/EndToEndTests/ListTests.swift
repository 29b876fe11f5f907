import Foundation
import JSON
import LocalStack
import Testing

/// Lists of large tables.
extension EndToEndTests {
  @Suite(.serialized) struct Lists {
    private static let tenant = "00000000-0000-7000-8000-000000000002"
    private static let count = 200_000

    private let fixture: StackFixture

    init() throws { fixture = try StackFixture.shared.get() }

    private func sql(_ text: String) throws {
      _ = try fixture.stack.postgres.query("set search_path = orchestrator; " + text)
    }

    private static func id(_ kind: String, _ number: Int) -> String {
      "\(kind)_0000000000007\(kind == "project" ? "a" : "0")008000"
        + String(repeating: "0", count: 12).dropLast(hex(number).count)
        + hex(number)
    }

    private static func hex(_ number: Int) -> String { String(number, radix: 16) }

    /// Rows as many runs leave them: the later, the newer. Few failed, few are open, few have labels or another
    /// workflow; the newest quarter of the tasks is archived.
    private func fill() throws {
      try sql(
        """
        create function made(n int, project bool default false) returns uuid language sql immutable as $$
          select ('00000000-0000-7' || case when project then 'a' else '0' end || '00-8000-' || lpad(to_hex(n), 12, '0'))::uuid $$;
        insert into payload (tenant_id, sha256, body)
        select '\(Lists.tenant)', sha256('list'), '{}' on conflict do nothing;
        insert into run (id, tenant_id, task_id, workflow_version, workflow, project_id, parent_run, input_sha256, version, status,
          is_paused, ended_at, shelf)
        select made(n), '\(Lists.tenant)', made(n), 1, case when n % 50000 = 7 then 'seldom' else 'often' end,
          case when n % 2 = 0 then made(1 + n % 4, true) end, null, sha256('list'), 9,
          case when n % 40000 = 3 then 'failed' when n % 50000 < 3 then 'running' when n > 190000 then 'pending'
            else 'succeeded' end,
          n % 50000 = 1, case when n % 50000 > 2 and n <= 190000 then now() end, case when n > 150000 then 2 end
        from generate_series(1, \(Lists.count)) n;
        insert into run (id, tenant_id, task_id, workflow_version, workflow, parent_run, input_sha256, version, status, ended_at)
        select made(1000000 + n), '\(Lists.tenant)', made(5), 1, 'part', made(5), sha256('list'), 9, 'succeeded', now()
        from generate_series(1, \(Lists.count / 4)) n;
        insert into task (tenant_id, id, run_id, project_id, title, created_by, labels, archived_at)
        select '\(Lists.tenant)', r.id, r.id, r.project_id, 't', 'x',
          case when r.workflow = 'seldom' then array['marked', 'all'] else array['all'] end,
          case when r.shelf = 2 then now() end from run r where r.tenant_id = '\(Lists.tenant)' and r.parent_run is null;
        insert into task_label select distinct tenant_id, unnest(labels), id from task where tenant_id = '\(Lists.tenant)';
        insert into approval (tenant_id, id, run_id, step, attempt, subject_sha256, status, requested_at)
        select '\(Lists.tenant)', made(n), made(n), 's', 1, sha256('list'),
          case when n % 30000 = 1 then 'pending' else 'approved' end, now() from generate_series(1, \(Lists.count)) n;
        insert into project (tenant_id, id, name, created_by, archived_at)
        select '\(Lists.tenant)', made(n, true), 'p' || n, 'x', case when n > 100 then now() end
        from generate_series(1, \(Lists.count / 4)) n;
        insert into workflow (tenant_id, name, version, document, created_by)
        select '\(Lists.tenant)', 'w' || n % 100, n, '{}', 'x' from generate_series(1, \(Lists.count / 4)) n;
        insert into schedule (tenant_id, id, name, cron, time_zone, task, overlap, catch_up_ms, is_paused, created_by)
        select '\(Lists.tenant)', made(n), 's' || n, '* * * * *', 'UTC', '{}', 'skip', 0, true, 'x'
        from generate_series(1, \(Lists.count / 4)) n;
        insert into history (run_id, seq, at, body)
        select made(7), n, now(), convert_to('[["step.ready","a",{"attempt":1}]]', 'UTF8')
        from generate_series(1, \(Lists.count / 4)) n;
        """)
    }

    private func clear() throws {
      let tables = ["run", "task", "task_label", "approval", "project", "workflow", "schedule"]
      try sql(
        tables.map { "delete from \($0) where tenant_id = '\(Lists.tenant)';" }.joined()
          + "delete from history where run_id::text like '00000000-0000-70%'; drop function if exists made;")
    }

    private struct Listed {
      let path: String
      let member: String
      /// Rows of the first page.
      let rows: Int
      /// The number in the id of the first row.
      var first: Int?
      var isMore = true
    }

    private static let lists: [Listed] = [
      Listed(path: "tasks?", member: "tasks", rows: 20, first: 150_000),
      Listed(path: "tasks?cursor=\(id("task", 100_000))", member: "tasks", rows: 20, first: 99_999),
      Listed(path: "tasks?archived=true", member: "tasks", rows: 20, first: 200_000),
      Listed(path: "tasks?workflow=often", member: "tasks", rows: 20, first: 150_000),
      Listed(path: "tasks?workflow=seldom", member: "tasks", rows: 3, first: 100_007, isMore: false),
      Listed(path: "tasks?workflow=part", member: "tasks", rows: 0, isMore: false),
      Listed(path: "tasks?status=failed", member: "tasks", rows: 4, first: 120_003, isMore: false),
      Listed(path: "tasks?status=running", member: "tasks", rows: 6, first: 150_000, isMore: false),
      Listed(path: "tasks?status=paused", member: "tasks", rows: 3, first: 100_001, isMore: false),
      Listed(path: "tasks?status=pending&archived=true", member: "tasks", rows: 20, first: 200_000 - 1),
      Listed(path: "tasks?status=succeeded&workflow=seldom", member: "tasks", rows: 3, first: 100_007, isMore: false),
      Listed(path: "tasks?status=failed&workflow=often", member: "tasks", rows: 4, first: 120_003, isMore: false),
      Listed(path: "tasks?project_id=\(id("project", 1))", member: "tasks", rows: 20, first: 150_000),
      Listed(
        path: "tasks?project_id=\(id("project", 1))&status=failed", member: "tasks", rows: 0, isMore: false),
      Listed(
        path: "tasks?project_id=\(id("project", 1))&workflow=seldom", member: "tasks", rows: 0, isMore: false),
      Listed(path: "tasks?label=marked", member: "tasks", rows: 3, first: 100_007, isMore: false),
      Listed(path: "runs?", member: "runs", rows: 20, first: 1_050_000),
      Listed(path: "runs?cursor=\(id("run", 1_000_001))", member: "runs", rows: 20, first: 200_000),
      Listed(path: "runs?workflow=seldom", member: "runs", rows: 4, first: 150_007, isMore: false),
      Listed(path: "runs?workflow=part&status=failed", member: "runs", rows: 0, isMore: false),
      Listed(path: "runs?status=failed", member: "runs", rows: 5, first: 160_003, isMore: false),
      Listed(path: "runs?status=pending", member: "runs", rows: 20, first: 199_999),
      Listed(path: "runs?task_id=\(id("task", 5))", member: "runs", rows: 20, first: 1_050_000),
      Listed(path: "runs?task_id=\(id("task", 6))", member: "runs", rows: 1, first: 6, isMore: false),
      Listed(path: "runs?project_id=\(id("project", 3))&status=succeeded", member: "runs", rows: 20, first: 189_998),
      Listed(path: "approvals?", member: "approvals", rows: 20, first: 200_000),
      Listed(path: "approvals?status=pending", member: "approvals", rows: 7, first: 180_001, isMore: false),
      Listed(path: "approvals?run_id=\(id("run", 77))", member: "approvals", rows: 1, first: 77, isMore: false),
      Listed(path: "approvals?status=answered", member: "approvals", rows: 0, isMore: false),
      Listed(path: "questions?", member: "questions", rows: 0, isMore: false),
      Listed(path: "questions?status=pending", member: "questions", rows: 0, isMore: false),
      Listed(path: "questions?run_id=\(id("run", 77))", member: "questions", rows: 0, isMore: false),
      Listed(path: "projects?", member: "projects", rows: 20, first: 100),
      Listed(path: "projects?archived=true", member: "projects", rows: 20, first: 50_000),
      Listed(path: "schedules?", member: "schedules", rows: 20, first: 50_000),
      Listed(path: "workflows?cursor=w", member: "workflows", rows: 20),
      Listed(path: "runs/\(id("run", 7))/events?after=40000", member: "events", rows: 20),
    ]

    @Test func `no list and no filter reads more than its page, however large the tables are`() throws {
      // The others share the database, and read their few models and tenants whole now and then.
      let foreign = Set(
        try fixture.stack.postgres.query(
          "select c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace where n.nspname in ('llm_router', 'gateway')"
        ).split(separator: "\n").map(String.init))
      try clear()
      try fill()
      defer { try? clear() }
      _ = try fixture.stack.postgres.query("analyze")
      let plans = try PlanLog(fixture)
      defer { try? plans.stop() }
      for list in Lists.lists {
        var answer: (status: Int, root: JSONView)?
        let statements = try plans.statements(with: "select") {
          answer = try fixture.json(
            "GET", "/api/v1/\(list.path)&limit=20".replacing("?&", with: "?"), key: StackFixture.otherKey)
        }
        let rows = answer?.root[list.member]?.elements.map { $0 } ?? []
        #expect(answer?.status == 200 && rows.count == list.rows, "\(list.path): \(rows.count) rows")
        let next = answer?.root["next_cursor"] ?? answer?.root["next_after"]
        #expect(next?.isNull == !list.isMore, "\(list.path): more is \(String(describing: next?.string))")
        if let first = list.first {
          let suffix = "008000" + String(repeating: "0", count: 12).dropLast(Lists.hex(first).count) + Lists.hex(first)
          #expect(
            rows.first?["id"]?.string?.hasSuffix(suffix) ?? false, "\(list.path): \(rows.first?["id"]?.string ?? "")")
        }
        // Those of the background have not grown either, as far as they are seen here.
        let own = statements.filter {
          $0.text.contains(" limit ") && !$0.text.contains("timer") && !$0.text.contains("for update")
            && foreign.isDisjoint(with: $0.wholeTables)
        }
        #expect(!own.isEmpty, "\(list.path)")
        for statement in own {
          // What is walked over is seen in no number of rows.
          #expect(statement.pages <= 800, "\(list.path) reads \(statement.pages) pages: \(statement.text)")
          #expect(statement.rows <= 600, "\(list.path) reads \(statement.rows) rows: \(statement.text)")
          #expect(statement.gathered <= 500, "\(list.path) sorts \(statement.gathered) rows: \(statement.text)")
          #expect(statement.wholeTables.isEmpty, "\(list.path) reads \(statement.wholeTables): \(statement.text)")
        }
      }
    }

    @Test func `a filter that no index knows as a whole is served in bounded portions`() throws {
      try clear()
      try fill()
      defer { try? clear() }
      var found: [String] = []
      var cursor = ""
      var pages = 0
      repeat {
        let (status, root) = try fixture.json(
          "GET", "/api/v1/tasks?label=all&status=failed&archived=true&limit=20\(cursor)", key: StackFixture.otherKey)
        #expect(status == 200)
        found += root["tasks"]?.elements.compactMap { $0["id"]?.string } ?? []
        cursor = root["next_cursor"]?.string.map { "&cursor=\($0)" } ?? ""
        pages += 1
      } while !cursor.isEmpty && pages < 100
      #expect(found == [160_003, 120_003, 80_003, 40_003, 3].map { Lists.id("task", $0) })
      #expect(pages == Lists.count / 5000 || pages == Lists.count / 5000 + 1)
    }

    @Test func `lists follow what becomes of tasks`() throws {
      try fixture.put(workflow: "listed", #"{"key":"a","job_type":"listed"}"#)
      let (task, run) = try fixture.start("listed", more: #""labels":["here","there"],"#)
      func ids(_ query: String, _ list: String = "tasks") throws -> [String] {
        try fixture.json("GET", "/api/v1/\(list)?workflow=listed&limit=100\(query)").root[list]?.elements
          .compactMap { $0["id"]?.string } ?? []
      }
      #expect(try ids("&status=pending") == [task] && ids("&label=here") == [task])
      let lease = try #require(try fixture.lease("listed").first)
      #expect(try ids("&status=pending").isEmpty && ids("&status=running") == [task])
      #expect(fixture.call("POST", "/api/v1/runs/\(run)/pause", body: "{}").status == 200)
      #expect(try ids("&status=running").isEmpty && ids("&status=paused") == [task])
      #expect(fixture.call("POST", "/api/v1/runs/\(run)/resume", body: "{}").status == 200)
      try fixture.deliver(lease, failure: "broken")
      try fixture.wait("the run has failed") { try ids("&status=failed") == [task] }
      // Another run of the task is what counts now.
      let again = try #require(
        try fixture.json("POST", "/api/v1/runs/\(run)/retry", body: "{}").root["id"]?.string)
      #expect(try ids("") == [task] && ids("&status=failed").isEmpty)
      #expect(try ids("", "runs") == [again, run] && ids("&status=failed", "runs") == [run])
      try fixture.wait("the step is leased") {
        try fixture.lease("listed").first.map { try fixture.deliver($0) } == 200
      }
      try fixture.wait("the run has succeeded") { try ids("&status=succeeded") == [task] }
      #expect(
        fixture.call("PATCH", "/api/v1/tasks/\(task)", body: #"{"labels":["there","new"]}"#).status == 200)
      #expect(try ids("&label=here").isEmpty && ids("&label=new") == [task] && ids("&label=there") == [task])
      #expect(fixture.call("DELETE", "/api/v1/tasks/\(task)").status == 200)
      #expect(
        try ids("").isEmpty && ids("&archived=true") == [task] && ids("&archived=true&status=succeeded") == [task])
      #expect(fixture.call("PATCH", "/api/v1/tasks/\(task)", body: #"{"archived":false}"#).status == 200)
      #expect(try ids("") == [task])
      let second = try fixture.start("listed").task
      #expect(try ids("") == [second, task])
      #expect(fixture.call("POST", "/api/v1/runs/bulk-cancel", body: #"{"workflow":"listed"}"#).status == 200)
      try fixture.wait("the run is cancelled") { try ids("&status=cancelled") == [second] }
      #expect(fixture.call("DELETE", "/api/v1/tasks/\(second)").status == 200)
      #expect(try ids("") == [task] && ids("&archived=true") == [second, task])
    }

    @Test func `large inputs and results are left out of lists, and a large input cannot be multiplied`() throws {
      let large = String(repeating: "y", count: 1_500_000)
      let many = String(repeating: "{{input.a}}", count: 3000)
      try fixture.put(
        workflow: "bulky",
        #"{"key":"ask","type":"approval","input":{"$ref":"input.a"}},"#
          + #"{"key":"copy","type":"transform","depends_on":["ask"],"input":{"$ref":"input.a"}}"#)
      try fixture.put(workflow: "bulkier", #"{"key":"x","type":"transform","input":{"x":"\#(many)"}}"#)
      var made: [(task: String, run: String)] = []
      for number in 0..<3 { made.append(try fixture.start("bulky", input: #"{"n":\#(number),"a":"\#(large)"}"#)) }
      var waiting: [JSONView] = []
      try fixture.wait("people are asked") {
        let (_, text) = fixture.call("GET", "/api/v1/approvals?status=pending&limit=100")
        #expect(text.utf8.count < 100_000)
        waiting =
          try JSONDocument(parsing: text).root["approvals"]?.elements.filter { view in
            made.contains { $0.run == view["run_id"]?.string }
          } ?? []
        return waiting.count == 3
      }
      for approval in waiting {
        #expect(approval["subject"]?.isNull ?? false && approval["subject_truncated"]?.bool ?? false)
        let id = approval["id"]?.string ?? ""
        #expect(fixture.call("GET", "/api/v1/approvals/\(id)").text.utf8.count > 1_500_000)
        let sha256 = approval["subject_sha256"]?.string ?? ""
        #expect(
          fixture.call(
            "POST", "/api/v1/approvals/\(id)/decision", body: #"{"decision":"approve","subject_sha256":"\#(sha256)"}"#
          ).status == 200)
      }
      for one in made { _ = try fixture.end(ofRun: one.run) }
      for (list, member) in [("tasks", "input"), ("runs", "result")] {
        let (status, text) = fixture.call("GET", "/api/v1/\(list)?workflow=bulky&limit=100")
        let rows = try JSONDocument(parsing: text).root[list]?.elements.map { $0 } ?? []
        #expect(status == 200 && rows.count == 3 && text.utf8.count < 20_000)
        #expect(rows.allSatisfy { $0[member]?.isNull ?? false && $0["\(member)_truncated"]?.bool ?? false })
      }
      let (_, whole) = fixture.call("GET", "/api/v1/tasks/\(made[0].task)")
      #expect(whole.utf8.count > 3_000_000 && !whole.contains("_truncated"))
      #expect(fixture.call("GET", "/api/v1/runs/\(made[0].run)/result").text.utf8.count == 1_500_002)
      let failed = try fixture.end(ofRun: try fixture.start("bulkier", input: #"{"a":"\#(large)"}"#).run)
      #expect(failed["status"]?.string == "failed" && failed["failure"]?["code"]?.string == "input_failed")
      #expect(failed["failure"]?["message"]?.string?.contains("larger than") ?? false)
    }
  }
}
