import Contracts
import JSON
import LocalStack
import Policy
import PolicyDecisions
import Postgres
import PostgresTestKit
import Primitives
import Reactor
import RouterSchema
import RunStorage
import Telemetry
import Tenancy
import Testing

@testable import PolicyState

/// What needs the private cluster, one test after the other.
@Suite(.serialized) enum PolicyStateTests {
  static let cluster = Result { try TestCluster("policystate", schema: OrchestratorSchema.name) }
  static let a = TenantID(UUID(high: 63, low: 1))
  static let b = TenantID(UUID(high: 63, low: 2))

  /// A replica of a service.
  struct Replica: Sendable {
    let store: PolicyStateStore
    let follower: PolicyStateFollower
    let control: PolicyControl

    init(_ pool: PostgresPool, schema: String, listens: Bool = false, every interval: Duration = .seconds(3600)) {
      store = PolicyStateStore(pool: pool, schema: schema)
      control = PolicyControl(PolicySwitches(mode: .dryRun))
      let telemetry = Telemetry.disabled()
      follower = PolicyStateFollower(
        store, DeliveredPolicies(control, telemetry: telemetry), listens: listens, every: interval, telemetry: telemetry
      )
    }

    /// Stores a page and takes it over here.
    @discardableResult func take(_ page: PolicyDelivery) async throws -> PolicyReceipt {
      let receipt = try await store.take(page).receipt
      await follower.refresh()
      return receipt
    }

    func data(of tenant: TenantID) -> String? { control.data(of: "\(tenant)")?.document.json }
  }

  static func page(
    _ epoch: Int64, version: Int64 = 1, halted: Bool? = nil, after: Int64, through: Int64, last: Bool = true,
    _ rows: [(TenantID, Int64, String)] = []
  ) -> PolicyDelivery {
    PolicyDelivery(
      switches: DeliveredSwitches(
        revision: PolicyRevision(epoch: epoch, number: version), mode: nil, canaryPercent: nil, isHalted: halted),
      after: after, through: through, isLast: last,
      rows: rows.map { PolicyDelivery.Row(tenant: $0.0, number: $0.1, document: $0.2, isSuspended: false) })
  }

  /// Runs `body` on a fresh state of a schema.
  static func run(
    _ schema: String = OrchestratorSchema.name, _ body: @escaping @Sendable (PostgresPool) async throws -> Void
  ) async throws {
    let cluster = try cluster.get()
    let group = EventLoopGroup(count: 1)
    var configuration = PostgresConfiguration(connectionString: cluster.connectionString, schema: schema)
    configuration.sessionSettings = ["enable_seqscan": "off", "plan_cache_mode": "force_generic_plan", "jit": "off"]
    let pool = PostgresPool(group: group, configuration: configuration, telemetry: .disabled())
    let result = await group.loops[0].task {
      await pool.start()
      try await Migrator(pool: pool, schema: schema, logger: Telemetry.disabled().logger).migrate(
        schema == RouterSchema.name ? RouterSchema.migrations : OrchestratorSchema.migrations)
      _ = try cluster.server.query(
        """
        delete from \(schema).tenant_policy; delete from \(schema).tenant_state; delete from \(schema).policy_state;
        insert into \(schema).policy_state default values
        """)
      try await body(pool)
    }.result
    _ = await group.loops[0].task { await pool.close() }.result
    group.stop()
    try result.get()
  }

  static func eventually(_ what: String, _ isTrue: () throws -> Bool) async throws {
    for _ in 0..<12_000 {
      if try isTrue() { return }
      try await EventLoop.sleep(for: .milliseconds(5))
    }
    Issue.record("\(what): not within a minute")
  }

  // MARK: Tests

