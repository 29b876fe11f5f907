import Contracts
import Postgres
import Primitives
import SystemSources
import Telemetry
import Testing

@testable import Artefacts

extension WorkspaceTests {
  @Suite(.serialized) struct ArtefactStoreTests {
    private let database: WorkspaceDatabase
    private let tenant = WorkspaceDatabase.tenant()

    init() throws { database = try WorkspaceDatabase.shared.get() }

    private struct Cut: Error {}

    private static func name(_ text: String) throws -> ArtefactName { try #require(ArtefactName(text)) }

    private static func bytes(_ count: Int, seed: UInt8 = 1) -> [UInt8] {
      (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ $0 >> 8) ^ seed }
    }

    @Test(arguments: [0, 1, BlobStore.pieceBytes - 1, BlobStore.pieceBytes, BlobStore.pieceBytes + 1, 700_001])
    func `content is read as it was written, and stored once for each tenant`(count: Int) async throws {
      let (tenant, other) = (tenant, WorkspaceDatabase.tenant())
      let content = Self.bytes(count)
      try await database.withPool { pool in
        let blobs = BlobStore(pool: pool)
        let blob = try await blobs.write(tenant, content)
        #expect(try await blobs.read(tenant, blob.id) == content)
        #expect(try await blobs.write(tenant, content) == blob)
        let same = try await blobs.write(other, content)
        #expect(same.id != blob.id && same.sha256 == blob.sha256)
        #expect(try await blobs.read(other, blob.id) == [])
      }
      let rows = try database.query(
        "select count(*) from blob where tenant_id = '\(tenant.uuid)' and sha256 is not null")
      #expect(rows == "1")
      #expect(try database.query("select count(*) from blob where tenant_id = '\(tenant.uuid)'") == "1")
    }

    @Test func `more than is allowed is refused before it is stored`() async throws {
      let tenant = tenant
      try await database.withPool { pool in
        await #expect(throws: BlobRefusal.tooLarge(bytesMax: 300_000)) {
          var left = 10
          _ = try await BlobStore(pool: pool).write(tenant, bytesMax: 300_000) {
            left -= 1
            return left < 0 ? nil : Self.bytes(100_000)
          }
        }
      }
    }

