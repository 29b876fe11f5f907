import LocalStack
import Postgres
import Testing

extension PostgresTests {
  /// What the client does for a pooler that gives each transaction some session; here without one in between.
  @Suite(.serialized) struct TransactionPooler {
    private let fixture: PostgresFixture
    init() throws { fixture = try PostgresFixture.shared.get() }

    private func withPool(_ body: @escaping @Sendable (PostgresPool) async throws -> Void) async throws {
      let direct = fixture.server.connectionString
      try await fixture.withPool {
        $0.pooler = .transaction
        $0.directConnectionString = direct
        $0.sharedConnectionsPerLoop = 1
        $0.sessionSettings = ["work_mem": "5MB"]
      } _: {
        try await body($0)
      }
    }

    @Test func `nothing is left in a session: neither names nor settings`() async throws {
      try await withPool { pool in
        let within = try await pool.query("select current_setting('work_mem'), current_setting('statement_timeout')")
        #expect(try within.first?.decode(0, as: String.self) == "5MB")
        #expect(try within.first?.decode(1, as: String.self) == "10s")
        let names = try await pool.query("select count(*) from pg_prepared_statements").first
        #expect(try names?.decode(0, as: Int64.self) == 0)
        // What stands in the session shows when a transaction puts its own settings back.
        let left = try await pool.query("select reset_val from pg_settings where name = 'work_mem'").first
        #expect(try left?.decode(0, as: String.self) == "4096")
      }
    }

    @Test func `many calls each get their own answer, one unit after the other`() async throws {
      try await withPool { pool in
        let wrong = try await withThrowingTaskGroup(of: Bool.self) { group in
          for number in 0..<500 {
            group.addTask {
              if number % 7 == 0 {
                return await failure { try await pool.query("select 1 / 0 + \(number)") }?.sqlState != "22012"
              }
              let row = try await pool.query("select $1::int8 * 2", [Int64(number)]).first
              return try row?.decode(0, as: Int64.self) != Int64(number * 2)
            }
          }
          return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
        #expect(wrong == 0)
      }
    }

    @Test func `a batch and a transaction are whole or not at all`() async throws {
      try await withPool { pool in
        try await pool.query("drop table if exists pooled_test")
        try await pool.query("create table pooled_test (id int8 primary key)")
        let insert = "insert into pooled_test values ($1)"
        let failed = await failure {
          _ = try await pool.batch([PostgresStatement(insert, [Int64(1)]), PostgresStatement(insert, [Int64(1)])])
        }
        #expect(failed?.sqlState == "23505")
        let value = try await pool.transaction { transaction in
          try await transaction.query(insert, [Int64(2)])
          return try await transaction.query("select current_setting('work_mem')").first?.decode(0, as: String.self)
        }
        #expect(value == "5MB")
        let swallowed = await failure {
          try await pool.transaction { transaction in
            try await transaction.query(insert, [Int64(3)])
            _ = try? await transaction.query("select 1/0")
          }
        }
        #expect(swallowed?.sqlState == "25P02")
        let ids = try await pool.query("select id from pooled_test").map { try $0.decode(0, as: Int64.self) }
        #expect(ids == [2])
      }
    }

    @Test func `units that wait when the connection ends have not been sent`() async throws {
      try await withPool { pool in
        async let first = failure {
          _ = try await pool.query("select pg_terminate_backend(pg_backend_pid()), pg_sleep(1)")
        }
        async let second = failure { _ = try await pool.query("select 2") }
        let errors = [await first, await second]
        #expect(errors[0]?.outcomeUnknown == true)
        // The second one was refused unsent, or came after the connection was made again.
        #expect(errors[1]?.outcomeUnknown != true)
        let row = try await pool.query("select 3").first
        #expect(try row?.decode(0, as: Int64.self) == 3)
      }
    }
  }
}