  @Test(arguments: [OrchestratorSchema.name, RouterSchema.name])
  static func `pages are stored in any order and number, and an older change never takes the place of a newer one`(
    schema: String
  ) async throws {
    try await run(schema) { pool in
      let replica = Replica(pool, schema: schema)
      #expect(try await replica.store.read().receipt == .none)
      let first = page(1, version: 2, halted: true, after: 0, through: 4, last: false, [(a, 3, #"{"v":3}"#)])
      let second = page(1, version: 3, halted: false, after: 4, through: 9, [(a, 8, #"{"v":8}"#), (b, 9, #"{"v":9}"#)])
      // Behind a gap nothing of the data is taken; the switches are.
      var receipt = try await replica.take(second)
      #expect(receipt.data == .none && receipt.switches.number == 3 && !receipt.isComplete)
      #expect(replica.data(of: b) == nil)
      receipt = try await replica.take(first)
      #expect(receipt.data.number == 4 && !receipt.isComplete && replica.data(of: a) == #"{"v":3}"#)
      // The older switches came later.
      #expect(!replica.control.switches.isHalted && receipt.switches.number == 3)
      receipt = try await replica.take(second)
      #expect(receipt.data == PolicyRevision(epoch: 1, number: 9) && receipt.isComplete)
      #expect(replica.data(of: a) == #"{"v":8}"# && replica.data(of: b) == #"{"v":9}"#)
      // Both again, the older one last.
      for page in [second, first] { #expect(try await replica.take(page) == receipt) }
      // Nor is anything of a page taken whose one before was lost.
      #expect(try await replica.take(page(1, version: 3, after: 20, through: 30, [(b, 25, "{}")])) == receipt)
      #expect(replica.data(of: a) == #"{"v":8}"#)
      // As it is stored, not only as this replica remembers it.
      let other = Replica(pool, schema: schema)
      try await other.follower.load()
      #expect(other.data(of: a) == #"{"v":8}"# && other.data(of: b) == #"{"v":9}"#)
      #expect(replica.control.switches.mode == .dryRun, "what nobody has set is that of the settings")
    }
  }

  @Test static func `a new epoch takes the place of all, and what it does not have goes when it is complete`()
    async throws
  {
    try await run { pool in
      let replica = Replica(pool, schema: OrchestratorSchema.name)
      try await replica.take(page(1, version: 9, after: 0, through: 40, [(a, 30, #"{"v":1}"#), (b, 40, #"{"v":2}"#)]))
      // Not from its beginning: nothing.
      #expect(try await replica.take(page(2, after: 3, through: 5)).data.epoch == 1)
      var receipt = try await replica.take(
        page(2, version: 2, after: 0, through: 2, last: false, [(a, 2, #"{"v":3}"#)]))
      #expect(receipt.data == PolicyRevision(epoch: 2, number: 2) && !receipt.isComplete)
      // What restricts stays until it is known to be gone.
      #expect(replica.data(of: a) == #"{"v":3}"# && replica.data(of: b) == #"{"v":2}"#)
      receipt = try await replica.take(page(2, version: 2, after: 2, through: 5))
      #expect(receipt.isComplete && replica.data(of: b) == nil && replica.data(of: a) == #"{"v":3}"#)
      #expect(replica.follower.data(of: b).revision == PolicyRevision(epoch: 2, number: 0))
      // A late page of the epoch before brings nothing back.
      #expect(try await replica.take(page(1, version: 10, after: 0, through: 50, [(b, 50, "{}")])) == receipt)
      #expect(replica.data(of: b) == nil)
    }
  }

  @Test static func `every replica takes over what one has stored, by a notice or by the clock, and after a restart`()
    async throws
  {
    try await run { pool in
      let schema = OrchestratorSchema.name
      let hearing = Replica(pool, schema: schema, listens: true)
      let polling = Replica(pool, schema: schema, every: .milliseconds(50))
      let loop = try #require(EventLoop.current)
      let tasks = [hearing, polling].map { replica in loop.task { await replica.follower.run() } }
      defer { for task in tasks { task.cancel() } }
      let telling = Replica(pool, schema: schema)
      try await eventually("listening") { hearing.follower.switches.revision == .none }
      try await telling.take(page(1, version: 2, halted: true, after: 0, through: 1, [(a, 1, #"{"tools":{}}"#)]))
      for replica in [hearing, polling] {
        try await eventually("taken over") { replica.control.switches.isHalted && replica.data(of: a) != nil }
      }
      let restarted = Replica(pool, schema: schema)
      try await restarted.follower.load()
      #expect(restarted.control.switches.isHalted && restarted.data(of: a) == #"{"tools":{}}"#)
      hearing.follower.close()
    }
  }

  @Test static func `a database that was set back counts as it is`() async throws {
    try await run { pool in
      let replica = Replica(pool, schema: OrchestratorSchema.name)
      try await replica.take(
        page(1, version: 5, halted: true, after: 0, through: 9, [(a, 8, "{\"v\":1}"), (b, 9, "{\"v\":1}")]))
      try cluster.get().query(
        """
        delete from tenant_policy where tenant_id = '\(b.uuid)'; update tenant_policy set revision = 3, document = '{"v":0}';
        update policy_state set version = 4, is_halted = false, data_revision = 4; select 1
        """)
      await replica.follower.refresh()
      #expect(!replica.control.switches.isHalted && replica.data(of: a) == #"{"v":0}"# && replica.data(of: b) == nil)
    }
  }

  @Test static func `a tenant that is to be deleted gets no data any more, and a row that nobody can read denies`()
    async throws
  {
    try await run { pool in
      let replica = Replica(pool, schema: OrchestratorSchema.name)
      try cluster.get().query(
        "insert into tenant_state (tenant_id, deletion_requested_at) values ('\(b.uuid)', now()); select 1")
      let receipt = try await replica.take(page(1, after: 0, through: 2, [(a, 1, "not JSON"), (b, 2, #"{"v":1}"#)]))
      #expect(receipt.isComplete && receipt.data.number == 2 && replica.data(of: b) == nil)
      #expect(replica.data(of: a) == #"{"status":"suspended"}"#)
    }
  }

  @Test(arguments: [OrchestratorSchema.name, RouterSchema.name])
  static func `nothing of a tenant stays in memory when it is deleted, and all of it until then`(schema: String)
    async throws
  {
    try await run(schema) { pool in
      let replica = Replica(pool, schema: schema)
      try await replica.take(page(1, after: 0, through: 2, [(a, 1, #"{"tools":{}}"#), (b, 2, #"{"models":{}}"#)]))
      let states = TenantStates(pool: pool)
      try await states.requestDeletion(b.uuid)
      try cluster.get().query("delete from \(schema).tenant_policy where tenant_id = '\(b.uuid)'; select 1")
      await replica.follower.refresh()
      #expect(replica.data(of: b) != nil, "it may still be at work")
      try cluster.get().query(
        "update \(schema).tenant_state set deleted_at = now() - interval '2 days' where tenant_id = '\(b.uuid)'; select 1"
      )
      await replica.follower.refresh()
      #expect(replica.data(of: b) != nil, "only those of late are looked for, as all others are known")
      try cluster.get().query(
        "update \(schema).tenant_state set deleted_at = now() where tenant_id = '\(b.uuid)'; select 1")
      await replica.follower.refresh()
      #expect(replica.data(of: b) == nil && replica.follower.policies.revision(of: "\(b)") == nil)
      #expect(replica.data(of: a) == #"{"tools":{}}"#)
    }
  }

  @Test static func `a tenant that was deleted while the database was away is forgotten when it is back`() async throws
  {
    try await run { pool in
      let replica = Replica(pool, schema: OrchestratorSchema.name)
      try await replica.take(page(1, after: 0, through: 1, [(b, 1, #"{"tools":{}}"#)]))
      try cluster.get().query("alter table tenant_state rename to tenant_state_away; select 1")
      await replica.follower.refresh()
      #expect(replica.data(of: b) != nil)
      try cluster.get().query(
        """
        alter table tenant_state_away rename to tenant_state;
        insert into tenant_state (tenant_id, deletion_requested_at, deleted_at)
        values ('\(b.uuid)', now() - interval '9 days', now() - interval '9 days'); select 1
        """)
      await replica.follower.refresh()
      #expect(replica.data(of: b) == nil)
    }
  }

  @Test static func `statements and their declarations agree`() { #expect(PolicyStateStore.faults == []) }
}
