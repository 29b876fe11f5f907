import Foundation
import LocalStack
import Postgres
import PostgresTestKit
import Reactor
import Synchronization
import Telemetry
import Testing

extension PostgresTests {
  @Suite(.serialized) struct Pool {
    private let fixture: PostgresFixture
    init() throws { fixture = try PostgresFixture.shared.get() }

    @Test func `a thousand concurrent queries each get their own answer`() async throws {
      try await fixture.withPool { pool in
        let wrong = try await withThrowingTaskGroup(of: Bool.self) { group in
          for number in 0..<1000 {
            group.addTask {
              let row = try await pool.query("select $1::int8 * 2", [Int64(number)]).first
              return try row?.decode(0, as: Int64.self) != Int64(number * 2)
            }
          }
          return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
        #expect(wrong == 0)
      }
    }

    @Test func `calls of one affinity share a connection, others take the one that is less busy`() async throws {
      try await fixture.withPool { pool in
        func backend(_ affinity: Int?, sleeping: Bool = false) async throws -> Int64? {
          let sql = sleeping ? "select pg_backend_pid()::int8 from pg_sleep(0.2)" : "select pg_backend_pid()::int8"
          return try await pool.query(sql, affinity: affinity).first?.decode(0, as: Int64.self)
        }
        // Both connections are there when two calls at the same time have two backends.
        var pids: Set<Int64?> = []
        for _ in 0..<50 where pids.count < 2 {
          async let one = backend(nil, sleeping: true)
          async let other = backend(nil, sleeping: true)
          pids = [try await one, try await other]
        }
        #expect(pids.count == 2)
        async let first = backend(0, sleeping: true)
        async let second = backend(0, sleeping: true)
        let own = [try await first, try await second]
        #expect(own[0] == own[1])
        #expect(try await backend(1) != own[0])
      }
    }

    @Test func `a failing statement does not harm its neighbours in the pipeline`() async throws {
      try await fixture.withPool { pool in
        try await withThrowingTaskGroup(of: Void.self) { group in
          for number in 0..<200 {
            group.addTask {
              if number % 5 == 0 {
                // Fails when it is prepared; others with the same text meet a statement that does not exist.
                let error = await failure { try await pool.query("select no_such_column_\(number % 3)") }
                #expect(error?.sqlState == "42703")
              } else {
                let row = try await pool.query("select $1::text", ["n\(number)"]).first
                #expect(try row?.decode(0, as: String.self) == "n\(number)")
              }
            }
          }
          try await group.waitForAll()
        }
      }
    }

    @Test func `a batch is one transaction: all of it or nothing`() async throws {
      try await fixture.withPool { pool in
        try await pool.query("drop table if exists batch_test")
        try await pool.query("create table batch_test (id int8 primary key)")
        let insert = "insert into batch_test values ($1)"
        _ = try await pool.batch([PostgresStatement(insert, [Int64(1)]), PostgresStatement(insert, [Int64(2)])])
        let error = await failure {
          _ = try await pool.batch([PostgresStatement(insert, [Int64(3)]), PostgresStatement(insert, [Int64(1)])])
        }
        #expect(error?.sqlState == "23505")
        #expect(error?.constraint == "batch_test_pkey")
        let count = try await pool.query("select count(*) from batch_test").first?.decode(0, as: Int64.self)
        #expect(count == 2)
      }
    }

    @Test func `a transaction is committed, or rolled back when its body throws`() async throws {
      struct Regret: Error {}
      try await fixture.withPool { pool in
        try await pool.query("drop table if exists tx_test")
        try await pool.query("create table tx_test (id int8)")
        try await pool.transaction { _ = try await $0.query("insert into tx_test values (1)") }
        await #expect(throws: Regret.self) {
          try await pool.transaction { transaction in
            try await transaction.query("insert into tx_test values (2)")
            throw Regret()
          }
        }
        let error = await failure { try await pool.transaction { _ = try await $0.query("select 1/0") } }
        #expect(error?.sqlState == "22012")
        let count = try await pool.query("select count(*) from tx_test").first?.decode(0, as: Int64.self)
        #expect(count == 1)
      }
    }

