import Postgres
import Primitives
import SystemSources
import Testing

extension PostgresTests {
  @Suite(.serialized) struct Values {
    private let fixture: PostgresFixture
    init() throws { fixture = try PostgresFixture.shared.get() }

    @Test func `every type makes the round trip, extremes and NULLs included`() async throws {
      try await fixture.withPool { pool in
        func same<Value: PostgresEncodable & PostgresDecodable & Equatable>(_ value: Value, _ type: String) async throws
        {
          let row = try #require(try await pool.query("select $1::\(type)", [value]).first)
          #expect(try row.decode(0, as: Value.self) == value)
        }
        try await same(true, "bool")
        try await same(Int32.min, "int4")
        try await same(Int64.max, "int8")
        try await same(Int64.min, "int8")
        try await same(-0.1, "float8")
        try await same(Double.infinity, "float8")
        try await same("", "text")
        try await same("aé😀'\";--\n", "text")
        try await same([UInt8](), "bytea")
        try await same([UInt8](0...255), "bytea")
        try await same(UUID.version7(), "uuid")
        try await same(Timestamp(unixMicroseconds: 1_795_214_045_123_456), "timestamptz")
        try await same(Timestamp(unixMicroseconds: -1), "timestamptz")
        let json = PostgresJSON(Array(#"{"a": [1, null]}"#.utf8))
        try await same(json, "jsonb")
        let row = try #require(try await pool.query("select $1::text, $2::int8", [String?.none, Int64?.some(7)]).first)
        #expect(try row.decode(0, as: String?.self) == nil)
        #expect(try row.decode(1, as: Int64?.self) == 7)
        #expect(throws: PostgresError.self) { try row.decode(0, as: String.self) }
        #expect(throws: PostgresError.self) { try row.decode(1, as: UUID.self) }
        #expect(throws: PostgresError.self) { try row.decode(2, as: Int64.self) }
      }
    }

    @Test func `arrays become rows by unnest, NULL elements and empty arrays included`() async throws {
      try await fixture.withPool { pool in
        let rows = try await pool.query(
          "select a, b, c from unnest($1::text[], $2::int4[], $3::bytea[]) as u(a, b, c)",
          [["x", nil, "z"] as [String?], [1, 2, 3] as [Int32], [[1], [], [3, 3]] as [[UInt8]]])
        #expect(try rows.map { try $0.decode(0, as: String?.self) } == ["x", nil, "z"])
        #expect(try rows.map { try $0.decode(2, as: [UInt8].self) } == [[1], [], [3, 3]])
        let none = try await pool.query("select unnest($1::uuid[])", [[UUID]()])
        #expect(none.isEmpty)
      }
    }

    @Test func `values never become SQL, and what text cannot hold is refused cleanly`() async throws {
      try await fixture.withPool { pool in
        let evil = "'; drop table x; --"
        let row = try #require(try await pool.query("select $1::text || $2::text", [evil, "$1"]).first)
        #expect(try row.decode(0, as: String.self) == evil + "$1")
        let error = await failure { try await pool.query("select $1::text", ["a\0b"]) }
        #expect(error?.sqlState == "22021")
        let big = [UInt8](repeating: 7, count: 10 << 20)
        let length = try await pool.query("select length($1::bytea), $1::bytea", [big]).first
        #expect(try length?.decode(0, as: Int64.self) == Int64(big.count))
        #expect(try length?.decode(1, as: [UInt8].self) == big)
      }
    }

    @Test func `errors say what happened without the data`() async throws {
      try await fixture.withPool { pool in
        let error = await failure { try await pool.query("select $1::int8 / 0 as secret_column", [Int64(42)]) }
        #expect(error?.sqlState == "22012")
        #expect(error.map { "\($0)".contains("secret") } == false)
        #expect(error.map { String(reflecting: $0).contains("division by zero") } == true)
        #expect(error?.isTransient == false)
      }
    }
  }
}
