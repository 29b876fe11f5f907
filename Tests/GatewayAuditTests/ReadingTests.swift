import AuditChain
import Contracts
import GatewayAudit
import HTTPWire
import JSON
import Primitives
import Reactor
import Telemetry
import Testing

extension AuditTests {
  @Suite(.serialized) struct ReadingTests {
    @Test func `entries are listed by pages and filters`() async throws {
      try await AuditFixture.run { fixture in
        for number in 1...6 { try await fixture.change("task_\(number)", number == 3 ? "conflict" : "x") }
        try await fixture.send(.get, "/api/v1/tasks/forbidden")
        _ = try await fixture.entries(13)
        var sequences: [Int64] = []
        var cursor = ""
        repeat {
          let answer = try await fixture.send(.get, "/api/v1/audit?limit=5\(cursor)")
          let root = try JSONDocument(parsing: answer.text).root
          sequences += root["entries"]?.elements.compactMap { $0["sequence"]?.int } ?? []
          cursor = root["next_cursor"]?.string.map { "&cursor=\($0)" } ?? ""
        } while !cursor.isEmpty
        #expect(sequences == Array((1...13).reversed()))
        func count(_ query: String) async throws -> Int {
          let answer = try await fixture.send(.get, "/api/v1/audit?\(query)")
          return try JSONDocument(parsing: answer.text).root["entries"]?.count ?? -1
        }
        #expect(try await count("outcome=succeeded") == 5)
        #expect(try await count("outcome=failed") == 1)
        #expect(try await count("outcome=refused") == 1)
        #expect(try await count("outcome=unknown") == 0)
        #expect(try await count("actor=user_1") == 13)
        #expect(try await count("actor=user_2") == 0)
        #expect(try await count("actor=user_1'%20or%201%3D1") == 0)
        #expect(try await count("route=%2Fapi%2Fv1%2Ftasks%2F%7Bid%7D&limit=200") == 13)
        #expect(try await count("since=2000-01-01T00:00:00Z&until=2001-01-01T00:00:00Z") == 0)
        for bad in ["limit=0", "cursor=x", "outcome=x", "since=x", "request=x", "actor=%00"] {
          #expect(try await fixture.send(.get, "/api/v1/audit?\(bad)").status == 400, "\(bad)")
        }
        // Another tenant sees nothing of it.
        let other = try await fixture.send(.get, "/api/v1/audit", as: "user_2")
        #expect(try JSONDocument(parsing: other.text).root["entries"]?.count == 0)
      }
    }

    @Test func `an export verifies, whole and from an entry on`() async throws {
      try await AuditFixture.run { fixture in
        for number in 1...20 { try await fixture.change("task_\(number)") }
        _ = try await fixture.entries(40)
        for query in ["", "?after=0", "?after=17"] {
          let answer = try await fixture.send(.get, "/api/v1/audit/export\(query)")
          #expect(answer.status == 200)
          var reader = AuditExportReader(keys: try AuditKeys(setting: AuditFixture.secret, named: "audit.keys"))
          for line in answer.text.split(separator: "\n") { try reader.take(line.utf8) }
          let report = try reader.finish()
          #expect(report.faults == [])
          #expect(report.end.sequence == 40)
        }
        #expect(try await fixture.send(.get, "/api/v1/audit/export?after=99").status == 400)
        let empty = try await fixture.send(.get, "/operator/v1/audit/export")
        #expect(empty.text.split(separator: "\n").count == 2)
        let named = try await fixture.send(.get, "/operator/v1/audit?tenant=\(AuditFixture.tenant)&limit=1")
        #expect(named.text.contains("\(AuditFixture.tenant)"))
        #expect(try await fixture.send(.get, "/operator/v1/audit/verification?tenant=x").status == 400)
      }
    }