    @Test func `a statement that takes too long ends with an error, and the connection goes on`() async throws {
      try await fixture.withPool {
        $0.statementTimeout = .milliseconds(100)
      } _: { pool in
        let error = await failure { try await pool.query("select pg_sleep(5)") }
        #expect(error?.sqlState == "57014" || error?.code == .timedOut)
        let row = try await pool.query("select 1").first
        #expect(try row?.decode(0, as: Int64.self) == 1)
      }
    }

    @Test func `a cancelled caller is let go at once and harms nobody`() async throws {
      try await fixture.withPool {
        $0.sharedConnectionsPerLoop = 1
      } _: { pool in
        let loop = try #require(EventLoop.current)
        let slow = loop.task { try await pool.query("select pg_sleep(1)") }
        try await EventLoop.sleep(for: .milliseconds(30))
        slow.cancel()
        await #expect(throws: CancellationError.self) { try await slow.value }
        let row = try await pool.query("select 'next'").first
        #expect(try row?.decode(0, as: String.self) == "next")
      }
    }

    @Test func `a killed connection is reported as such and replaced by itself`() async throws {
      try await fixture.withPool {
        $0.sharedConnectionsPerLoop = 1
      } _: { pool in
        let error = await failure {
          _ = try await pool.query("select pg_terminate_backend(pg_backend_pid()), pg_sleep(1)")
        }
        #expect(error?.isTransient == true)
        let row = try await pool.query("select 2").first
        #expect(try row?.decode(0, as: Int64.self) == 2)
      }
    }

    @Test func `readiness follows the database, and calls fail fast while it is away`() async throws {
      let fixture = fixture
      try await fixture.withPool {
        $0.unavailableTimeout = .milliseconds(200)
      } _: { pool in
        func become(_ isReady: Bool) async throws {
          for _ in 0..<3000 where pool.isReady != isReady { try await EventLoop.sleep(for: .milliseconds(20)) }
          #expect(pool.isReady == isReady)
        }
        try await become(true)
        try await pool.query("select 1")
        fixture.cluster.stop()
        let error = await failure {
          for _ in 0..<3 { _ = try await pool.query("select 1") }
        }
        #expect(error?.code == .unavailable || error?.code == .connectionLost)
        try await become(false)
        try fixture.cluster.start()
        try await become(true)
        try await pool.query("select 1")
      }
    }

    @Test func `more waiting calls than allowed are refused`() async throws {
      try await fixture.withPool {
        $0.pendingMax = 4
        $0.sharedConnectionsPerLoop = 1
      } _: { pool in
        let outcomes = await withTaskGroup(of: PostgresError.Code?.self) { group in
          for _ in 0..<20 {
            group.addTask { await failure { _ = try await pool.query("select pg_sleep(0.05)") }?.code }
          }
          return await group.reduce(into: [PostgresError.Code?]()) { $0.append($1) }
        }
        #expect(outcomes.contains(.overloaded))
        #expect(outcomes.contains(nil))
      }
    }

    @Test func `more statements than the cache holds still work`() async throws {
      try await fixture.withPool { pool in
        for number in 0..<600 {
          let row = try await pool.query("select $1::int8 + \(number)", [Int64(1)]).first
          #expect(try row?.decode(0, as: Int64.self) == Int64(number + 1))
        }
      }
    }

    @Test func `opening and closing pools leaves no connection open`() async throws {
      for _ in 0..<30 { try await fixture.withPool { try await $0.query("select 1") } }
      // The server knows who is connected; descriptors of this process are those of other suites too.
      var left = "?"
      for _ in 0..<600 where left != "0" {
        left = try fixture.server.query(
          "select count(*) from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid()")
        if left != "0" { try await EventLoop.sleep(for: .milliseconds(100)) }
      }
      #expect(left == "0")
    }

    @Test func `connection URIs work as well as keywords`() async throws {
      let text = fixture.server.connectionString
      let socket = String(text.dropFirst("host=".count).prefix { $0 != " " })
      let encoded = socket.replacingOccurrences(of: "/", with: "%2F")
      try await fixture.withPool {
        $0.connectionString = "postgresql://cadre@\(encoded):5432/cadre"
      } _: { pool in
        let row = try await pool.query("select current_database()").first
        #expect(try row?.decode(0, as: String.self) == "cadre")
      }
    }

