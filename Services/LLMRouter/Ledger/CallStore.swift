package import Postgres
internal import Pricing
internal import Primitives

/// Where the ledger's writer puts its rows. Everything throws `PostgresError`.
protocol CallRows: Sendable {
  /// Adds rows; those that are there already stay as they are.
  func insert(_ rows: [[UInt8]]) async throws
  /// Adds rows of a process that ended early.
  func insert(_ rows: [[UInt8]], leftBy orphan: OrphanedForm) async throws
  /// Adds up to so many calls to the sums of hours and days. Returns how many there were.
  func addUsage(rowsMax: Int) async throws -> Int
}

/// How the rows of a process that ended early are to be read.
enum OrphanedForm: Sendable, Equatable {
  /// Rows of the form before this one, or of a process of which nothing else is known: as they are.
  case plain(isEarlierForm: Bool)
  /// The process was alive at this time at least. A call that was open then is charged what was possible until then:
  /// the prompt and what a model can say, at most what was reserved.
  case alive(Timestamp)
}

/// The table of calls, as it is written.
package struct CallStore: CallRows {
  private let pool: PostgresPool

  /// The table behind a pool.
  package init(pool: PostgresPool) { self.pool = pool }

  func insert(_ rows: [[UInt8]]) async throws { try await pool.execute(Statements.insert, rows) }

  func insert(_ rows: [[UInt8]], leftBy orphan: OrphanedForm) async throws {
    switch orphan {
    case .plain(isEarlierForm: true): try await pool.execute(Statements.insertEarlierForm, rows)
    case .plain(isEarlierForm: false): try await pool.execute(Statements.insert, rows)
    case .alive(let aliveAt): try await pool.execute(Statements.insertOrphaned, (rows, aliveAt))
    }
  }

  func addUsage(rowsMax: Int) async throws -> Int {
    try await pool.query(Statements.addUsage, Int32(clamping: rowsMax)).first ?? 0
  }

  enum Statements {
    private static let isWanted = """
      not exists (select 1 from tenant_state z
        where z.tenant_id = c.tenant_id and z.deletion_requested_at is not null)
      """

    private static func insert(of type: String) -> Statement<[[UInt8]], Void> {
      Statement { parameter in
        let rows = parameter.array("rows", of: .text) { $0.map { String(decoding: $0, as: UTF8.self) } }
        // A row that is there already was written before an acknowledgement was lost.
        // What comes late of a tenant that is to be deleted is left out.
        return """
          insert into call select c.* from unnest(\(rows)::\(type)[]) c where \(isWanted) on conflict (id) do nothing
          """
      }
    }

    static let insert = insert(of: "call_entry_2")
    static let insertEarlierForm = insert(of: "call_entry")

    static let insertOrphaned = Statement<(rows: [[UInt8]], aliveAt: Timestamp), Void> { parameter in
      let rows = parameter.array("rows", of: .text) { $0.rows.map { String(decoding: $0, as: UTF8.self) } }
      let aliveAt = parameter("alive_at", .timestamptz) { $0.aliveAt }
      let tokensPerSecond = parameter("tokens_per_second", .int8) { _ in TokenEstimate.tokensPerSecondMax }
      // The money is cut in the same proportion; that is never too little where an answer is dearer than its prompt.
      return """
        insert into call select (r).* from (
          select case when c.outcome <> 'interrupted' or c.charged_tokens <= b.tokens then c else jsonb_populate_record(
            c, jsonb_build_object('charged_tokens', b.tokens, 'output_tokens', b.tokens - least(c.input_tokens, b.tokens),
              'charged_nano_usd', ceil(c.charged_nano_usd::numeric * b.tokens / c.charged_tokens)::int8)) end as r
          from unnest(\(rows)::call_entry_2[]) c,
            lateral (select c.input_tokens + ceil(greatest(0, extract(epoch from
              \(aliveAt) + interval '1 second' - c.started_at)) * \(tokensPerSecond))::int8 as tokens) b
          where \(isWanted)) taken
        on conflict (id) do nothing
        """
    }

    private static let count = ResultColumns<Int> { column in
      let count = column("added", .int8)
      return { row in Int(try row[count]) }
    }

    static let addUsage = Statement<Int32, Int>(count) { parameter in
      let rowsMax = parameter("rows_max", .int4) { $0 }
      return "select \(count) from add_usage(\(rowsMax)) added"
    }

    /// What is wrong with the declarations; a test expects nothing.
    static var faults: [String] {
      insert.faults + insertEarlierForm.faults + insertOrphaned.faults + addUsage.faults
    }
  }
}
