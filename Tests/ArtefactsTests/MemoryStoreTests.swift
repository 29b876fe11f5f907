import Artefacts
import Contracts
import Primitives
import SystemSources
import Testing

@testable import Memories

extension WorkspaceTests {
  @Suite(.serialized) struct MemoryStoreTests {
    private let database: WorkspaceDatabase
    private let tenant = WorkspaceDatabase.tenant()

    init() throws { database = try WorkspaceDatabase.shared.get() }

    private static func memory(_ text: String, tags: [String] = [], key: String? = nil) -> NewMemory {
      NewMemory(text: text, tags: tags, key: key)
    }

    @Test func `a search finds words and their endings, best first, in one project only`() async throws {
      let (tenant, project) = (tenant, ProjectID.make())
      try await database.withPool { pool in
        let store = MemoryStore(pool: pool, limits: MemoryLimits())
        let scope = MemoryScope(tenant, project)
        func add(_ text: String, tags: [String] = [], to scope: MemoryScope) async throws {
          _ = try await store.add(Self.memory(text, tags: tags), to: scope, run: nil, by: "t", fence: nil)
        }
        try await add("The customer prefers invoices in Swiss francs.", to: scope)
        try await add("Invoices are sent on the first day of each month; the customer pays them late.", to: scope)
        try await add("The build takes four minutes.", tags: ["customer"], to: scope)
        try await add("Invoice number of another project", to: MemoryScope(tenant, .make()))
        try await add("Invoice of nobody's project", to: MemoryScope(tenant, nil))
        try await add("Invoice of another tenant", to: MemoryScope(WorkspaceDatabase.tenant(), project))
        let found = try await store.search((scope, "which invoice does the customer prefer?", 10))
        #expect(found.first?.text.hasPrefix("The customer prefers") == true)
        #expect(found.count == 3)
        #expect(found[0].highlight?.contains("**customer**") == true)
        #expect((found[0].rank ?? 0) > (found[2].rank ?? 1))
        #expect(try await store.search((scope, "francs", 10)).count == 1)
        for query in ["", "the", "!!! & | :* ( '", "scope:", "'", "\\", "a & b | !c"] {
          #expect(try await store.search((scope, query, 10)).count <= 3, "\(query)")
        }
        #expect(try await store.search((scope, "nothing like this", 10)).isEmpty)
        #expect(try await store.memories((MemoryScope(tenant, nil), nil, 10)).count == 1)
      }
    }

    @Test func `a key stores once, also when it comes many times at once`() async throws {
      let tenant = tenant
      try await database.withPool { pool in
        let store = MemoryStore(pool: pool, limits: MemoryLimits())
        let scope = MemoryScope(tenant, nil)
        let ids = try await withThrowingTaskGroup(of: MemoryID.self) { group in
          for _ in 0..<4 {
            group.addTask {
              try await store.add(Self.memory("one", key: "k"), to: scope, run: nil, by: "t", fence: nil).memory.id
            }
          }
          return try await group.reduce(into: Set()) { $0.insert($1) }
        }
        #expect(ids.count == 1)
        await #expect(throws: MemoryRefusal.keyReused) {
          try await store.add(Self.memory("two", key: "k"), to: scope, run: nil, by: "t", fence: nil)
        }
        // In another project the key is another one.
        let other = try await store.add(
          Self.memory("two", key: "k"), to: MemoryScope(tenant, .make()), run: nil, by: "t", fence: nil)
        #expect(other.isNew)
      }
      let used = try database.query("select sum(items) from workspace_usage where tenant_id = '\(tenant.uuid)'")
      #expect(used == "2")
    }

    @Test func `a full project refuses, and has room again when something is deleted`() async throws {
      let tenant = tenant
      try await database.withPool { pool in
        let store = MemoryStore(pool: pool, limits: MemoryLimits(countMax: 2, bytesMax: 100))
        let scope = MemoryScope(tenant, nil)
        let first = try await store.add(Self.memory("first"), to: scope, run: nil, by: "t", fence: nil).memory
        await #expect(throws: MemoryRefusal.quota) {
          try await store.add(
            Self.memory(String(repeating: "long ", count: 30)), to: scope, run: nil, by: "t", fence: nil)
        }
        _ = try await store.add(Self.memory("second"), to: scope, run: nil, by: "t", fence: nil)
        await #expect(throws: MemoryRefusal.quota) {
          try await store.add(Self.memory("third"), to: scope, run: nil, by: "t", fence: nil)
        }
        #expect(try await store.delete(WorkspaceDatabase.tenant(), first.id) == false)
        #expect(try await store.memory(WorkspaceDatabase.tenant(), first.id) == nil)
        #expect(try await store.delete(tenant, first.id))
        #expect(try await store.delete(tenant, first.id) == false)
        _ = try await store.add(Self.memory("third"), to: scope, run: nil, by: "t", fence: nil)
      }
    }

    @Test func `a step stores for the project of its run, while it holds its lease`() async throws {
      let (tenant, project) = (tenant, ProjectID.make())
      let lease = try database.lease(tenant, project: project.uuid)
      try await database.withPool { pool in
        let store = MemoryStore(pool: pool, limits: MemoryLimits())
        let scope = try #require(try await store.scope(of: lease.run, tenant))
        #expect(scope == MemoryScope(tenant, project))
        #expect(try await store.scope(of: lease.run, WorkspaceDatabase.tenant()) == nil)
        await #expect(throws: MemoryRefusal.quota) {
          try await store.add(
            Self.memory("late"), to: scope, run: lease.run, by: "s",
            fence: LeaseFence(step: lease.step, token: .random()))
        }
        let stored = try await store.add(
          Self.memory("in time"), to: scope, run: lease.run, by: "s",
          fence: LeaseFence(step: lease.step, token: lease.token))
        #expect(stored.memory.run == lease.run)
      }
    }
  }
}