    @Test func `notifications reach the listener, also after the connection was lost`() async throws {
      try await fixture.withPool { pool in
        let listener = PostgresListener(pool: pool, channel: "test \"channel")
        let stream = listener.notifications()
        let heard = Mutex<[String]>([])
        let reading = Task {
          for await notice in stream {
            guard case .payload(let text) = notice else { continue }
            heard.withLock { $0.append(text) }
            if text == "two" { break }
          }
        }
        @Sendable func notify(_ text: String) async throws {
          try await pool.query("select pg_notify('test \"channel', $1)", [text])
        }
        try await listener.connected()
        try await notify("one")
        // The connection must not be ended before it has brought the notification.
        while heard.withLock({ $0.isEmpty }) { try await EventLoop.sleep(for: .milliseconds(5)) }
        try await pool.query(
          "select pg_terminate_backend(pid) from pg_stat_activity where query ilike 'listen%' and pid <> pg_backend_pid()"
        )
        // What is notified before the connection is back is missed: it is said until it is heard.
        let speaking = try #require(EventLoop.current).task {
          while !Task.isCancelled {
            try await notify("two")
            try await EventLoop.sleep(for: .milliseconds(20))
          }
        }
        await reading.value
        speaking.cancel()
        #expect(heard.withLock { $0.first == "one" && $0.last == "two" })
        listener.stop()
      }
    }
  }

  @Suite(.serialized) struct Migrations {
    private let fixture: PostgresFixture
    init() throws { fixture = try PostgresFixture.shared.get() }

    private static let steps = [
      Migration(version: 1, name: "one", sql: "create table m (id int8 primary key); insert into m values (1)"),
      Migration(
        version: 2, name: "two", sql: "alter table m add column note text default 'it''s'; insert into m values (2)"),
    ]

    @Test func `five processes at once apply each step once`() async throws {
      try await fixture.withPool { pool in
        try await pool.query("drop schema if exists mtest cascade")
        try await withThrowingTaskGroup(of: Void.self) { group in
          for _ in 0..<5 {
            group.addTask {
              try await Migrator(pool: pool, schema: "mtest", logger: Telemetry.disabled().logger).migrate(
                Migrations.steps)
            }
          }
          try await group.waitForAll()
        }
        let rows = try await pool.query("select count(*) from mtest.m").first?.decode(0, as: Int64.self)
        let recorded = try await pool.query("select count(*) from mtest.schema_migrations").first?.decode(
          0, as: Int64.self)
        #expect(rows == 2)
        #expect(recorded == 2)
      }
    }

    @Test func `a program starts on the schema of a newer one, unless a step needs that`() async throws {
      try await fixture.withPool { pool in
        let migrator = Migrator(pool: pool, schema: "mtestc", logger: Telemetry.disabled().logger)
        try await pool.query("drop schema if exists mtestc cascade")
        let newer = Migrations.steps + [Migration(version: 3, name: "three", sql: "create table k (id int8)")]
        try await migrator.migrate(newer)
        try await migrator.migrate([Migrations.steps[0]])
        try await migrator.migrate(Migrations.steps)
        // What it knows must still be what was applied.
        let changed = [Migration(version: 1, name: "one", sql: "select 1")]
        await #expect(throws: MigrationError.self) { try await migrator.migrate(changed) }
        let breaking = newer + [Migration(version: 4, name: "four", sql: "drop table m", needs: 3)]
        try await migrator.migrate(breaking)
        try await migrator.migrate(newer)
        await #expect(throws: MigrationError.self) { try await migrator.migrate(Migrations.steps) }
      }
    }

    @Test func `a changed step and a broken script are refused`() async throws {
      try await fixture.withPool { pool in
        let migrator = Migrator(pool: pool, schema: "mtestb", logger: Telemetry.disabled().logger)
        try await pool.query("drop schema if exists mtestb cascade")
        try await migrator.migrate(Migrations.steps)
        let changed = [Migration(version: 1, name: "one", sql: "select 1"), Migrations.steps[1]]
        await #expect(throws: MigrationError.self) { try await migrator.migrate(changed) }
        let broken =
          Migrations.steps + [Migration(version: 3, name: "bad", sql: "create table k (id int8); select nonsense")]
        await #expect(throws: PostgresError.self) { try await migrator.migrate(broken) }
        let left = try await pool.query("select to_regclass('mtestb.k') is null").first?.decode(0, as: Bool.self)
        #expect(left == true, "a step that fails leaves nothing behind")
      }
    }
  }
}
