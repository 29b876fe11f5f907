import Foundation
import JSON
import LocalStack
import Testing

/// Steps that limits and locks keep waiting.
extension EndToEndTests {
  @Suite(.serialized) struct Claims {
    private static let blockedTenant = "00000000-0000-7000-8000-0000000000aa"
    private static let blockedCount = 100_000

    private let fixture: StackFixture

    init() throws { fixture = try StackFixture.shared.get() }

    private func sql(_ text: String) throws -> String {
      try fixture.stack.postgres.query("set search_path = orchestrator; " + text)
        .trimmingCharacters(in: .whitespacesAndNewlines)
    }

    /// What the claim reads that gives out the step of a new run of another tenant.
    private func cost(_ plans: PlanLog) throws -> (rows: Int64, pages: Int64) {
      var costs: [(rows: Int64, pages: Int64)] = []
      for _ in 0..<3 {
        let (_, run) = try fixture.start("claimed")
        let statements = try plans.statements(with: "recursive queue_group") {
          var leases: [JSONView] = []
          try fixture.wait("the step is leased") {
            leases = try fixture.lease("claimed", slots: 2, milliseconds: 500)
            return !leases.isEmpty
          }
          #expect(leases.map { $0["run_id"]?.string } == [run])
          try leases.forEach { try fixture.deliver($0) }
        }
        guard let last = statements.max(by: { $0.rows < $1.rows }) else { continue }
        #expect(last.wholeTables.allSatisfy { $0 != "ready" && $0 != "run" }, "\(last.wholeTables)")
        #expect(last.rows > 0 && last.pages > 0, "the plan says what was read")
        costs.append((last.rows, last.pages))
      }
      // The first ones may pass over what was there before.
      return try #require(costs.min { $0.rows < $1.rows })
    }

    private func block(_ lane: String) throws {
      _ = try sql(
        """
        insert into ready (step_id, run_id, tenant_id, step, attempt, queued_version, job_type, lane, rank_at, queued_at,
          home, bucket)
        select ('00000000-0000-7000-8000-' || lpad(to_hex(g), 12, '0'))::uuid, '\(Claims.blockedTenant)',
          '\(Claims.blockedTenant)', 's', 1, 1, 'claimed', \(lane), now() - interval '1 hour' + g * interval '1 ms',
          now() - interval '1 hour', 0, 0 from generate_series(1, \(Claims.blockedCount)) g;
        """)
    }

    private func clear() throws {
      _ = try sql(
        """
        delete from ready where tenant_id = '\(Claims.blockedTenant)';
        delete from lease where tenant_id = '\(Claims.blockedTenant)';
        delete from concurrency_limit where tenant_id = '\(Claims.blockedTenant)';
        """)
      _ = try fixture.stack.postgres.query("vacuum orchestrator.ready")
    }

    @Test(
      arguments: [
        ("the tenant's limit", "'tenant'", "'agent:a' || g % 7 || E'\\x1f' || 'lock:' || g"),
        ("an agent's limit", "'agent:a'", "'agent:a' || E'\\x1f' || 'lock:' || g"),
        ("a project's limit", "'project:p'", "'project:p' || E'\\x1f' || 'agent:' || g"),
        ("a lock that is held", "", "'lock:l'"),
        ("locks that are held", "", "'agent:a' || E'\\x1f' || 'lock:l' || g % 50"),
      ])
    func `a hundred thousand blocked steps of one tenant cost another one nothing`(
      _ what: String, _ limit: String, _ lane: String
    ) throws {
      try fixture.put(workflow: "claimed", #"{"key":"a","job_type":"claimed"}"#)
      let plans = try PlanLog(fixture)
      defer { try? plans.stop() }
      try clear()
      defer { try? clear() }
      let alone = try cost(plans)
      if limit.isEmpty {
        _ = try sql(
          """
          insert into lease (step_id, run_id, tenant_id, step, attempt, token, worker, lane, deadline)
          select gen_random_uuid(), '\(Claims.blockedTenant)', '\(Claims.blockedTenant)', 's', 1, gen_random_uuid(), 'w',
            l, now() + interval '1 hour' from unnest(array['lock:l'] || array(select 'lock:l' || n from generate_series(0, 49) n)) l
          """)
      } else {
        _ = try sql("insert into concurrency_limit values ('\(Claims.blockedTenant)', \(limit), 0)")
      }
      try block(lane)
      // Each is looked at once at most.
      try fixture.wait("nothing blocked is in the way", seconds: 300) {
        #expect(try fixture.lease("claimed", slots: 20, milliseconds: 200).isEmpty)
        let left = try #require(
          Int(try sql("select count(*) from ready where job_type = 'claimed' and blocked_on is null")))
        return limit == "'tenant'" ? left == Claims.blockedCount : left == 0
      }
      // As the database does by itself within a minute.
      _ = try fixture.stack.postgres.query("vacuum orchestrator.ready")
      let beside = try cost(plans)
      #expect(beside.rows <= 2 * alone.rows + 150, "\(what): \(beside.rows) rows, \(alone.rows) alone")
      #expect(beside.pages <= 2 * alone.pages + 300, "\(what): \(beside.pages) pages, \(alone.pages) alone")
    }

