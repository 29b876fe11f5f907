import Contracts
import Foundation
import GatewayAccounts
import GatewaySchema
import LocalStack
import Postgres
import Primitives
import RouterAPI
import RouterSchema
import RunStorage
import Synchronization
import SystemSources
import Telemetry
import Testing

@testable import OrchestratorAPI
@testable import Tenancy

extension TenancyTests {
  /// Exports and deletions on tables that have something in every column that matters.
  @Suite(.serialized) struct Data {
    private let database: TenancyDatabase

    init() throws { database = try TenancyDatabase.shared.get() }

    /// A row of every table of a schema, of a tenant: each column without a default gets some value of its type.
    private func fill(_ schema: String, _ tenant: TenantID, rows: Int = 1) throws {
      _ = try database.server.query(
        """
        do $do$ declare target record; names text; row_values text; begin
          set local session_replication_role = replica;
          for target in
            select c.oid, c.relname from pg_class c where c.relnamespace = '\(schema)'::regnamespace and c.relkind = 'r'
              and c.relname not in ('tenant_state', 'schema_migrations', 'history')
              and exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = 'tenant_id') order by 2
          loop
            select string_agg(quote_ident(a.attname), ', '), string_agg(
                case when a.attname = 'tenant_id' then quote_literal('\(tenant.uuid)') || '::uuid'
                  when c.check_value is not null then quote_literal(c.check_value)
                  when a.atttypid = 'uuid'::regtype then 'gen_random_uuid()'
                  when a.atttypid = 'timestamptz'::regtype then 'now()'
                  when a.atttypid = 'bytea'::regtype then 'sha256(gen_random_uuid()::text::bytea)'
                  when a.atttypid = 'jsonb'::regtype then quote_literal('{}')
                  when a.atttypid = 'text'::regtype then 'md5(gen_random_uuid()::text)'
                  when a.atttypid = 'bool'::regtype then 'false'
                  when a.atttypid = 'tsvector'::regtype then quote_literal('a')
                  else '(g % 1000)' end, ', ')
              into names, row_values
            from pg_attribute a left join lateral (values
              ('run', 'status', 'running'), ('approval', 'status', 'pending'), ('timer', 'kind', 'own'),
              ('schedule', 'overlap', 'skip'), ('user_tool', 'runtime', 'wasm'), ('workspace_check', 'kind', 'blob'),
              ('workspace_usage', 'kind', 'tools'), ('user_account', 'role', 'owner'), ('service_account', 'role', 'owner'),
              ('invitation', 'role', 'owner'), ('answer', 'state', 'begun'), ('api_key', 'grants', '1')) c(t, a, check_value) on c.t = target.relname and c.a = a.attname
            where a.attrelid = target.oid and a.attnum > 0 and not a.attisdropped and (a.attnotnull or a.attname = 'tenant_id')
              and a.attidentity = '' and (not a.atthasdef or a.attname in ('requests_per_minute'));
            if target.relname = 'budget' then names := names || ', tokens'; row_values := row_values || ', 1'; end if;
            if target.relname = 'api_key' then
              names := names || ', user_id'; row_values := row_values || ', gen_random_uuid()';
            end if;
            if target.relname = 'rate_limit' then
              names := names || ', tenant_id, requests_per_minute';
              names := replace(names, ', tenant_id, tenant_id', ', tenant_id');
              row_values := row_values || ', 1';
              names := replace(names, ', tenant_id, requests', ', requests');
            end if;
            if target.relname in ('tenant_weight', 'registry_revision', 'tenant', 'audit_head', 'policy_data', 'tenant_policy') then
              execute format('insert into \(schema).%I (%s) select %s from generate_series(1, 1) g', target.relname, names, row_values);
            else
              execute format('insert into \(schema).%I (%s) select %s from generate_series(1, \(rows)) g', target.relname, names, row_values);
            end if;
          end loop;
        end $do$
        """)
      guard schema == OrchestratorSchema.name else { return }
      _ = try database.server.query(
        """
        insert into \(schema).history (run_id, seq, at, body)
        select id, s, now(), 'x' from \(schema).run, generate_series(1, 3) s where tenant_id = '\(tenant.uuid)'
        """)
    }

