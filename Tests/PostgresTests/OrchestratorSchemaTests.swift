import Foundation
import LocalStack
import Testing

/// The migrations of the orchestrator on tables that are in use.
extension PostgresTests {
  @Suite(.serialized) struct OrchestratorSchema {
    private static let folder =
      (#filePath as NSString).deletingLastPathComponent
      + "/../../Services/Orchestrator/Storage/Migrations/"
    private static let schema = "migrated"

    private let fixture: PostgresFixture

    init() throws { fixture = try PostgresFixture.shared.get() }

    private func sql(_ text: String) throws -> String {
      try fixture.server.query("set search_path = \(OrchestratorSchema.schema); " + text)
    }

    private func migrate(_ names: [String]) throws {
      for name in names {
        let text = try String(contentsOfFile: OrchestratorSchema.folder + name + ".sql", encoding: .utf8)
        _ = try sql("begin; \(text); commit")
      }
    }

    @Test func `claims and lists come to a database in use, and nothing is lost`() throws {
      _ = try fixture.server.query(
        "drop schema if exists \(OrchestratorSchema.schema) cascade; create schema \(OrchestratorSchema.schema)")
      defer { _ = try? fixture.server.query("drop schema if exists \(OrchestratorSchema.schema) cascade") }
      try migrate(["0001_runs", "0002_workflows", "0003_histories"])
      // Tasks 1 to 5: at work, ended, archived, with a second run, with labels; 6 is a sub-run.
      _ = try sql(
        """
        create function n(i int) returns uuid language sql immutable as $$
          select ('00000000-0000-7000-8000-' || lpad(to_hex(i), 12, '0'))::uuid $$;
        insert into run (id, tenant_id, task_id, workflow_version, workflow, input_sha256, version, status, parent_run,
          ended_at, is_paused)
        select n(i), n(99), n(case i when 6 then 1 when 14 then 4 else i end), 1, 'w', sha256('x'), 3,
          case when i in (1, 5) then 'running' when i = 14 then 'pending' else 'succeeded' end,
          case i when 6 then n(1) end, case when i not in (1, 5, 14) then now() - interval '9 days' end, i = 5
        from unnest(array[1, 2, 3, 4, 5, 6, 14]) i;
        insert into ended select ended_at, id from run where ended_at is not null;
        insert into task (tenant_id, id, run_id, created_by, labels, archived_at)
        select n(99), n(i), n(case i when 4 then 14 else i end), 'x', case i when 5 then array['a', 'b', 'a'] end,
          case i when 3 then now() end from generate_series(1, 5) i;
        insert into history (run_id, seq, at, body) select id, 1, now(), '[["run.created",null,{}]]' from run;
        insert into ready (step_id, run_id, tenant_id, step, attempt, queued_version, job_type, lane, rank_at, queued_at, home, bucket)
        select n(i + 100), n(1), n(99), 's', 1, 3, 'x', 'lock:' || i, now(), now(), 1, 0 from generate_series(1, 3) i;
        """)
      try migrate(["0004_claims", "0005_lists"])
      let places = try sql(
        """
        select string_agg((right(id::text, 2) || ':' || run_place(status, is_paused, shelf, id = task_id)), ' ' order by id)
        from run
        """)
      // Tens: 1 a task's run, 2 an archived one's, 0 any other; ones: the status.
      #expect(places == "01:11 02:14 03:24 04:4 05:12 06:4 0e:0")
      #expect(
        try sql("select string_agg(label || right(task_id::text, 1), ' ' order by label) from task_label") == "a5 b5")
      #expect(try sql("select count(*) from ready where blocked_on is null") == "3")
      #expect(try sql("select count(*) from event") == "7")
      #expect(try sql("select count(*) from run where ended_at is not null and archived_at is null") == "4")
      #expect(try sql("select oldest_run(n(99)) = min(created_at) from run") == "t")
      // A replica of the version before writes on, without the new columns and into the table that is not read any
      // more.
      _ = try sql(
        """
        insert into run (id, tenant_id, task_id, workflow_version, workflow, input_sha256, version, status)
        values (n(20), n(99), n(20), 1, 'w', sha256('x'), 1, 'pending'), (n(21), n(99), n(20), 1, 'w', sha256('x'), 1, 'pending');
        insert into ended values (now(), n(20));
        """)
      #expect(
        try sql(
          "select string_agg(run_place(status, is_paused, shelf, id = task_id)::text, ' ' order by id) from run where id >= n(20)"
        )
          == "10 0")
    }
  }
}
