import AuditChain
import Contracts
import Primitives
import Testing

@Suite struct TamperTests {
  private let keys: AuditKeys
  private var chain: SampleChain

  init() throws {
    keys = try #require(SampleChain.keys)
    chain = SampleChain(10, keys: keys)
  }

  @Test func `an intact chain has no faults, with and without keys`() {
    let report = chain.report(keys: keys)
    #expect(report.isIntact)
    #expect(report.entries == 10)
    #expect(report.end == chain.head.link)
    #expect(chain.faults(keys: nil) == [])
    #expect(SampleChain(0, keys: keys).report(keys: keys).isIntact)
  }

  @Test mutating func `a changed entry is found at its place`() {
    chain.entries[4] = chain.altered(4)
    #expect(chain.faults(keys: keys) == [AuditFault(5, .altered)])
    #expect(chain.faults(keys: nil) == [AuditFault(5, .altered)])
  }

  @Test mutating func `several changes are found, each at its place`() {
    chain.entries[2] = chain.altered(2)
    chain.entries[7] = chain.altered(7)
    #expect(chain.faults(keys: keys) == [AuditFault(3, .altered), AuditFault(8, .altered)])
  }

  @Test mutating func `a chain computed anew from a changed entry on has no signatures`() {
    var link = chain.entries[5].link
    for index in 6..<10 {
      var entry = chain.entries[index].entry
      if index == 6 { entry.subject = "user_x" }
      link = link.next(entry)
      chain.entries[index] = ChainedEntry(entry, link, chain.entries[index].signature)
    }
    chain.head = SignedLink(link, chain.head.signature)
    // The hashes alone are right: whoever has the database can compute them.
    #expect(chain.faults(keys: nil) == [])
    #expect(
      chain.faults(keys: keys) == [7, 8, 9, 10].map { AuditFault($0, .forged) } + [AuditFault(10, .headForged)])
  }

  @Test mutating func `a deleted entry is found`() {
    chain.entries.remove(at: 3)
    #expect(chain.faults(keys: keys) == [AuditFault(4, .missing)])
    #expect(chain.faults(keys: nil) == [AuditFault(4, .missing)])
  }

  @Test mutating func `an inserted entry is found`() {
    chain.entries.insert(ChainedEntry(SampleChain.entry(50), after: chain.entries[3].link, signedWith: keys), at: 5)
    #expect(chain.faults(keys: keys) == [AuditFault(5, .misplaced)])
  }

  @Test mutating func `an inserted entry whose followers were numbered anew is found`() {
    let inserted = ChainedEntry(
      SampleChain.entry(50), chain.entries[3].link.next(SampleChain.entry(50)), chain.entries[3].signature)
    let moved = chain.entries[4...].map { entry in
      ChainedEntry(
        entry.entry, AuditLink(SampleChain.tenant, sequence: entry.link.sequence + 1, hash: entry.link.hash),
        entry.signature)
    }
    chain.entries = chain.entries[..<4] + [inserted] + moved
    let faults = chain.faults(keys: keys)
    #expect(faults.first == AuditFault(5, .forged))
    #expect(faults.contains(AuditFault(6, .altered)))
    #expect(faults.last?.kind == .excess)
  }

  @Test mutating func `entries in another order are found`() {
    chain.entries.swapAt(2, 3)
    #expect(chain.faults(keys: keys) == [AuditFault(3, .missing), AuditFault(3, .misplaced)])
  }

  @Test mutating func `entries that have changed their numbers are found`() {
    let (third, fourth) = (chain.entries[2], chain.entries[3])
    chain.entries[2] = ChainedEntry(fourth.entry, third.link, third.signature)
    chain.entries[3] = ChainedEntry(third.entry, fourth.link, fourth.signature)
    #expect(chain.faults(keys: keys) == [AuditFault(3, .altered), AuditFault(4, .altered)])
  }

  @Test mutating func `a cut end is found`() {
    chain.entries.removeLast(3)
    #expect(chain.faults(keys: keys) == [AuditFault(8, .truncated)])
    #expect(chain.faults(keys: nil) == [AuditFault(8, .truncated)])
  }

  @Test mutating func `a cut end with a head that fits is found by its signature`() {
    chain.entries.removeLast(3)
    // The signature of the entry is none of the head.
    let last = chain.entries[6]
    chain.head = SignedLink(last.link, last.signature)
    #expect(chain.faults(keys: keys) == [AuditFault(7, .headForged)])
  }

  @Test mutating func `entries behind the end are found`() {
    let short = SampleChain(8, keys: keys)
    chain.head = short.head
    #expect(chain.faults(keys: keys) == [AuditFault(9, .excess)])
  }

  @Test mutating func `a removed beginning needs a signature of its own`() {
    chain.base = .base(chain.entries[3].link, keys)
    chain.entries.removeFirst(4)
    #expect(chain.faults(keys: keys) == [])
    chain.base = SignedLink(chain.base.link, chain.head.signature)
    #expect(chain.faults(keys: keys) == [AuditFault(4, .baseForged)])
  }

  @Test mutating func `entries of two tenants that were exchanged are found`() throws {
    let other = SampleChain(10, chain: AuditChainID(TenantID(UUID(high: 1, low: 3))), keys: keys)
    chain.entries[4] = other.entries[4]
    #expect(chain.faults(keys: keys) == [AuditFault(5, .foreign), AuditFault(5, .missing)])
    // With the tenant's column changed as well.
    chain.entries[4] = ChainedEntry(
      other.entries[4].entry, AuditLink(SampleChain.tenant, sequence: 5, hash: other.entries[4].link.hash),
      other.entries[4].signature)
    #expect(chain.faults(keys: keys).first == AuditFault(5, .altered))
    // A head of another tenant.
    chain = SampleChain(10, keys: keys)
    chain.head = other.head
    #expect(chain.faults(keys: keys).contains(AuditFault(10, .foreign)))
  }

  @Test func `every member is covered by the hash`() throws {
    let link = chain.entries[0].link
    let entry = SampleChain.entry(1)
    let changes: [(inout AuditEntry) -> Void] = [
      { $0.subject += "x" }, { $0.credential += "x" }, { $0.identity += "x" }, { $0.address += "x" },
      { $0.method += "x" }, { $0.route += "x" }, { $0.resources += "x" }, { $0.digest += [1] }, { $0.status += 1 },
      { $0.code += "x" }, { $0.count += 1 }, { $0.decision += "x" }, { $0.trace += "x" },
      {
        $0.subject += $0.credential
        $0.credential = ""
      },
    ]
    var hashes: Set<[UInt8]> = [link.next(entry).hash]
    for change in changes {
      var changed = entry
      change(&changed)
      #expect(hashes.insert(link.next(changed).hash).inserted)
    }
    #expect(hashes.insert(link.next(AuditEntry(.refusal, request: entry.request, time: entry.time)).hash).inserted)
    #expect(hashes.insert(link.next(AuditEntry(.outcome, request: entry.request, time: entry.time)).hash).inserted)
  }

  @Test mutating func `a key that is gone and a key that is new are told apart`() throws {
    let new = try AuditKeys(setting: "two:\(String(repeating: "n", count: 32))", named: "audit.keys")
    #expect(chain.report(keys: new).faults.allSatisfy { $0.kind == .unknownKey })
    let both = try AuditKeys(
      setting: "two:\(String(repeating: "n", count: 32)),one:\(String(repeating: "k", count: 32))",
      named: "audit.keys")
    #expect(chain.report(keys: both).isIntact)
    chain.entries.append(
      ChainedEntry(SampleChain.entry(10), after: chain.head.link, signedWith: both))
    chain.head = .head(chain.entries[10].link, both)
    #expect(chain.report(keys: both).isIntact)
  }

  @Test mutating func `the list of faults is bounded`() {
    chain = SampleChain(300, keys: keys)
    for index in chain.entries.indices { chain.entries[index] = chain.altered(index) }
    let report = chain.report(keys: keys)
    #expect(report.faults.count == AuditReport.faultsMax)
    #expect(report.faultCount == 300)
  }
}
