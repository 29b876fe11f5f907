import Contracts
import Decider
import Postgres
import PostgresTestKit
import Primitives
import Reactor
import Telemetry
import Testing

@testable import RunStorage

/// A sub-run is written only while the timer that asks for it is there, and whoever takes the timer away first sees it.
@Suite struct SubRunInsertionTests {
  private static let tenant = TenantID(UUID(high: 1, low: 1))
  private static let parent = RunID(UUID(high: 5, low: 5))

  private static func withStore(
    _ body: @escaping @Sendable (RunStore, PostgresPool, TestCluster) async throws -> Void
  ) async throws {
    let cluster = try TestCluster("sub-run", schema: OrchestratorSchema.name)
    defer { cluster.stop() }
    try cluster.makeSchema(OrchestratorSchema.migrations)
    let group = EventLoopGroup(count: 1)
    var configuration = PostgresConfiguration(connectionString: cluster.connectionString)
    configuration.schema = OrchestratorSchema.name
    let pool = PostgresPool(group: group, configuration: configuration, telemetry: .disabled())
    let result = await group.loops[0].task {
      await pool.start()
      try await body(RunStore(pool: pool), pool, cluster)
    }.result
    _ = await group.loops[0].task { await pool.close() }.result
    group.stop()
    try result.get()
  }

  private static func submission(_ run: RunID, parent: ParentStep? = nil, timer: Int64? = nil) throws -> Submission {
    let workflow = Workflow(
      name: "outer", version: 1, steps: [WorkflowStep(key: "sub", kind: .run(workflow: "outer", version: nil))])
    var state = RunState(workflow: workflow)
    let input = Payload(Array("{}".utf8))
    let events = try decide(&state, .create(input: input.ref, seed: 1, facts: []))
    var submission = Submission(
      run: run,
      facts: RunFacts(
        tenant: tenant, task: TaskID(self.parent.uuid), project: nil, priority: 0, parent: parent,
        depth: parent == nil ? 0 : 1, traceparent: nil),
      task: parent == nil ? NewTask() : nil, principal: "somebody", input: input, events: events, forkedFrom: nil,
      state: state)
    submission.timer = timer
    return submission
  }

  private static func transition(
    _ submission: Submission, timers: [NewTimer] = []
  ) -> Transition {
    Transition(
      tenant: tenant, run: submission.run, expectedVersion: 0, version: submission.state.sequence, events: [],
      status: submission.state.status, isPaused: false, clearedAt: 0, usage: .zero, clearing: .nothing, work: [],
      timers: timers, unqueued: [], payloads: [], proofs: [], finishedTimers: [], approvalLimits: [:], parent: nil)
  }

  /// Writes the sub-run of an attempt, as a replica does that claimed the timer `timer`. Returns what became of it.
  private static func begin(_ store: RunStore, attempt: Int, timer: Int64) async throws -> String {
    let child = RunID.of(parent, step: "sub", attempt: attempt)
    let submission = try submission(
      child, parent: ParentStep(run: parent, step: "sub", attempt: attempt), timer: timer)
    switch try await store.insert([submission], [transition(submission)])[child] {
    case .inserted: return "inserted"
    case .exists: return "exists"
    case .limited: return "limited"
    case .unwanted: return "unwanted"
    case nil: return "nothing"
    }
  }

  @Test func `a sub-run begins while its timer is there, and never after`() async throws {
    try await Self.withStore { store, pool, cluster in
      let parent = try Self.submission(Self.parent)
      let timers = [1, 2, 3].map { NewTimer(kind: .own, step: "sub", attempt: $0) }
      _ = try await store.insert([parent], [Self.transition(parent, timers: timers)])
      let ids = try (1...3).map { attempt in
        try #require(Int64(try cluster.query("select id from timer where kind = 'own' and attempt = \(attempt)")))
      }
      #expect(try await Self.begin(store, attempt: 1, timer: ids[0]) == "inserted")
      #expect(try await Self.begin(store, attempt: 1, timer: ids[0]) == "exists")

      // Somebody is about to take the timer away: nobody waits for it.
      try await pool.transaction { connection in
        _ = try await connection.query("select id from timer where id = \(ids[1]) for update")
        let outcome = try await Self.begin(store, attempt: 2, timer: ids[1])
        #expect(outcome == "unwanted")
      }
      #expect(try await Self.begin(store, attempt: 2, timer: ids[1]) == "inserted")

      // The step has gone on without its third sub-run.
      var state = parent.state
      let events = try decide(&state, .pause(by: "somebody"))
      let change = Transition(
        tenant: Self.tenant, run: Self.parent, expectedVersion: parent.state.sequence, version: state.sequence,
        events: events, status: state.status, isPaused: true, clearedAt: 0, usage: .zero, clearing: .nothing, work: [],
        timers: [NewTimer(kind: .own, step: "sub", attempt: 4)], unqueued: [],
        unbegun: [Effects.Orphan(step: "sub", attempt: 3)], payloads: [], proofs: [], finishedTimers: [],
        approvalLimits: [:], parent: nil)
      guard case .committed = try await store.apply([change])[Self.parent] else {
        Issue.record("the change was not written")
        return
      }
      #expect(try await Self.begin(store, attempt: 3, timer: ids[2]) == "unwanted")
      #expect(
        try cluster.query("select string_agg(attempt::text, ',' order by attempt) from timer where kind = 'own'")
          == "1,2,4")
      let children = try cluster.query(
        "select string_agg(parent_attempt::text, ',' order by parent_attempt) from run where parent_run is not null")
      #expect(children == "1,2")
    }
  }
}
