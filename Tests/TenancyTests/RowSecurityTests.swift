import Contracts
import Foundation
import LocalStack
import Postgres
import Primitives
import RunStorage
import SystemSources
import Testing

extension TenancyTests {
  /// A unit for one tenant sees and writes rows of this tenant alone.
  @Suite(.serialized) struct RowSecurity {
    private let database: TenancyDatabase

    init() throws { database = try TenancyDatabase.shared.get() }

    /// Runs a test with a project of each of two tenants.
    private func withProjects(
      _ body: @escaping @Sendable (PostgresPool, TenantDatabase, TenantScope, TenantScope) async throws -> Void
    ) async throws {
      try await database.migrate()
      try await database.withPool(OrchestratorSchema.name) { pool in
        let scopes = [TenantScope(TenantID.make().uuid), TenantScope(TenantID.make().uuid)]
        for scope in scopes {
          try await pool.query(
            "insert into project (tenant_id, id, name, created_by) values ($1, $1, 'p', 'x')", [scope.tenant])
        }
        try await body(pool, TenantDatabase(pool: pool), scopes[0], scopes[1])
      }
    }

    @Test func `without its condition a query returns the rows of its tenant, and without a tenant none`() async throws
    {
      try await withProjects { pool, tenants, one, _ in
        let rows = try await tenants.query("select tenant_id from project", of: one)
        #expect(rows.count == 1)
        #expect(try rows.first?.decode(0, as: UUID.self) == one.tenant)
        // The next unit on the same connection is the service again.
        let all = try await pool.query("select count(*) from project where name = 'p'")
        #expect(try all.first?.decode(0, as: Int64.self) ?? 0 >= 2)
        // A unit in which nobody set a tenant, and one in which it is empty, as it is behind a unit of a tenant.
        for setting in ["set_config('cadre.tenant', '', true)", "1"] {
          let results = try await pool.batch([
            PostgresStatement("select set_config('role', 'cadre_tenant', true), \(setting)"),
            PostgresStatement("select 1 from project"),
          ])
          #expect(results[1].isEmpty)
        }
      }
    }

    @Test func `nothing of another tenant is changed, removed or added`() async throws {
      try await withProjects { pool, tenants, one, other in
        let changed = try await tenants.query("update project set name = 'q' where id = $1", [other.tenant], of: one)
        #expect(changed.affected == 0)
        #expect(try await tenants.query("delete from project where id = $1", [other.tenant], of: one).affected == 0)
        let stolen = await failure {
          try await tenants.query("update project set tenant_id = $1", [other.tenant], of: one)
        }
        #expect((stolen as? PostgresError)?.isRefusedToTenant == true)
        let planted = await failure {
          try await tenants.query(
            "insert into project (tenant_id, id, name, created_by) values ($1, gen_random_uuid(), 'r', 'x')",
            [other.tenant], of: one)
        }
        #expect((planted as? PostgresError)?.isRefusedToTenant == true)
        let left = try await pool.query("select name from project where tenant_id = $1", [other.tenant])
        #expect(try left.map { try $0.decode(0, as: String.self) } == ["p"])
        // What only the engine writes.
        for sql in ["update lease set worker = 'x'", "delete from timer", "update approval set status = 'approved'"] {
          #expect(try await tenants.query(sql, of: one).affected == 0)
        }
        #expect(
          await failure {
            try await tenants.query("insert into registry_revision values ($1, 1)", [one.tenant], of: one)
          }
            == nil)
        for sql in ["select 1 from event", "select 1 from ended", "select 1 from schema_migrations"] {
          let refused = await failure { try await tenants.query(sql, of: one) }
          #expect((refused as? PostgresError)?.sqlState == "42501", "\(sql)")
        }
      }
    }

    @Test func `a statement does not leave its scope`() async throws {
      try await withProjects { pool, tenants, one, other in
        // One statement of the extended protocol is one command.
        for sql in ["reset role; select 1 from project", "select 1; set role none; select 1 from project"] {
          let refused = await failure { try await tenants.query(sql, of: one) }
          #expect((refused as? PostgresError)?.sqlState == "42601", "\(sql)")
        }
        // What a statement may see is decided before it runs.
        let rows = try await tenants.query(
          """
          with left_scope as materialized (select set_config('role', 'none', true) as role)
          select p.tenant_id from left_scope l cross join project p where l.role is not null
          """, of: one)
        #expect(try rows.map { try $0.decode(0, as: UUID.self) } == [one.tenant])
        // Roles and policies are not the tenant's to change.
        for sql in [
          "alter table project disable row level security", "drop policy tenant_rows on project",
          "alter role cadre_tenant bypassrls", "create table orchestrator.own (id int)",
          "alter table project owner to cadre_tenant", "copy project to '/tmp/x'", "truncate project",
        ] {
          let refused = await failure { try await tenants.query(sql, of: one) }
          #expect((refused as? PostgresError)?.sqlState == "42501", "\(sql): \(String(reflecting: refused))")
        }
        // A failed unit leaves nothing behind either.
        #expect(try await tenants.query("select 1 from project", of: other).count == 1)
        let service = try await pool.query("select current_user::text = session_user::text")
        #expect(try service.first?.decode(0, as: Bool.self) == true)
      }
    }

    @Test func `a tenant that is to be deleted gets nothing new`() async throws {
      try await withProjects { pool, tenants, one, other in
        try await pool.query(
          "insert into tenant_state (tenant_id, deletion_requested_at) values ($1, now())", [one.tenant])
        let refused = await failure {
          try await tenants.query(
            "insert into project (tenant_id, id, name, created_by) values ($1, gen_random_uuid(), 'new', 'x')",
            [one.tenant], of: one)
        }
        #expect((refused as? PostgresError)?.isRefusedToTenant == true)
        try await tenants.query(
          "insert into project (tenant_id, id, name, created_by) values ($1, gen_random_uuid(), 'new', 'x')",
          [other.tenant], of: other)
      }
    }

    @Test func `the history of a run is that of its tenant`() async throws {
      try await withProjects { pool, tenants, one, other in
        try await pool.query(
          """
          insert into run (id, tenant_id, task_id, workflow_version, workflow, input_sha256, version, status)
          values ($1, $1, $1, 1, 'w', sha256('x'), 1, 'running')
          """, [one.tenant])
        try await pool.query("insert into history (run_id, seq, at, body) values ($1, 1, now(), 'x')", [one.tenant])
        #expect(try await tenants.query("select 1 from history", of: one).count == 1)
        #expect(try await tenants.query("select 1 from history", of: other).isEmpty)
      }
    }
  }
}
