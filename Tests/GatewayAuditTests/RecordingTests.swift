import AuditChain
import Contracts
import Crypto
import GatewayAudit
import HTTPWire
import PostgresTestKit
import Primitives
import Reactor
import Testing

extension AuditTests {
  @Suite(.serialized) struct RecordingTests {
    @Test func `a change leaves what was asked for and what became of it`() async throws {
      try await AuditFixture.run { fixture in
        #expect(try await fixture.change("task_7", "a body with a secret") == 200)
        #expect(try await fixture.change("task_8", "conflict") == 409)
        let entries = try await fixture.entries(4).map(\.entry)
        let request = try #require(entries.first)
        #expect(request.kind == .request)
        #expect(request.subject == "user_1")
        #expect(request.credential == "key_1")
        #expect(request.identity == "api_key")
        #expect(request.address == "192.0.2.1")
        #expect(request.method == "PATCH")
        #expect(request.route == "/api/v1/tasks/{id}")
        #expect(request.resources == "id=task_7")
        #expect(request.decision == "decision_1")
        #expect(request.trace.count == 32)
        #expect(request.digest == Digest.sha256(request.request.bytes + Array("PATCH /api/v1/tasks/task_7".utf8)))
        let outcome = try #require(entries.first { $0.kind == .outcome && $0.request == request.request })
        #expect(outcome.status == 200)
        #expect(outcome.digest == Digest.sha256(request.request.bytes + Array("a body with a secret".utf8)))
        #expect(entries.contains { $0.kind == .outcome && $0.status == 409 })
        #expect(try await fixture.faults() == [])
      }
    }

    @Test func `reading and calls of models leave nothing, refusals do`() async throws {
      try await AuditFixture.run { fixture in
        #expect(try await fixture.send(.get, "/api/v1/tasks/task_1").status == 200)
        #expect(try await fixture.send(.post, "/v1/chat/completions").status == 200)
        #expect(try await fixture.send(.get, "/api/v1/tasks/forbidden").status == 403)
        #expect(try await fixture.send(.get, "/api/v1/tasks/task_1?forbidden").status == 403)
        #expect(try await fixture.send(.get, "/api/v1/tasks/task_1", as: "nobody").status == 401)
        // What nobody has decided is no refusal.
        #expect(try await fixture.send(.get, "/api/v1/tasks/undecided").status == 503)
        #expect(try await fixture.send(.patch, "/api/v1/tasks/undecided").status == 503)
        let own = try await fixture.entries(2).map(\.entry)
        #expect(own.map(\.kind) == [.refusal, .refusal])
        #expect(own.map(\.status) == [403, 403])
        #expect(own.map(\.decision) == ["decision_1", "decision_1"])
        let nobody = try await fixture.entries(1, .installation).map(\.entry)
        #expect(nobody.map(\.code) == ["api_key_invalid"])
        #expect(nobody.map(\.subject) == [""])
        #expect(try await fixture.faults(.installation) == [])
      }
    }

    @Test func `paths and names leave no secrets and no hostile text`() async throws {
      try await AuditFixture.run { fixture in
        #expect(try await fixture.change("sk%20secret%0Aline") == 200)
        #expect(try await fixture.change(String(repeating: "a", count: 400)) == 200)
        #expect(try await fixture.send(.patch, "/api/v1/tasks/task_1?key=hidden-value").status == 200)
        let entries = try await fixture.entries(6).map(\.entry).filter { $0.kind == .request }
        #expect(entries.map(\.resources) == ["id=?", "id=?", "id=task_1"])
        #expect(!"\(entries)".contains("hidden-value"))
      }
    }

    @Test func `a flood of refusals is a bounded number of entries and a count`() async throws {
      try await AuditFixture.run(refusalsPerSecond: 3) { fixture in
        for _ in 0..<200 { try await fixture.send(.get, "/api/v1/tasks/task_1", as: "nobody") }
        var counted: Int64 = 0
        for _ in 0..<6000 where counted < 200 {
          let entries = try await fixture.entries(1, .installation).map(\.entry)
          counted = entries.reduce(0) { $0 + $1.count }
          if counted < 200 { try await EventLoop.sleep(for: .milliseconds(20)) }
        }
        let entries = try await fixture.entries(1, .installation).map(\.entry)
        #expect(counted == 200)
        #expect(entries.contains { $0.kind == .omitted && $0.code == "api_key_invalid" && $0.status == 401 })
        #expect(try await fixture.faults(.installation) == [])
      }
    }

