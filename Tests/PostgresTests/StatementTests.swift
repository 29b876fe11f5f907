import Primitives
import Testing

@testable import Postgres

/// What a declaration gives, without a database.
@Suite struct StatementTests {
  private struct Move: Sendable {
    let tenant: UUID
    let reason: String?
    let steps: [(id: UUID, attempt: Int32?)]
  }

  private struct Seen: Equatable, Sendable {
    let id: UUID
    let attempt: Int32?
  }

  private static let seen = ResultColumns<Seen> { column in
    let id = column("s.id", .uuid)
    let attempt = column(nullable: "s.attempt", .int4)
    return { row in Seen(id: try row[id], attempt: try row[attempt]) }
  }

  private static let move = Statement<Move, Seen>(seen) { parameter in
    let tenant = parameter("tenant", .uuid) { $0.tenant }
    let moved = parameter.rows("m") { $0.steps }
    let ids = moved("id", .uuid) { $0.id }
    moved("attempt", .int4) { $0.attempt }
    let reason = parameter("reason", .text) { $0.reason }
    return """
      update step s set attempt = m.attempt, reason = \(reason), other = any(\(ids)) from \(moved)
      where s.tenant_id = \(tenant) and s.id = m.id returning \(seen)
      """
  }

  private let first = UUID(high: 1, low: 2)
  private let second = UUID(high: 3, low: 4)

  /// Parameters as they travel; `nil` is NULL.
  private func bytes(_ statement: PostgresStatement) -> [[UInt8]?] {
    (0..<statement.parameterCount).map { index in
      var bytes: [UInt8] = []
      return statement.encode(index, &bytes) ? bytes : nil
    }
  }

  @Test func `the text is numbered in the order of the declaration`() {
    #expect(
      Self.move.sql == """
        update step s set attempt = m.attempt, reason = $4::text, other = any($2::uuid[]) from \
        unnest($2::uuid[], $3::int4[]) as m(id, attempt)
        where s.tenant_id = $1::uuid and s.id = m.id returning s.id, s.attempt
        """)
    #expect(Self.move.faults == [])
  }

  @Test func `values and types stand where the text expects them`() {
    let call = Self.move.call(Move(tenant: first, reason: nil, steps: [(first, 7), (second, nil)]))
    #expect(call.text.types == [UUID.elementType, UUID.arrayType, Int32.arrayType, String.elementType])
    let plain = PostgresStatement("", [first, [first, second], [7, nil] as [Int32?], String?.none])
    #expect(bytes(call) == bytes(plain))
    #expect(bytes(call)[3] == nil)
    let none = Self.move.call(Move(tenant: first, reason: "", steps: []))
    #expect(bytes(none) == bytes(PostgresStatement("", [first, [UUID](), [Int32](), ""])))
  }

  @Test func `arrays of scalars and bytes are bound as a whole`() {
    let statement = Statement<[[UInt8]], Void> { parameter in
      let digests = parameter.array("digests", of: .bytea) { $0 }
      return "delete from payload where sha256 = any(\(digests))"
    }
    #expect(statement.sql == "delete from payload where sha256 = any($1::bytea[])")
    #expect(bytes(statement.call([[1], []])) == bytes(PostgresStatement("", [[[1], []] as [[UInt8]]])))
    #expect(statement.faults == [])
  }

  @Test func `included columns keep their places`() {
    let both = ResultColumns<(Seen, String, Seen)> { column in
      let first = column.include(Self.seen)
      let name = column("name", .text)
      let second = column.include(Self.seen)
      return { row in (try row[first], try row[name], try row[second]) }
    }
    #expect(both.description == "s.id, s.attempt, name, s.id, s.attempt")
    #expect(both.count == 5)
  }

  @Test func `a declaration and a text that disagree are found`() {
    func faults(_ build: (StatementBuilder<Move>) -> String) -> [String] { Statement<Move, Void>(build).faults }
    #expect(
      faults { parameter in
        _ = parameter("tenant", .uuid) { $0.tenant }
        return "select 1"
      } == ["parameter tenant is not used"])
    #expect(faults { _ in "select $1 -- $2\n, '$3'" } == ["$1 is not declared"])
    #expect(
      faults { parameter in
        let rows = parameter.rows("m") { $0.steps }
        rows("id", .uuid) { $0.id }
        rows("attempt", .int4) { $0.attempt }
        return "select m.id, m.bucket from \(rows)"
      } == ["column m.attempt is not used", "column m.bucket is not declared"])
    #expect(
      faults { parameter in
        let rows = parameter.rows("m") { $0.steps }
        rows("id", .uuid) { $0.id }
        let others = parameter.rows("m") { $0.steps }
        others("id", .uuid) { $0.id }
        return "select m.* from \(rows) union select m.* from \(others)"
      } == ["the alias m is used twice"])
    #expect(
      Statement<Move, Seen>(Self.seen) { _ in "select id from step" }.faults
        == ["the columns of the result are not used"])
  }

  @Test func `texts are the same when their types are`() {
    let text = StatementText(sql: "select $1", types: [23])
    #expect(text == StatementText(sql: "select $1", types: [23]))
    #expect(text.hashValue == StatementText(sql: "select $1", types: [23]).hashValue)
    #expect(text != StatementText(sql: "select $1", types: [20]))
    #expect(text != StatementText(sql: "select $2", types: [23]))
  }
}

extension PostgresTests {
  @Suite(.serialized) struct DeclaredStatements {
    private let fixture: PostgresFixture
    init() throws { fixture = try PostgresFixture.shared.get() }

    private struct Item: Equatable, Sendable {
      let id: UUID
      let name: String
      let due: Timestamp?
    }

    private static let item = ResultColumns<Item> { column in
      let id = column("u.id", .uuid)
      let name = column("u.name", .text)
      let due = column(nullable: "u.due", .timestamptz)
      return { row in Item(id: try row[id], name: try row[name], due: try row[due]) }
    }

    private static let echo = Statement<(items: [Item], least: Int64), (Int64, Item)>(numbered) { parameter in
      let least = parameter("least", .int8) { $0.least }
      let rows = parameter.rows("u") { $0.items }
      rows("id", .uuid) { $0.id }
      rows("name", .text) { $0.name }
      rows("due", .timestamptz) { $0.due }
      return "select \(numbered) from \(rows) where length(u.name) >= \(least) order by u.name"
    }

    private static let numbered = ResultColumns<(Int64, Item)> { column in
      let length = column("length(u.name)::int8", .int8)
      let item = column.include(item)
      return { row in (try row[length], try row[item]) }
    }

    @Test func `a declared statement makes the round trip`() async throws {
      let items = [
        Item(id: UUID(high: 1, low: 1), name: "aa", due: nil),
        Item(id: UUID(high: 2, low: 2), name: "bbb", due: Timestamp(unixMicroseconds: 5)),
        Item(id: UUID(high: 3, low: 3), name: "c", due: nil),
      ]
      try await fixture.withPool { pool in
        let rows = try await pool.query(Self.echo, (items, 2))
        #expect(rows.map(\.0) == [2, 3])
        #expect(rows.map(\.1) == Array(items.prefix(2)))
        let changed = try await pool.execute(
          Statement<Int64, Void> { "select generate_series(1, \($0("n", .int8) { $0 }))" }, 3)
        #expect(changed == 3)
        let wrong = ResultColumns<Int64> { column in
          let value = column("'x'::text", .int8)
          return { row in try row[value] }
        }
        let error = await failure {
          _ = try await pool.query(Statement<Void, Int64>(wrong) { _ in "select \(wrong)" }, ())
        }
        #expect(error?.code == .decoding)
      }
    }
  }
}
