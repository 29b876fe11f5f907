import Budgets
import Contracts
import Dialects
import Foundation
import Ledger
import LocalStack
import ModelCatalog
import Postgres
import Pricing
import Primitives
import RouterSchema
import Routing
import Spending
import SystemSources
import Telemetry
import Testing

/// The migrations of the router on tables that are in use, and its statements on what they make.
extension PostgresTests {
  @Suite(.serialized) struct RouterTables {
    private static let schema = "router_in_use"

    private let fixture: PostgresFixture

    init() throws { fixture = try PostgresFixture.shared.get() }

    private func sql(_ text: String) throws -> String {
      try fixture.server.query("set search_path = \(RouterTables.schema); " + text)
    }

    private func migrate(_ versions: ClosedRange<Int>) throws {
      for migration in RouterSchema.migrations where versions.contains(migration.version) {
        _ = try sql("begin; \(migration.sql); commit")
      }
    }

    /// A database of version 1 with something in every table.
    private func fill() throws {
      _ = try fixture.server.query(
        "drop schema if exists \(RouterTables.schema) cascade; create schema \(RouterTables.schema)")
      _ = try fixture.server.query(TenantRole.preparation(of: RouterTables.schema))
      try migrate(1...1)
      _ = try sql(
        """
        create function n(i int) returns uuid language sql immutable as $$
          select ('00000000-0000-7000-8000-' || lpad(to_hex(i), 12, '0'))::uuid $$;
        insert into provider (id, name, kind, base_url, timeout_ms, first_token_ms) values
          (n(1), 'as-before', 'openai', 'http://a', 120000, 60000), (n(2), 'own', 'anthropic', 'http://b', 5000, 700);
        insert into model (id, provider_id, name, provider_model, capabilities) values
          (n(3), n(1), 'm', 'm', array['tools', 'vision']);
        insert into alias (name, models, strategy, fallbacks, context_fallbacks, content_fallbacks, escalation)
          values ('fast', '{m}', 'priority', '{}', '{}', '{}', '{}');
        insert into budget (id, tenant_id, scope, subject, period, tokens, alert_percent)
          values (n(4), n(90), 'tenant', '', 'day', 1000, 80);
        insert into rate_limit (id, tenant_id, scope, subject, requests_per_minute)
          values (n(5), n(90), 'project', 'p', 60);
        insert into revoked_key (tenant_id, id, expires_at) values (n(90), n(6), now() + interval '1 day');
        -- Three hours of calls of two tenants: ten of each hour, each of 3 tokens; every second one failed.
        insert into call (id, tenant_id, started_at, ended_at, dialect, principal, project, run, model_asked, model,
          provider, route, outcome, cache, attempts, input_tokens, cache_read_tokens, cache_write_tokens,
          output_tokens, reasoning_tokens, estimated, nano_usd, saved_nano_usd, charged_tokens, charged_nano_usd,
          latency_us)
        select n(1000 + t * 100 + h * 10 + i), n(90 + t), timestamptz '2026-01-31 22:10Z' + h * interval '1 hour',
          timestamptz '2026-01-31 22:11Z' + h * interval '1 hour', 'chat', 'p', 'p' || i % 2, 'r', 'm', 'm', 'as-before', '',
          case i % 2 when 0 then 'ok' else 'failed' end, 'off', 1, 2, 0, 0, 1, 0, false, 5, 0, 3, 5, 1000
        from generate_series(0, 1) t, generate_series(0, 2) h, generate_series(0, 9) i;
        """)
    }