    @Test func `claims of steps with locks of their own read what they give out`() throws {
      try fixture.put(
        workflow: "locked-each",
        #"{"key":"m","job_type":"locked-each","locks":["each:{{run.id}}:{{index}}"],"#
          + #""for_each":{"items":"input.i","width":1000,"items_max":1000},"input":1},"#
          + #"{"key":"z","type":"transform","depends_on":["m"],"input":1}"#)
      let (_, run) = try fixture.start(
        "locked-each", input: #"{"i":[\#((0..<1000).map(String.init).joined(separator: ","))]}"#)
      let plans = try PlanLog(fixture)
      defer { try? plans.stop() }
      var seen: Set<String> = []
      let statements = try plans.statements(with: "recursive queue_group") {
        for _ in 0..<4 {
          let leases = try fixture.lease("locked-each", slots: 50)
          #expect(leases.count == 50)
          for lease in leases {
            let isNew = seen.insert(lease["step_id"]?.string ?? "").inserted
            #expect(isNew)
            try fixture.deliver(lease)
          }
        }
      }
      for statement in statements {
        #expect(statement.rows <= 50 * 30, "\(statement.rows) rows")
        #expect(!statement.wholeTables.contains("ready"))
      }
      _ = fixture.call("POST", "/api/v1/runs/\(run)/cancel", body: "{}")
    }

    @Test func `who waits for a lock gets it when it is free, the first one first`() throws {
      try fixture.put(
        workflow: "queueing", #"{"key":"a","job_type":"queueing","locks":["door:{{input.door}}"]}"#)
      var runs: [[String]] = [[], []]
      for number in 0..<16 {
        runs[number % 2].append(try fixture.start("queueing", input: #"{"door":\#(number % 2)}"#).run)
      }
      var order: [[String]] = [[], []]
      var held = try fixture.lease("queueing", slots: 10)
      while !held.isEmpty {
        // Never two behind one door.
        #expect(held.count <= 2 && Set(held.map { $0["input"]?["door"]?.int }).count == held.count)
        for lease in held {
          order[Int(lease["input"]?["door"]?.int ?? 0)].append(lease["run_id"]?.string ?? "")
        }
        let last = held
        let next = Background { [fixture] in try fixture.lease("queueing", slots: 10, milliseconds: 5000) }
        Thread.sleep(forTimeInterval: 0.1)
        for lease in last { try fixture.deliver(lease) }
        held = order[0].count + order[1].count == 16 ? [] : try next.value()
      }
      #expect(order == runs)
    }

    @Test func `a limit that is raised lets those go on who waited for it`() throws {
      try fixture.put(workflow: "raised", #"{"key":"a","job_type":"raised","agent":"raised"}"#)
      #expect(fixture.call("PUT", "/api/v1/limits/agent/raised", body: #"{"slots":0}"#).status == 200)
      let runs = try (0..<5).map { _ in try fixture.start("raised").run }
      #expect(try fixture.lease("raised", slots: 10, milliseconds: 300).isEmpty)
      #expect(
        try sql("select count(*) from ready where job_type = 'raised' and blocked_on = 'agent:raised'") == "5")
      #expect(fixture.call("PUT", "/api/v1/limits/agent/raised", body: #"{"slots":2}"#).status == 200)
      let first = try fixture.lease("raised", slots: 10)
      #expect(first.map { $0["run_id"]?.string ?? "" } == Array(runs[..<2]))
      #expect(fixture.call("DELETE", "/api/v1/limits/agent/raised").status == 204)
      let rest = try fixture.lease("raised", slots: 10)
      #expect(rest.map { $0["run_id"]?.string ?? "" } == Array(runs[2...]))
      for lease in first + rest { try fixture.deliver(lease) }
      for run in runs { #expect(try fixture.end(ofRun: run)["status"]?.string == "succeeded") }
    }
  }
}