    private func withData(
      _ schema: String, rows: Int = 3,
      _ body: @escaping @Sendable (TenantDeletion, TenantID, TenantID) async throws -> Void
    ) async throws {
      try await database.migrate()
      let (one, other) = (TenantID.make(), TenantID.make())
      try fill(schema, one, rows: rows)
      try fill(schema, other)
      let tables =
        switch schema {
        case OrchestratorSchema.name: OrchestratorTenants.tables
        case RouterSchema.name: RouterTenants.tables
        default: GatewayTenants.tables
        }
      try await database.withPool(schema) { pool in
        let deletion = TenantDeletion(
          data: TenantData(pool: pool, schema: schema, tables: tables), states: TenantStates(pool: pool),
          extras: TenantExtras(), logger: Telemetry.disabled().logger)
        try await body(deletion, one, other)
      }
    }

    /// The tables with nothing in them.
    private static func empty(_ deletion: TenantDeletion, _ tenant: TenantID) async throws -> [String] {
      try await deletion.counts(tenant.uuid).filter { $0.count == 0 }.map(\.name)
    }

    @Test(arguments: [OrchestratorSchema.name, RouterSchema.name, GatewaySchema.name])
    func `nothing is left of a deleted tenant, and of others everything`(_ schema: String) async throws {
      try await withData(schema) { deletion, one, other in
        #expect(try await Self.empty(deletion, one) == [])
        let before = try await deletion.counts(other.uuid).map(\.count)
        try await deletion.step()
        #expect(try await deletion.counts(one.uuid).reduce(0) { $0 + $1.count } > 0, "nobody has asked for it")
        try await deletion.states.requestDeletion(one.uuid)
        try await deletion.step()
        #expect(try await deletion.counts(one.uuid).allSatisfy { $0.count == 0 })
        #expect(try await deletion.counts(other.uuid).map(\.count) == before)
        let state = try #require(try await deletion.states.state(one.uuid))
        #expect(state.deletedAt != nil && state.checkedAt != nil && state.suspendedAt != nil)
        #expect(try await !deletion.states.resume(one.uuid), "that is for good")
      }
    }

    @Test(arguments: [OrchestratorSchema.name, RouterSchema.name, GatewaySchema.name])
    func `a tenant sees its own rows of every table, and nobody else's`(_ schema: String) async throws {
      try await withData(schema, rows: 2) { _, one, other in
        let tables = try database.lines(
          """
          select c.relname from pg_class c where c.relnamespace = '\(schema)'::regnamespace and c.relkind in ('r', 'p')
            and exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = 'tenant_id')
          """)
        try await database.withPool(schema) { pool in
          let tenants = TenantDatabase(pool: pool)
          for table in tables {
            func count(_ rows: PostgresRows) throws -> Int64 { try rows.first?.decode(0, as: Int64.self) ?? -1 }
            let own = try count(
              try await pool.query("select count(*) from \(table) where tenant_id = $1", [one.uuid]))
            let all = try await tenants.query("select count(*) from \(table)", of: TenantScope(one.uuid))
            #expect(try count(all) == own, "\(table)")
            let others = try await tenants.query(
              "select count(*) from \(table) where tenant_id = $1", [other.uuid], of: TenantScope(one.uuid))
            #expect(try count(others) == 0, "\(table)")
          }
          guard schema == GatewaySchema.name else { return }
          // The log, the tenant's own state and how far the services are: nothing a request of it could change.
          for sql in [
            "delete from audit_entry", "update audit_head set sequence = 0", "update tenant set state = 'active'",
            "delete from tenant_service",
          ] {
            #expect(try await tenants.query(sql, of: TenantScope(one.uuid)).affected == 0, "\(sql)")
          }
        }
      }
    }

    @Test func `a deletion does not end while something is left, in a table or beside`() async throws {
      try await withData(RouterSchema.name) { deletion, one, _ in
        let left = Mutex(Int64(1))
        let counting = TenantDeletion(
          data: deletion.data, states: deletion.states,
          extras: TenantExtras(counts: { _ in [("elsewhere", left.withLock { $0 })] }),
          logger: Telemetry.disabled().logger)
        try await counting.states.requestDeletion(one.uuid)
        try await counting.step()
        #expect(try await counting.states.state(one.uuid)?.deletedAt == nil)
        left.withLock { $0 = 0 }
        try await counting.step()
        #expect(try await counting.states.state(one.uuid)?.deletedAt != nil)
      }
    }