    @Test func `attempts, routing and usage come to a database in use, and nothing is lost`() throws {
      try fill()
      defer { _ = try? fixture.server.query("drop schema if exists \(RouterTables.schema) cascade") }
      try migrate(2...4)
      #expect(try sql("select count(*) || ' ' || sum(charged_tokens) from call") == "60 180")
      // Times that nobody has set follow the settings now, others stay.
      #expect(
        try sql(
          "select string_agg(name || ':' || coalesce(timeout_ms::text, '-') || '/' || coalesce(first_token_ms::text, '-'), ' ' order by name) from provider"
        ) == "as-before:-/- own:5000/700")
      #expect(
        try sql(
          "select count(*) from model m join provider p on p.id = m.provider_id join alias a on m.name = any(a.models)")
          == "1")
      #expect(try sql("select count(*) from revoked_key where revoked_at <= clock_timestamp()") == "1")
      #expect(
        try sql("select (select count(*) from budget) || ' ' || (select count(*) from rate_limit)") == "1 1")
      // What was there before stands in the sums: all calls, by day, by hour, by name.
      #expect(try sql("select count(*) from usage_pending") == "0")
      #expect(
        try sql(
          "select string_agg(calls || ':' || charged_tokens, ' ' order by bucket) from usage_sum where tenant_id = n(90) and dimension = 0 and grain = 1"
        ) == "20:60 10:30")
      #expect(
        try sql(
          "select string_agg(value || calls, ' ' order by value) from usage_sum where tenant_id = n(91) and dimension = 10 and grain = 0 and bucket = '2026-01-31 23:00Z'"
        ) == "failed5 ok5")
      #expect(try sql("select count(*) from usage_hour where tenant_id = n(90)") == "6")
    }

    @Test func `a replica of the version before writes on, and its calls are in the sums`() throws {
      try fill()
      defer { _ = try? fixture.server.query("drop schema if exists \(RouterTables.schema) cascade") }
      try migrate(2...4)
      // As it notes and sends them: the columns of version 1 in one literal.
      _ = try sql(
        """
        insert into call select * from unnest(array[
          '(\(String(repeating: "0", count: 8))-0000-7000-8000-00000000ffff,00000000-0000-7000-8000-00000000005a,2026-01-31 22:30Z,2026-01-31 22:31Z,chat,p,,,,,,,,m,,,"",ok,off,1,2,0,0,1,0,f,5,0,3,5,1000,)'
        ]::text[]::call_entry[]) on conflict (id) do nothing;
        select add_usage(1000);
        """)
      #expect(
        try sql(
          "select calls from usage_sum where tenant_id = n(90) and dimension = 0 and grain = 0 and bucket = '2026-01-31 22:00Z'"
        ) == "11")
    }

    @Test func `the statements of all stores work on the schema`() async throws {
      _ = try fixture.server.query("drop schema if exists \(RouterSchema.name) cascade")
      defer { _ = try? fixture.server.query("drop schema if exists \(RouterSchema.name) cascade") }
      try await fixture.withPool({ $0.schema = RouterSchema.name }) { pool in
        let migrator = Migrator(pool: pool, schema: RouterSchema.name, logger: Telemetry.disabled().logger)
        try await migrator.migrate(RouterSchema.migrations)
        try await migrator.migrate(RouterSchema.migrations)
        let tenant = TenantID(Primitives.UUID(high: 7, low: 7))
        try await RouterTables.useBudgets(pool, tenant)
        try await RouterTables.useCatalog(pool, tenant)
        try await RouterTables.useLedger(pool, tenant)
      }
    }

    private static func useBudgets(_ pool: PostgresPool, _ tenant: TenantID) async throws {
      let store = BudgetStore(pool: pool)
      let id = BudgetID.make()
      var budget = Budget(
        id: id.description, tenant: tenant.description, scope: .agent, subject: "a", period: .month, tokens: 5,
        nanoUSD: nil, alertPercent: 70)
      #expect(try await store.add(budget, tenant: tenant, id: id) == .added)
      #expect(try await store.add(budget, tenant: tenant, id: .make()) == .exists)
      #expect(try await store.all() == [budget])
      #expect(try await store.find(tenant, id)?.budget == budget)
      #expect(try await store.find(TenantID(.version7()), id) == nil, "another tenant sees nothing")
      budget.nanoUSD = 9
      #expect(try await store.change(budget, tenant: tenant, id: id, expected: 2) == nil, "another version")
      #expect(try await store.change(budget, tenant: tenant, id: id, expected: 1) == 2)
      #expect(try await store.list(tenant).map(\.budget) == [budget])
      #expect(try await store.remove(tenant, id))
      #expect(try await !store.remove(tenant, id))

      let limits = RateLimitStore(pool: pool)
      let limitID = RateLimitID.make()
      let limit = RateLimit(
        id: limitID.description, tenant: "", scope: .model, subject: "m", requests: 1, tokens: nil, concurrency: 3)
      #expect(try await limits.add(limit, tenant: nil, id: limitID) == .added)
      #expect(try await limits.add(limit, tenant: nil, id: .make()) == .exists)
      #expect(try await limits.all() == [limit])
      #expect(try await limits.list(tenant, models: false).isEmpty, "for operators only")
      #expect(try await limits.find(tenant, models: true, limitID)?.limit == limit)
      #expect(try await !limits.remove(tenant, models: false, limitID))
      #expect(try await limits.remove(tenant, models: true, limitID))
    }

    private static func useCatalog(_ pool: PostgresPool, _ tenant: TenantID) async throws {
      let stores = CatalogStores(pool: pool)
      let times = ProviderTimes.Own(firstToken: .milliseconds(700))
      let record = ProviderRecord(
        name: "p", kind: .anthropic, baseURL: "http://p", keys: [.environment("A_API_KEY")], priority: 3, weight: 4,
        times: times)
      let made = try #require(await stores.providers.put(record, expected: nil))
      #expect(made.isNew && made.row.version == 1)
      let changed = try #require(await stores.providers.put(record, expected: 1))
      #expect(!changed.isNew && changed.row.version == 2 && changed.row.id == made.row.id)
      #expect(try await stores.providers.put(record, expected: 1) == nil)
      let found = try #require(await stores.providers.find("p")).record
      #expect(found.kind == .anthropic && found.priority == 3 && found.weight == 4 && found.keys == record.keys)
      #expect(found.times == times)

      let target = ModelTarget(
        provider: "p", name: "m", providerModel: "m-1", tier: .small, capabilities: [.tools, .vision],
        contextTokens: 1000, outputTokensMax: nil, price: Price(input: 1, output: 2, cacheWriteLong: 3))
      let model = ModelRow(
        target: target, priceAsOf: "2026-01-31", isEnabled: true, version: 0, createdAt: Timestamp(unixMicroseconds: 0),
        updatedAt: Timestamp(unixMicroseconds: 0), priority: nil, weight: 9)
      #expect(try await stores.models.put(model, expected: nil) == true)
      #expect(try await stores.models.put(model, expected: 1) == false)
      #expect(try await stores.models.put(model, expected: 1) == nil)
      let row = try #require(await stores.models.find("p", "m"))
      #expect(row.target.price == target.price && row.target.capabilities == target.capabilities)
      #expect(row.target.priority == 3 && row.target.weight == 9 && row.priceAsOf == "2026-01-31" && row.version == 2)
      #expect(row.target.contextTokens == 1000 && row.target.tier == .small)
      #expect(try await stores.models.all().map(\.target.name) == ["m"])

      let rule = AliasRule(
        models: ["m", "n"], strategy: .priority, fallbacks: ["f"], contextFallbacks: [], contentFallbacks: ["c"],
        hedgeMilliseconds: 20, escalation: ["e"], rescue: .buffer)
      #expect(try await stores.aliases.put("a", rule, check: #"{"json": true}"#, expected: nil) == 1)
      #expect(try await stores.aliases.put("a", rule, check: nil, expected: 1) == 2)
      #expect(try await stores.aliases.put("a", rule, check: nil, expected: 1) == nil)
      let alias = try #require(await stores.aliases.all().first)
      #expect(alias.rule == rule && alias.check == nil && alias.version == 2)
      #expect(try await stores.aliases.remove("a"))

      let key = Primitives.UUID.version7()
      let expiry = Timestamp(unixMicroseconds: 4_000_000_000_000_000)
      try await stores.revoked.revoke(tenant, key, until: expiry)
      try await stores.revoked.revoke(tenant, key, until: expiry)
      let revoked = try await stores.revoked.revoked(since: nil)
      #expect(revoked.map(\.key) == [RevokedKey(tenant: tenant.uuid, id: key)] && revoked.map(\.expiresAt) == [expiry])
      #expect(try await stores.revoked.revoked(since: expiry).isEmpty)
      try await stores.notify()
      let rows = try await stores.read()
      #expect(rows.providers.count == 1 && rows.models.count == 1)
      #expect(try await stores.revokedKeys(since: nil).count == 1)
      let expired = Timestamp(unixMicroseconds: 1)
      try await stores.revoked.revoke(tenant, Primitives.UUID.version7(), until: expired)
      #expect(try await stores.revokedKeys(since: nil).count == 2)
      _ = try await stores.read()
      #expect(try await stores.revokedKeys(since: nil).map(\.expiresAt) == [expiry])
      #expect(try await stores.models.remove("p", "m"))
      #expect(try await stores.providers.remove("p"))
    }

    private static func useLedger(_ pool: PostgresPool, _ tenant: TenantID) async throws {
      let writer = LedgerWriter(store: CallStore(pool: pool), spool: nil, logger: Telemetry.disabled().logger)
      let at = try #require(Timestamp(rfc3339: "2026-01-31T22:10:00Z"))
      var labels = CallLabels()
      labels.agent = "a \"quoted\" \\ name"
      labels.run = "r"
      let calls = (0..<6).map { index -> LedgerEntry in
        var entry = LedgerEntry(
          id: CallID(.version7()), tenant: tenant, startedAt: at + .seconds(1800 * Int64(index)),
          endedAt: at + .seconds(1800 * Int64(index) + 1), dialect: .chat, labels: labels, modelAsked: "m")
        entry.model = "m"
        entry.outcome = index == 0 ? "failed" : "ok"
        entry.usage = TokenUsage(input: 2, output: 1)
        entry.nanoUSD = 5
        entry.chargedTokens = 3
        entry.chargedNanoUSD = 5
        return entry
      }
      for call in calls { writer.end(call) }
      try await writer.flush()
      // Once more, as after an acknowledgement that was lost.
      writer.end(calls[0])
      try await writer.flush()

      let usage = UsageStore(pool: pool)
      var query = UsageQuery(
        from: try #require(Timestamp(rfc3339: "2026-01-31T22:00:00Z")),
        to: try #require(Timestamp(rfc3339: "2026-02-01T02:00:00Z")), groups: [], bucket: nil, filters: [], limit: 100)
      for isAdded in [false, true] {
        if isAdded { _ = try await pool.query("select add_usage(1000)") }
        #expect(try await usage.sums(tenant, query).map(\.inputTokens) == [12])
        var byDay = query
        byDay.bucket = "day"
        byDay.groups = ["agent"]
        let days = try await usage.sums(tenant, byDay)
        #expect(days.map(\.calls) == [4, 2] && days.map(\.groups) == [[labels.agent], [labels.agent]])
        #expect(days.first?.bucket == Timestamp(rfc3339: "2026-01-31T00:00:00Z"))
        var failed = query
        failed.filters = [("outcome", "failed"), ("agent", labels.agent ?? "")]
        #expect(try await usage.sums(tenant, failed).map(\.nanoUSD) == [5])
        var ofRun = query
        ofRun.filters = [("run", "r")]
        ofRun.from = at
        #expect(try await usage.sums(tenant, ofRun).map(\.calls) == [6])

        let spent = SpentStore(pool: pool)
        let day = { (scope: BudgetScope, subject: String) -> BudgetCounter in
          let budget = Budget(
            id: "b", tenant: tenant.description, scope: scope, subject: subject, period: .day, tokens: 10, nanoUSD: nil)
          return budget.counters(
            for: CallSubjects(tenant: tenant.description, names: [scope: subject]),
            at: at.unixMicroseconds / 1_000_000)[0]
        }
        let counters = [day(.tenant, ""), day(.agent, labels.agent ?? ""), day(.run, "r"), day(.tool, "t")]
        #expect(try await spent.spent(counters) == [12, 12, 12, 0])
        for (counter, sum) in zip(counters, [12, 12, 12, 0] as [Int64]) {
          #expect(try await spent.spent(counter, without: []) == sum)
          let without = try await spent.spent(counter, without: [calls[0].id.uuid, calls[5].id.uuid])
          #expect(without == max(0, sum - 3), "only what lies in the window is left out")
        }
      }

      query.limit = 4
      let page = try await usage.calls(tenant, query, before: nil)
      #expect(page.map(\.id) == calls.reversed().prefix(4).map(\.id))
      let next = try await usage.calls(tenant, query, before: page.last?.id)
      #expect(next.map(\.id) == calls.prefix(2).reversed().map(\.id))
      #expect(try await usage.calls(tenant, query, before: CallID(.version7())).isEmpty)
      let one = try await usage.call(tenant, calls[1].id)
      #expect(one.map(\.id) == [calls[1].id])
      let json = try #require(one.first).json
      #expect(String(decoding: json, as: UTF8.self).contains(#""agent": "a \"quoted\" \\ name""#))
      #expect(try await usage.call(TenantID(.version7()), calls[1].id).isEmpty)
    }

    @Test func `a call that was open when its process died is charged what was possible`() async throws {
      _ = try fixture.server.query("drop schema if exists \(RouterSchema.name) cascade")
      defer { _ = try? fixture.server.query("drop schema if exists \(RouterSchema.name) cascade") }
      let folder = NSTemporaryDirectory() + "cadre-orphan-\(Primitives.UUID.version7())"
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
      defer { try? FileManager.default.removeItem(atPath: folder) }
      try await fixture.withPool({ $0.schema = RouterSchema.name }) { pool in
        try await Migrator(pool: pool, schema: RouterSchema.name, logger: Telemetry.disabled().logger)
          .migrate(RouterSchema.migrations)
        let spool = try LedgerSpool(folder: folder, name: "one")
        let store = CallStore(pool: pool)
        let logger = Telemetry.disabled().logger
        let tenant = TenantID(.version7())
        let now = Timestamp(unixMicroseconds: Int64(Date().timeIntervalSince1970 * 1e6))
        var entry = LedgerEntry(
          id: CallID(.version7()), tenant: tenant, startedAt: now, endedAt: now, dialect: .chat, labels: CallLabels(),
          modelAsked: "m")
        // All that was reserved is far more than a model can say in a moment.
        entry.usage = TokenUsage(input: 100, output: 1_000_000)
        entry.chargedTokens = 1_000_100
        entry.chargedNanoUSD = 2_000_200
        try LedgerWriter(store: store, spool: spool, logger: logger).begin(entry)
        try FileManager.default.copyItem(atPath: folder + "/one.spool2", toPath: folder + "/dead.spool2")
        let tenants = try await LedgerWriter(store: store, spool: nil, logger: logger).recover(folder: folder)
        #expect(tenants == [tenant.description])
        let row = try #require(
          await pool.query("select outcome, charged_tokens, output_tokens, charged_nano_usd from call").first)
        let tokens = try row.decode(1, as: Int64.self)
        #expect(try row.decode(0, as: String.self) == "interrupted")
        #expect(tokens >= 100 && tokens <= 100 + 60 * TokenEstimate.tokensPerSecondMax)
        #expect(try row.decode(2, as: Int64.self) == tokens - 100)
        #expect(abs(try row.decode(3, as: Int64.self) - tokens * 2) <= 1)
        spool.close()
      }
    }
  }
}