    @Test func `old entries are removed and the rest verifies`() async throws {
      try await AuditFixture.run { fixture in
        for number in 1...5 { try await fixture.change("task_\(number)") }
        let entries = try await fixture.entries(10)
        let maintenance = AuditMaintenance(
          store: fixture.store, verifyInterval: .seconds(1), retentionDays: 30, telemetry: .disabled())
        try await maintenance.once()
        #expect(try await fixture.entries(10).count == 10)
        // Whoever sets the clock of entries back to have them removed is found: they stay.
        try fixture.sql("update audit_entry set at = now() - interval '31 days' where sequence <= 6")
        try await maintenance.once()
        #expect(try await fixture.entries(10).count == 10)
        #expect(try await fixture.faults().map(\.sequence) == Array(1...6))
        // A chain that began that long ago.
        try fixture.sql("delete from audit_entry; delete from audit_head")
        let keys = try AuditKeys(setting: AuditFixture.secret, named: "audit.keys")
        try await fixture.restore(entries, daysOlder: 31, untilSequence: 6, keys)
        #expect(try await fixture.faults() == [])
        try await maintenance.once()
        #expect(try await fixture.entries(4).map(\.link.sequence) == [7, 8, 9, 10])
        #expect(try await fixture.faults() == [])
        #expect(try await fixture.change("task_6") == 200)
        #expect(try await fixture.entries(6).last?.link.sequence == 12)
        #expect(try await fixture.faults() == [])
      }
    }

    @Test func `the regular verification notes faults`() async throws {
      try await AuditFixture.run { fixture in
        try await fixture.change()
        _ = try await fixture.entries(2)
        let telemetry = fixture.telemetry
        let maintenance = AuditMaintenance(
          store: fixture.store, verifyInterval: .seconds(1), retentionDays: 0, telemetry: telemetry)
        func faulty() -> String? {
          String(decoding: telemetry.registry.render(.prometheusText), as: UTF8.self).split(separator: "\n")
            .first { $0.hasPrefix("cadre_audit_chains_faulty ") }.map(String.init)
        }
        try await maintenance.once()
        #expect(faulty() == "cadre_audit_chains_faulty 0")
        try fixture.sql(
          "update audit_entry set subject = 'x' where sequence = 1; update audit_head set verified_at = '2020-01-01'")
        try await maintenance.once()
        #expect(faulty() == "cadre_audit_chains_faulty 1")
      }
    }
  }
}

extension AuditFixture {
  /// Writes entries anew with older times, as a gateway would have written them.
  func restore(
    _ entries: [ChainedEntry], daysOlder days: Int64, untilSequence last: Int64, _ keys: AuditKeys
  ) async throws {
    var link = AuditLink.genesis(AuditFixture.chain)
    for stored in entries {
      var time = stored.entry.time
      if stored.link.sequence <= last {
        time = Timestamp(unixMicroseconds: time.unixMicroseconds - days * 86_400_000_000)
      }
      var entry = AuditEntry(stored.entry.kind, request: stored.entry.request, time: time)
      entry.subject = stored.entry.subject
      let next = ChainedEntry(entry, after: link, signedWith: keys)
      link = next.link
      func hex(_ bytes: [UInt8]) -> String { Hex.encode(bytes) }
      try sql(
        """
        insert into audit_entry values ('\(AuditFixture.tenant.uuid)', \(link.sequence), '\(entry.kind.rawValue)',
          '\(entry.request)', '\(time)', '\(entry.subject)', '', '', '', '', '', '', '', 0, '', 1, '', '',
          '\\x\(hex(link.hash))', '\(next.signature.key)', '\\x\(hex(next.signature.bytes))')
        """)
    }
    let head = SignedLink.head(link, keys)
    let base = SignedLink.base(.genesis(AuditFixture.chain), keys)
    try sql(
      """
      insert into audit_head values ('\(AuditFixture.tenant.uuid)', \(link.sequence), '\\x\(Hex.encode(link.hash))',
        '\(head.signature.key)', '\\x\(Hex.encode(head.signature.bytes))', 0,
        '\\x\(Hex.encode(base.link.hash))', '\(base.signature.key)', '\\x\(Hex.encode(base.signature.bytes))')
      """)
  }
}