    @Test func `an upload that is cut off leaves nothing behind`() async throws {
      let tenant = tenant
      try await database.withPool { pool in
        await #expect(throws: Cut.self) {
          var left = 2
          _ = try await BlobStore(pool: pool).write(tenant, bytesMax: 1 << 20) {
            left -= 1
            if left < 0 { throw Cut() }
            return Self.bytes(300_000)
          }
        }
      }
      let count = "select count(*) from blob_piece where tenant_id = '\(tenant.uuid)'"
      #expect(try database.query(count) == "2")
      try await clean()
      // Its writer may still be at work.
      #expect(try database.query(count) == "2")
      _ = try database.query("update workspace_check set due_at = now() where tenant_id = '\(tenant.uuid)'")
      try await clean()
      #expect(try database.query(count) == "0")
      #expect(try database.query("select count(*) from workspace_check where tenant_id = '\(tenant.uuid)'") == "0")
    }

    private func clean(keep: Duration = .seconds(3600)) async throws {
      try await database.withPool { pool in
        let job = WorkspaceCleanup(
          pool: pool, uploadKeep: keep, registry: MetricsRegistry(), logger: Telemetry.disabled().logger)
        while try await job.step() {}
      }
    }

    private func add(
      _ pool: PostgresPool, _ lease: (run: RunID, step: StepID, token: UUID), _ name: String, _ content: [UInt8],
      limits: ArtefactLimits = ArtefactLimits(), token: UUID? = nil
    ) async throws -> ArtefactRow? {
      let blob = try await BlobStore(pool: pool).write(tenant, content)
      return try await ArtefactStore(pool: pool).add(
        ArtefactStore.Addition(
          tenant, run: lease.run, try Self.name(name), blob, mediaType: "text/plain", by: "step:a",
          fence: LeaseFence(step: lease.step, token: token ?? lease.token), limits: limits))
    }

    @Test func `the newest version counts, and the others are kept`() async throws {
      let lease = try database.lease(tenant)
      try await database.withPool { pool in
        let store = ArtefactStore(pool: pool)
        let first = try #require(try await add(pool, lease, "a.txt", [1]))
        #expect(try await add(pool, lease, "a.txt", [1])?.id == first.id)
        let second = try #require(try await add(pool, lease, "a.txt", [2]))
        #expect((first.version, second.version) == (1, 2))
        let back = try #require(try await add(pool, lease, "a.txt", [1]))
        #expect(back.version == 3 && back.blob == first.blob)
        _ = try await add(pool, lease, "b.txt", [1])
        #expect(try await store.newest(tenant, lease.run, try Self.name("a.txt"))?.id == back.id)
        let newest = try await store.artefacts((tenant, lease.run, nil, 10), allVersions: false)
        #expect(newest.map(\.name) == ["a.txt", "b.txt"] && newest[0].version == 3)
        let all = try await store.artefacts((tenant, lease.run, nil, 10), allVersions: true)
        #expect(all.map(\.version) == [3, 2, 1, 1])
        let behind = try await store.artefacts((tenant, lease.run, all[1].id, 10), allVersions: true)
        #expect(behind.map(\.id) == all.dropFirst(2).map(\.id))
        #expect(try await store.artefacts((WorkspaceDatabase.tenant(), lease.run, nil, 10), allVersions: true).isEmpty)
      }
    }

    @Test func `without the lease nothing is written`() async throws {
      let lease = try database.lease(tenant)
      try await database.withPool { pool in
        #expect(try await add(pool, lease, "a", [1], token: .random()) == nil)
        _ = try await add(pool, lease, "b", [1])
        // Nor does it learn what is there.
        #expect(try await add(pool, lease, "b", [1], token: .random()) == nil)
      }
      #expect(try database.query("select count(*) from artefact where run_id = '\(lease.run.uuid)'") == "1")
    }

    @Test func `many at once do not exceed the quota together`() async throws {
      let lease = try database.lease(tenant)
      let limits = ArtefactLimits(runFilesMax: 3, runBytesMax: 1000)
      try await database.withPool { pool in
        let stored = try await withThrowingTaskGroup(of: Bool.self) { group in
          for index in 0..<12 {
            group.addTask { try await add(pool, lease, "f\(index)", [UInt8(index)], limits: limits) != nil }
          }
          return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
        #expect(stored == 3)
      }
      #expect(try database.query("select count(*) from artefact where run_id = '\(lease.run.uuid)'") == "3")
      let usage = "select items || ' ' || bytes from workspace_usage where scope = '\(lease.run.uuid)'"
      #expect(try database.query(usage) == "3 3")
      let bytes = try database.lease(tenant)
      try await database.withPool { pool in
        let stored = try await withThrowingTaskGroup(of: Bool.self) { group in
          for index in 0..<6 {
            group.addTask {
              try await add(
                pool, bytes, "f\(index)", Self.bytes(400, seed: UInt8(index + 10)),
                limits: ArtefactLimits(runBytesMax: 1000))
                != nil
            }
          }
          return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
        #expect(stored == 2)
      }
    }

    @Test func `many versions of one name at once are all there`() async throws {
      let lease = try database.lease(tenant)
      try await database.withPool { pool in
        let versions = try await withThrowingTaskGroup(of: Int?.self) { group in
          for index in 0..<4 { group.addTask { try await add(pool, lease, "same", [UInt8(index)])?.version } }
          return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(versions.compactMap(\.self).sorted() == [1, 2, 3, 4])
      }
    }

    @Test func `a task's files are there under their names, once however often it is sent`() async throws {
      let (tenant, run) = (tenant, RunID.make())
      try await database.withPool { pool in
        let (store, blobs) = (ArtefactStore(pool: pool), BlobStore(pool: pool))
        func upload(_ name: String, _ content: [UInt8]) async throws -> ArtefactID {
          let row = try await store.add(
            ArtefactStore.Addition(
              tenant, upload: .make(), try Self.name(name), try await blobs.write(tenant, content),
              mediaType: "text/plain", by: "key:ci", limits: ArtefactLimits()))
          return try #require(row).id
        }
        let ids = [try await upload("a", [1]), try await upload("b", [2])]
        for _ in 0..<2 {
          let rows = try await store.attach(ids, to: run, tenant, limits: ArtefactLimits())
          #expect(rows.map(\.name) == ["a", "b"])
        }
        #expect(try await store.artefacts((tenant, run, nil, 10), allVersions: true).count == 2)
        let twice = try await upload("a", [3])
        await #expect(throws: ArtefactStore.AttachRefusal.sameName("a")) {
          try await store.attach(ids + [twice], to: .make(), tenant, limits: ArtefactLimits())
        }
        await #expect(throws: ArtefactStore.AttachRefusal.unknown(ids[0])) {
          try await store.attach(ids, to: .make(), WorkspaceDatabase.tenant(), limits: ArtefactLimits())
        }
        await #expect(throws: ArtefactStore.AttachRefusal.quota) {
          try await store.attach(ids, to: .make(), tenant, limits: ArtefactLimits(runFilesMax: 1))
        }
        try await store.copy(from: run, to: RunID.make(), tenant, limits: ArtefactLimits())
      }
      // The run was never made: its files go, uploads stay until their time.
      _ = try database.query("update workspace_check set due_at = now() where tenant_id = '\(tenant.uuid)'")
      try await clean()
      let files = "select count(*) from artefact where tenant_id = '\(tenant.uuid)' and run_id is"
      #expect(try database.query("\(files) not null") == "0")
      #expect(try database.query("\(files) null") == "3")
      try await clean(keep: .zero)
      _ = try database.query("update workspace_check set due_at = now() where tenant_id = '\(tenant.uuid)'")
      try await clean()
      for table in ["artefact", "blob", "blob_piece", "workspace_check"] {
        #expect(
          try database.query("select count(*) from \(table) where tenant_id = '\(tenant.uuid)'") == "0", "\(table)")
      }
      let used = "select coalesce(sum(items), 0) from workspace_usage where tenant_id = '\(tenant.uuid)'"
      #expect(try database.query(used) == "0")
    }

    @Test func `what ends with a run ends with it, and nothing else does`() async throws {
      let (lease, other) = (try database.lease(tenant), try database.lease(tenant))
      try await database.withPool { pool in
        _ = try await add(pool, lease, "a", [1])
        _ = try await add(pool, other, "a", [1])
        _ = try await add(pool, lease, "b", [2])
      }
      _ = try database.query(
        """
        update run set status = 'succeeded', ended_at = now() - interval '1 day' where id = '\(lease.run.uuid)'
        """)
      let pruned = try database.query(Self.prune)
      #expect(pruned.isEmpty || Int(pruned) != nil || pruned.hasPrefix("DELETE"))
      _ = try database.query("update workspace_check set due_at = now() where tenant_id = '\(tenant.uuid)'")
      try await clean()
      #expect(try database.query("select count(*) from artefact where tenant_id = '\(tenant.uuid)'") == "1")
      #expect(try database.query("select count(*) from blob where tenant_id = '\(tenant.uuid)'") == "1")
    }

    /// The statement of retention, for runs that ended more than an hour ago.
    private static let prune = RetentionStatement.sql.replacing("$1::int8", with: "3600").replacing(
      "$2::int8", with: "100")

    @Test(arguments: [0, 1, 2, 3, 5, 6, 7, 100])
    func `pieces have one length, but the last`(portion: Int) {
      var pieces = BlobPieces(of: 3)
      let bytes = (0..<20).map { UInt8($0) }
      var whole: [[UInt8]] = []
      var rest = bytes[...]
      while !rest.isEmpty {
        whole += pieces.add(Array(rest.prefix(max(1, portion))))
        rest = rest.dropFirst(max(1, portion))
      }
      let last = pieces.rest()
      #expect(whole.allSatisfy { $0.count == 3 } && last.count == 2)
      #expect(whole.flatMap(\.self) + last == bytes)
    }
  }
}
