import AuditChain
import Contracts
import Primitives
import Testing

@Suite struct ExportTests {
  private let keys: AuditKeys
  private let chain: SampleChain

  init() throws {
    keys = try #require(SampleChain.keys)
    chain = SampleChain(6, keys: keys)
  }

  private func verify(_ lines: [[UInt8]], keys: AuditKeys? = nil) throws -> AuditReport {
    var reader = AuditExportReader(keys: keys ?? self.keys)
    for line in lines { try reader.take(line.dropLast()) }
    return try reader.finish()
  }

  @Test func `an export verifies`() throws {
    let report = try verify(chain.export)
    #expect(report.isIntact)
    #expect(report.entries == 6)
    #expect(report.areSignaturesChecked)
    #expect(try verify([AuditExport.first(.base(.genesis(.installation), keys), signedAs: .base),
      AuditExport.last(.head(.genesis(.installation), keys))]).isIntact)
  }

  @Test func `an export from an entry on verifies`() throws {
    let first = chain.entries[1]
    var lines = chain.export
    lines.replaceSubrange(
      0..<3, with: [AuditExport.first(SignedLink(first.link, first.signature), signedAs: .entry)])
    #expect(try verify(lines).isIntact)
  }

  @Test func `changes of the file are found`() throws {
    for (old, new) in [
      ("user_3", "user_4"), ("201", "202"), ("\"method\":\"POST\"", "\"method\":\"POST\",\"note\":\"x\""),
      ("\"kind\":\"outcome\"", "\"kind\":\"refusal\""), ("id=task_3", "id=task_9"),
    ] {
      var lines = chain.export
      lines[4] = Array(String(decoding: lines[4], as: UTF8.self).replacing(old, with: new).utf8)
      #expect(lines[4] != chain.export[4], "\(old)")
      #expect(try !verify(lines).isIntact, "\(old)")
    }
    var lines = chain.export
    lines.remove(at: 3)
    #expect(try verify(lines).faults == [AuditFault(3, .missing)])
    lines = chain.export
    lines.swapAt(2, 3)
    #expect(try !verify(lines).isIntact)
    lines = chain.export
    lines.insert(Array("nonsense\n".utf8), at: 2)
    #expect(try verify(lines).faults == [AuditFault(2, .unreadable)])
    lines = chain.export
    lines.insert([UInt8](repeating: 91, count: 100_000), at: 2)
    #expect(try verify(lines).faults == [AuditFault(2, .unreadable)])
  }

  @Test func `an export that was cut, or is none, is refused`() {
    #expect(throws: AuditExportReader.Refusal.unfinished) { try verify(chain.export.dropLast()) }
    #expect(throws: AuditExportReader.Refusal.noExport) { try verify([]) }
    #expect(throws: AuditExportReader.Refusal.noExport) { try verify([Array("{}\n".utf8)]) }
    #expect(throws: AuditExportReader.Refusal.noExport) { try verify(Array(chain.export.dropFirst())) }
    #expect(throws: AuditExportReader.Refusal.trailing) { try verify(chain.export + [chain.export[1]]) }
  }
}
