import Postgres
import Primitives
import Reactor
import Testing

extension PostgresTests {
  /// What must hold after something went wrong.
  @Suite(.serialized) struct Recovery {
    private let fixture: PostgresFixture
    init() throws { fixture = try PostgresFixture.shared.get() }

    @Test func `a transaction whose body swallows a failure is not reported as committed`() async throws {
      try await fixture.withPool { pool in
        try await pool.query("drop table if exists swallow_test")
        try await pool.query("create table swallow_test (id int8)")
        let error = await failure {
          try await pool.transaction { transaction in
            try await transaction.query("insert into swallow_test values (1)")
            _ = try? await transaction.query("select 1/0")
          }
        }
        #expect(error?.sqlState == "25P02")
        let count = try await pool.query("select count(*) from swallow_test").first?.decode(0, as: Int64.self)
        #expect(count == 0)
      }
    }

    @Test func `a backend that is terminated in mid-query leaves the outcome unknown`() async throws {
      try await fixture.withPool {
        $0.sharedConnectionsPerLoop = 1
      } _: { pool in
        let error = await failure {
          _ = try await pool.query("select pg_terminate_backend(pg_backend_pid()), pg_sleep(1)")
        }
        #expect(error?.code == .connectionLost)
        #expect(error?.outcomeUnknown == true)
        let row = try await pool.query("select 2").first
        #expect(try row?.decode(0, as: Int64.self) == 2)
      }
    }

    @Test func `a statement follows its table when a column is added`() async throws {
      try await fixture.withPool {
        $0.sharedConnectionsPerLoop = 1
      } _: { pool in
        try await pool.query("drop table if exists plan_test")
        try await pool.query("create table plan_test (a int8)")
        try await pool.query("insert into plan_test values (1)")
        try await pool.query("select * from plan_test")
        try await pool.query("alter table plan_test add column b int8 default 5")
        let row = try await pool.query("select * from plan_test").first
        #expect(try row?.decode(1, as: Int64.self) == 5)
      }
    }

    @Test func `statements that leave the cache leave the server too`() async throws {
      try await fixture.withPool {
        $0.sharedConnectionsPerLoop = 1
      } _: { pool in
        for number in 0..<600 { try await pool.query("select \(number)") }
        let kept = try await pool.query("select count(*) from pg_prepared_statements").first?.decode(0, as: Int64.self)
        #expect((kept ?? .max) < 300)
      }
    }

    @Test func `more parameters than the protocol counts are refused without harm`() async throws {
      try await fixture.withPool { pool in
        let error = await failure {
          _ = try await pool.query("select 1", [Int64](repeating: 1, count: 70_000).map { $0 as any PostgresEncodable })
        }
        #expect(error?.sqlState == "54023")
        let row = try await pool.query("select 3").first
        #expect(try row?.decode(0, as: Int64.self) == 3)
      }
    }

    @Test func `copying is refused instead of turning for ever`() async throws {
      try await fixture.withPool { pool in
        let error = await failure { _ = try await pool.query("copy (select 1) to stdout") }
        #expect(error != nil)
        let row = try await pool.query("select 4").first
        #expect(try row?.decode(0, as: Int64.self) == 4)
      }
    }

    @Test func `times beyond the server's range are refused, infinite ones do not decode`() async throws {
      try await fixture.withPool { pool in
        let error = await failure {
          _ = try await pool.query("select $1::timestamptz", [Timestamp(unixMicroseconds: .min)])
        }
        #expect(error?.sqlState == "22008")
        let row = try #require(try await pool.query("select 'infinity'::timestamptz, '-infinity'::timestamptz").first)
        #expect(throws: PostgresError.self) { try row.decode(0, as: Timestamp.self) }
        #expect(throws: PostgresError.self) { try row.decode(1, as: Timestamp.self) }
      }
    }

    @Test func `a closed pool refuses at once`() async throws {
      try await fixture.withPool { pool in
        await pool.close()
        let query = await failure { try await pool.query("select 1") }
        #expect(query?.code == .unavailable)
        let transaction = await failure { try await pool.transaction { _ = try await $0.query("select 1") } }
        #expect(transaction?.code == .unavailable)
      }
    }
  }
}
