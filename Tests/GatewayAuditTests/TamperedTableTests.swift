import AuditChain
import Contracts
import GatewayAudit
import HTTPWire
import Primitives
import Reactor
import Telemetry
import Testing

extension AuditTests {
  /// What somebody does who has the database and no keys.
  @Suite(.serialized) struct TamperedTableTests {
    /// Runs `body` after ten entries.
    private func withEntries(_ body: @escaping @Sendable (AuditFixture) async throws -> Void) async throws {
      try await AuditFixture.run { fixture in
        for number in 1...5 { try await fixture.change("task_\(number)") }
        _ = try await fixture.entries(10)
        try await body(fixture)
      }
    }

    @Test(arguments: [
      ("update audit_entry set subject = 'user_2' where sequence = 4", [AuditFault(4, .altered)]),
      ("update audit_entry set at = at + interval '1 ms' where sequence = 4", [AuditFault(4, .altered)]),
      ("update audit_entry set kind = 'nonsense' where sequence = 4", [AuditFault(4, .altered)]),
      ("update audit_entry set signature = hash where sequence = 4", [AuditFault(4, .forged)]),
      ("delete from audit_entry where sequence = 4", [AuditFault(4, .missing)]),
      ("delete from audit_entry where sequence < 4", [AuditFault(1, .missing)]),
      ("delete from audit_entry where sequence > 7", [AuditFault(8, .truncated)]),
      ("delete from audit_entry", [AuditFault(1, .truncated)]),
      (
        """
        update audit_entry set sequence = -sequence + 100 where sequence in (4, 5);
        update audit_entry set sequence = sequence - 91 where sequence = 95;
        update audit_entry set sequence = sequence - 91 where sequence = 96
        """, [AuditFault(4, .altered), AuditFault(5, .altered), AuditFault(6, .altered)]
      ),
      (
        "delete from audit_entry where sequence > 7; update audit_head h set sequence = e.sequence, hash = e.hash from audit_entry e where e.sequence = 7 and e.tenant_id = h.tenant_id",
        [AuditFault(7, .headForged)]
      ),
      (
        "update audit_head h set base_sequence = e.sequence, base_hash = e.hash from audit_entry e where e.sequence = 3 and e.tenant_id = h.tenant_id; delete from audit_entry where sequence <= 3",
        [AuditFault(3, .baseForged)]
      ),
    ])
    func `is found and located`(sql: String, faults: [AuditFault]) async throws {
      try await withEntries { fixture in
        #expect(try await fixture.faults() == [])
        try fixture.sql(sql)
        #expect(try await fixture.faults() == faults)
        let answer = try await fixture.send(.get, "/api/v1/audit/verification")
        #expect(answer.text.contains(#""intact":false"#))
        #expect(answer.text.contains(#""kind":"\#(faults[0].kind.rawValue)""#))
      }
    }

    @Test func `an entry of another tenant is found`() async throws {
      try await withEntries { fixture in
        for number in 1...5 { try await fixture.change("task_\(number)", as: "user_2") }
        _ = try await fixture.entries(10, AuditChainID(AuditFixture.other))
        try fixture.sql(
          """
          delete from audit_entry where tenant_id = '\(AuditFixture.tenant.uuid)' and sequence = 4;
          update audit_entry set tenant_id = '\(AuditFixture.tenant.uuid)'
          where tenant_id = '\(AuditFixture.other.uuid)' and sequence = 4
          """)
        // What follows does not fit to it either.
        #expect(try await fixture.faults() == [AuditFault(4, .altered), AuditFault(5, .altered)])
        #expect(try await fixture.faults(AuditChainID(AuditFixture.other)) == [AuditFault(4, .missing)])
      }
    }

    @Test func `a chain that was set back while a gateway runs is noticed, and work goes on`() async throws {
      try await withEntries { fixture in
        // With the row of the end: entries stand behind it.
        try fixture.sql(
          "update audit_head h set sequence = e.sequence, hash = e.hash from audit_entry e where e.sequence = 7 and e.tenant_id = h.tenant_id"
        )
        #expect(try await fixture.change("task_6") == 200)
        #expect(try await fixture.entries(12).map(\.link.sequence) == Array(1...12))
        #expect(fixture.tampering("head") == 1)
        // The newest entries and the end: nothing in the database shows it, the process remembers.
        let saved = try await fixture.entries(12)[9]
        try fixture.sql("delete from audit_entry where sequence > 10")
        let head = SignedLink.head(
          saved.link, try AuditKeys(setting: AuditFixture.secret, named: "audit.keys"))
        let signature = head.signature.bytes.map { String(format: $0) }.joined()
        try fixture.sql(
          "update audit_head set sequence = 10, hash = (select hash from audit_entry where sequence = 10), signature = '\\x\(signature)'"
        )
        #expect(try await fixture.faults() == [])
        #expect(try await fixture.change("task_7") == 200)
        var tries = 0
        while fixture.tampering("end") == 0, tries < 600 {
          tries += 1
          try await EventLoop.sleep(for: .milliseconds(100))
        }
        #expect(fixture.tampering("end") == 1)
      }
    }

    @Test func `a chain whose end was removed goes on, and this is noticed`() async throws {
      try await withEntries { fixture in
        try fixture.sql("delete from audit_head")
        #expect(try await fixture.change("task_6") == 200)
        let entries = try await fixture.entries(12)
        #expect(entries.map(\.link.sequence) == Array(1...12))
        #expect(fixture.tampering("head") == 1)
        #expect(try await fixture.faults() == [])
      }
    }
  }
}

extension AuditFixture {
  /// How often tampering was noticed.
  func tampering(_ what: String) -> Int {
    let text = String(decoding: telemetry.registry.render(.prometheusText), as: UTF8.self)
    let line = text.split(separator: "\n").first { $0.hasPrefix("cadre_audit_tampering_total{what=\"\(what)\"}") }
    return line.flatMap { $0.split(separator: " ").last }.flatMap { Double($0) }.map { Int($0) } ?? 0
  }
}

extension String {
  fileprivate init(format byte: UInt8) { self = Hex.encode([byte]) }
}