    @Test func `changes of who has no tenant are bounded`() async throws {
      try await AuditFixture.run(refusalsPerSecond: 2) { fixture in
        // Refusals of others use nothing of it up.
        for _ in 0..<50 { try await fixture.send(.get, "/api/v1/tasks/task_1", as: "nobody") }
        var statuses: [Int] = []
        for _ in 0..<200 {
          statuses.append(try await fixture.send(.post, "/auth/v1/sign-in", as: "anonymous").status)
        }
        #expect(statuses.first == 200 && Set(statuses) == [200, 429])
        #expect(fixture.made.all.count < 200)
      }
    }

    @Test func `requests at the same time share transactions and leave no gaps`() async throws {
      try await AuditFixture.run { fixture in
        try await withThrowingTaskGroup(of: Int.self) { group in
          for number in 0..<200 {
            group.addTask { try await fixture.change("task_\(number)", as: number % 2 == 0 ? nil : "user_2") }
          }
          for try await status in group { #expect(status == 200) }
        }
        for chain in [AuditFixture.chain, AuditChainID(AuditFixture.other)] {
          let entries = try await fixture.entries(200, chain)
          #expect(entries.map(\.link.sequence) == Array(1...200))
          #expect(try await fixture.faults(chain) == [])
        }
      }
    }

    @Test func `two replicas write one chain`() async throws {
      let schema = "audit_two_replicas"
      try await AuditFixture.run(schema: schema) { first in
        try await AuditFixture.run(schema: schema) { second in
          try await withThrowingTaskGroup(of: Int.self) { group in
            for number in 0..<200 {
              let replica = number % 2 == 0 ? first : second
              group.addTask { try await replica.loop.task { try await replica.change("task_\(number)") }.value }
            }
            for try await status in group { #expect(status == 200) }
          }
          let entries = try await second.entries(400)
          #expect(entries.map(\.link.sequence) == Array(1...400))
          #expect(try await second.faults() == [])
        }
      }
    }

    @Test func `without a database changes are refused and reading goes on`() async throws {
      let cluster = try AuditCluster.shared.get()
      try await AuditFixture.run { fixture in
        #expect(try await fixture.change("task_1", "before") == 200)
        cluster.stop()
        #expect(try await fixture.change("task_2", "meanwhile") == 503)
        #expect(try await fixture.send(.get, "/api/v1/tasks/task_3").status == 200)
        #expect(fixture.made.all.contains { $0.contains("meanwhile") } == false)
        try cluster.start()
        var status = 503
        for _ in 0..<6000 where status == 503 {
          status = try await fixture.change("task_4", "after")
          if status == 503 { try await EventLoop.sleep(for: .milliseconds(20)) }
        }
        #expect(status == 200)
        #expect(try await fixture.faults() == [])
      }
    }

    @Test func `a change whose end nobody has heard of is shown as unknown`() async throws {
      try await AuditFixture.run { fixture in
        #expect(try await fixture.change("task_1") == 200)
        _ = try await fixture.entries(2)
        // As after a crash: the last outcome was never written.
        var unknown = AuditFilter()
        unknown.outcome = .unknown
        #expect(try await fixture.store.entries(AuditFixture.chain, unknown, below: nil, limit: 10).entries == [])
        try fixture.sql("delete from audit_entry where kind = 'outcome'")
        try fixture.sql("update audit_entry set at = now() - interval '2 minutes'")
        let found = try await fixture.store.entries(AuditFixture.chain, unknown, below: nil, limit: 10).entries
        #expect(found.map(\.entry.resources) == ["id=task_1"])
      }
    }

    @Test func `what comes late of a deleted tenant is left out, and others are written`() async throws {
      try await AuditFixture.run { fixture in
        #expect(try await fixture.change("task_1") == 200)
        _ = try await fixture.entries(2)
        // While its chain is there it goes on.
        try fixture.sql(
          "insert into tenant_state (tenant_id, deletion_requested_at) values ('\(AuditFixture.tenant.uuid)', now())")
        #expect(try await fixture.change("task_2") == 200)
        _ = try await fixture.entries(4)
        try fixture.sql("delete from audit_head; delete from audit_entry")
        #expect(try await fixture.change("task_3") == 200)
        #expect(try await fixture.change("task_4", as: "user_2") == 200)
        _ = try await fixture.entries(2, AuditChainID(AuditFixture.other))
        let late = try await fixture.store.entries(AuditFixture.chain, AuditFilter(), below: nil, limit: 10).entries
        #expect(late == [])
        #expect(try await fixture.store.head(AuditFixture.chain) == nil)
        #expect(try await fixture.faults() == [])
      }
    }
  }
}
