import Contracts
import Dialects
import Postgres
import Primitives
import SystemSources
import Telemetry
import Testing

@testable import Ledger

/// The writer with a table in memory.
@Suite struct LedgerWriterTests {
  private func entry(_ outcome: String = "ok") -> LedgerEntry {
    var labels = CallLabels()
    labels.project = "a \"quoted\" \\ name"
    var entry = LedgerEntry(
      id: CallID(.version7()), tenant: TenantID(UUID(high: 1, low: 2)), startedAt: Timestamp(unixMicroseconds: 0),
      endedAt: Timestamp(unixMicroseconds: 1), dialect: .chat, labels: labels, modelAsked: "m")
    entry.outcome = outcome
    return entry
  }

  @Test func `what has ended is written by a flush`() async throws {
    let rows = FakeRows()
    let writer = LedgerWriter(rows: rows, spool: nil, logger: Telemetry.disabled().logger)
    let entries = (0..<(LedgerQueue.batchMax + 10)).map { _ in entry() }
    for entry in entries { writer.end(entry) }
    #expect(writer.backlog == entries.count)
    try await writer.flush()
    #expect(rows.rows == entries.map(\.row) && writer.backlog == 0)
  }

  @Test func `rows survive a table that is away`() async throws {
    let rows = FakeRows(failures: 1)
    let writer = LedgerWriter(rows: rows, spool: nil, logger: Telemetry.disabled().logger)
    let first = entry()
    writer.end(first)
    await #expect(throws: FakeRows.Away.self) { try await writer.flush() }
    #expect(writer.backlog == 1)
    let second = entry()
    writer.end(second)
    try await writer.flush()
    #expect(rows.rows == [first.row, second.row])
  }

  @Test func `a row is a literal in which texts are quoted`() {
    let text = String(decoding: entry("client_gone").row, as: UTF8.self)
    #expect(text.hasPrefix("(") && text.hasSuffix(")"))
    #expect(text.contains(#""a ""quoted"" \\ name""#))
    #expect(text.contains(",\"client_gone\","))
  }

  @Test func `statements are declared without a fault`() {
    #expect(CallStore.Statements.faults == [])
    #expect(UsageStore.Statements.startedAt.faults + UsageStore.Statements.call.faults == [])
    #expect(SpentStore.Statements.sums.faults == [])
  }

  @Test(arguments: [[], ["run"], ["model", "project"]], [nil, "hour", "day"])
  func `statements of every shape of a query are declared without a fault`(_ groups: [String], _ bucket: String?) {
    for filters in [[], [("outcome", "ok")], [("outcome", "failed"), ("agent", "a")]] {
      for minutes in [0, 30] as [Int64] {
        let query = UsageQuery(
          from: Timestamp(unixMicroseconds: minutes * 60_000_000),
          to: Timestamp(unixMicroseconds: (minutes + 60 * 50) * 60_000_000), groups: groups, bucket: bucket,
          filters: filters.map { (name: $0.0, value: $0.1) }, limit: 10)
        #expect(UsageStore.sumsStatement(query).faults == [])
        #expect(UsageStore.listStatement(query, hasCursor: true).faults == [])
        #expect(UsageStore.listStatement(query, hasCursor: false).faults == [])
      }
    }
  }
}
