import Foundation
import GatewayAccounts
import GatewaySchema
import LocalStack
import OrchestratorAPI
import Postgres
import Primitives
import RouterAPI
import RouterSchema
import RunStorage
import Telemetry
import Tenancy
import Testing

extension TenancyTests {
  /// No table is forgotten: neither by row-level security, nor by exports and deletions.
  @Suite(.serialized) struct Schemas {
    /// Unique indexes without the tenant, each with the reason that stands in `docs/tenancy.md`.
    private static let withoutTenant: Set<String> = [
      // Written with every transition; ids are unique over all tenants, and the id of a step begins like its run's.
      "run_pkey", "ready_pkey", "delayed_pkey", "lease_pkey", "timer_pkey", "archive_pkey", "history_pkey",
      // Written with every call.
      "call_pkey",
      // No rows of tenants.
      "schema_migrations_pkey", "provider_pkey", "provider_name_key", "model_pkey", "model_provider_id_name_key",
      "alias_pkey", "policy_switch_one", "policy_state_one",
    ]

    private let database: TenancyDatabase

    init() throws { database = try TenancyDatabase.shared.get() }

    private func inSchemas(_ column: String) -> String {
      "\(column) in ('\(OrchestratorSchema.name)', '\(RouterSchema.name)', '\(GatewaySchema.name)')"
    }

    @Test func `every table with a tenant has row-level security and a policy`() async throws {
      try await database.migrate()
      let tables = try database.lines(
        """
        select n.nspname || '.' || c.relname, c.relrowsecurity, exists (
            select from pg_policy p where p.polrelid = c.oid and pg_get_expr(p.polqual, p.polrelid) ~ 'cadre.tenant'),
          has_table_privilege('cadre_tenant', c.oid, 'select')
        from pg_class c join pg_namespace n on n.oid = c.relnamespace
        where \(inSchemas("n.nspname")) and c.relkind in ('r', 'p', 'v', 'm', 'f') and (c.relname = 'history'
          or exists (select from pg_attribute a where a.attrelid = c.oid and a.attname ~ 'tenant' and not a.attisdropped))
        """)
      #expect(tables.count > 45)
      for line in tables { #expect(line.hasSuffix("|t|t|t"), "\(line): call isolate_tenant in a migration") }
      // What has no tenant, and what shows rows with the rights of its owner, is not for tenants at all.
      let open = try database.lines(
        """
        select n.nspname || '.' || c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
        where \(inSchemas("n.nspname")) and c.relkind in ('r', 'p', 'v', 'm', 'f') and not c.relrowsecurity
          and has_table_privilege('cadre_tenant', c.oid, 'select, insert, update, delete')
        """)
      #expect(open == [])
      let definers = try database.lines(
        """
        select p.proname from pg_proc p join pg_namespace n on n.oid = p.pronamespace
        where \(inSchemas("n.nspname")) and p.prosecdef
        """)
      // It counts changes of all tenants, in a row that none may write.
      #expect(definers == ["number_policy_data"])
    }

    @Test func `the tenant is part of every key, or it is said why not`() async throws {
      try await database.migrate()
      let indexes = try database.lines(
        """
        select i.relname from pg_index x join pg_class i on i.oid = x.indexrelid
        join pg_namespace n on n.oid = i.relnamespace
        where \(inSchemas("n.nspname")) and x.indisunique and not exists (
          select from pg_attribute a where a.attrelid = i.oid and a.attname = 'tenant_id')
        """)
      #expect(Set(indexes).subtracting(Schemas.withoutTenant) == [])
    }

    @Test func `exports and deletions know every table with a tenant`() async throws {
      try await database.migrate()
      for (schema, tables) in [
        (OrchestratorSchema.name, OrchestratorTenants.tables), (RouterSchema.name, RouterTenants.tables),
        (GatewaySchema.name, GatewayTenants.tables),
      ] {
        // The id, the times and the proof of a deletion stay.
        let kept = schema == GatewaySchema.name ? ["tenant_state", "tenant", "tenant_service"] : ["tenant_state"]
        let known = Set(tables.map(\.name)).union(kept)
        let stored = try database.lines(
          """
          select c.relname from pg_class c where c.relnamespace = '\(schema)'::regnamespace and c.relkind in ('r', 'p')
            and (c.relname = 'history' or exists (
              select from pg_attribute a where a.attrelid = c.oid and a.attname = 'tenant_id'))
          """)
        #expect(Set(stored) == known, "\(schema)")
      }
    }

    @Test func `a user that may make no roles is told what an administrator has to do`() async throws {
      try await database.migrate()
      _ = try database.server.query("create role narrow login")
      _ = try database.server.query("create database narrow owner narrow")
      let refused = await failure { try await database.migrate(user: "narrow", database: "narrow") }
      let text = (refused as? MigrationError)?.description ?? "\(String(describing: refused))"
      #expect(text.contains("grant cadre_tenant to narrow;"), "\(text)")
      _ = try database.server.query("grant cadre_tenant to narrow")
      try await database.migrate(user: "narrow", database: "narrow")
      // The owner is no superuser here, and still sees all.
      try await database.withPool(OrchestratorSchema.name, user: "narrow", database: "narrow") { pool in
        let scope = TenantScope(.init(high: 1, low: 2))
        let tenants = TenantDatabase(pool: pool)
        try await tenants.query(
          "insert into project (tenant_id, id, name, created_by) values ($1, $1, 'p', 'x')", [scope.tenant], of: scope)
        #expect(try await pool.query("select 1 from project").count == 1)
        #expect(try await tenants.query("select 1 from project", of: TenantScope(.init(high: 1, low: 3))).isEmpty)
      }
      _ = try database.server.query("alter role cadre_tenant bypassrls")
      let bypassing = await failure { try await database.migrate() }
      _ = try database.server.query("alter role cadre_tenant nobypassrls")
      #expect((bypassing as? MigrationError)?.description.contains("nobypassrls;") == true)
    }

    @Test func `privileges that a backup does not bring along come back with the next start`() async throws {
      try await database.migrate()
      _ = try database.server.query(
        """
        revoke all on all tables in schema \(OrchestratorSchema.name) from cadre_tenant;
        revoke usage on schema \(OrchestratorSchema.name) from cadre_tenant
        """)
      try await database.migrate()
      try await database.withPool(OrchestratorSchema.name) { pool in
        let tenants = TenantDatabase(pool: pool)
        let rows = try await tenants.query("select 1 from mcp_server", of: TenantScope(.init(high: 9, low: 9)))
        #expect(rows.isEmpty)
      }
    }
  }
}