    @Test func `of orders that overtake each other the one with the highest number counts`() async throws {
      try await withData(RouterSchema.name) { deletion, one, other in
        let states = deletion.states
        func isSuspended() async throws -> Bool { try await states.state(one.uuid)?.suspendedAt != nil }
        // Of a tenant that nobody has heard of.
        #expect(try await states.resume(one.uuid, version: 3))
        try await states.suspend(one.uuid, version: 2)
        #expect(try await !isSuspended())
        try await states.suspend(one.uuid, version: 4)
        #expect(try await isSuspended())
        #expect(try await states.resume(one.uuid, version: 4))
        #expect(try await isSuspended(), "it is no newer one")
        // Without a number it counts in any case, and a number goes on from there.
        #expect(try await states.resume(one.uuid))
        #expect(try await !isSuspended())
        #expect(try await states.state(one.uuid)?.version == 4)
        try await states.requestDeletion(one.uuid)
        #expect(try await !states.resume(one.uuid, version: 9))
        #expect(try await isSuspended())
        #expect(try await states.state(other.uuid) == nil)
      }
    }

    @Test func `what comes late is deleted too`() async throws {
      try await withData(RouterSchema.name) { deletion, one, _ in
        try await deletion.states.requestDeletion(one.uuid)
        try await deletion.step()
        try fill(RouterSchema.name, one)
        // Looked at again after a minute; not before.
        try await deletion.step()
        #expect(try await Self.empty(deletion, one) == [])
        _ = try database.server.query(
          "update \(RouterSchema.name).tenant_state set checked_at = now() - interval '2 minutes'")
        try await deletion.step()
        #expect(try await deletion.counts(one.uuid).allSatisfy { $0.count == 0 })
      }
    }

    @Test func `a deletion goes on where its process ended`() async throws {
      try await withData(OrchestratorSchema.name, rows: 1200) { deletion, one, _ in
        try await deletion.states.requestDeletion(one.uuid)
        // One round of batches, and then nothing: as a process that was killed.
        let first = try await deletion.data.deleteBatch(one.uuid)
        #expect(first > 0)
        #expect(try await deletion.counts(one.uuid).contains { $0.count > 0 })
        #expect(try await deletion.states.state(one.uuid)?.deletedAt == nil)
        try await deletion.step()
        #expect(try await deletion.counts(one.uuid).allSatisfy { $0.count == 0 })
      }
    }

    @Test(arguments: [OrchestratorSchema.name, RouterSchema.name, GatewaySchema.name])
    func `an export has every row once, from any cursor on`(_ schema: String) async throws {
      // More rows than one page of any table has.
      try await withData(schema, rows: 450) { deletion, one, other in
        var counts: [String: Int64] = [:]
        var cursor = deletion.data.exported.first.map { ExportCursor(table: $0.name, keys: nil) }
        var seen: Set<String> = []
        while let place = cursor {
          // A cursor survives its text.
          let again = try #require(ExportCursor(place.text))
          let page = try #require(try await deletion.data.page(one.uuid, at: again))
          for row in page.rows {
            #expect(seen.insert(page.table + row).inserted)
            #expect(!row.contains("\(other.uuid)"))
            if page.table == "mcp_server" { #expect(!row.contains("secrets")) }
            if schema == GatewaySchema.name, !page.table.hasPrefix("audit") {
              #expect(!row.contains("hash") && !row.contains("second_factor"), "\(page.table)")
            }
            counts[page.table, default: 0] += 1
          }
          cursor = page.next
        }
        let exported = Set(deletion.data.exported.map(\.name))
        for (name, count) in try await deletion.counts(one.uuid) where exported.contains(name) {
          #expect(counts[name] == count, "\(name)")
        }
      }
    }

    @Test func `malformed cursors name nothing`() {
      for text in ["run.zz", "run.7", "run.ff", String(repeating: "a", count: 9000)] {
        #expect(ExportCursor(text) == nil, "\(text.prefix(10))")
      }
      #expect(ExportCursor("run")?.keys == nil)
    }

    @Test func `the statements of states agree with their declarations`() { #expect(TenantStates.faults == []) }
  }
}
