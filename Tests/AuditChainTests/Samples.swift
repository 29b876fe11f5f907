import AuditChain
import Contracts
import JSON
import Primitives

/// A chain in memory, as a database would hold it.
struct SampleChain {
  static let keys = try? AuditKeys(setting: "one:\(String(repeating: "k", count: 32))", named: "audit.keys")
  static let tenant = AuditChainID(TenantID(UUID(high: 1, low: 2)))

  var base: SignedLink
  var entries: [ChainedEntry] = []
  var head: SignedLink

  init(_ count: Int, chain: AuditChainID = tenant, keys: AuditKeys) {
    var link = AuditLink.genesis(chain)
    base = .base(link, keys)
    for number in 0..<count {
      let next = ChainedEntry(SampleChain.entry(number), after: link, signedWith: keys)
      entries.append(next)
      link = next.link
    }
    head = .head(link, keys)
  }

  static func entry(_ number: Int) -> AuditEntry {
    var entry = AuditEntry(
      number % 2 == 0 ? .request : .outcome, request: UUID(high: 7, low: UInt64(number / 2)),
      time: Timestamp(unixMicroseconds: 1_800_000_000_123_000 + Int64(number) * 1000))
    entry.subject = "user_\(number)"
    entry.credential = "key_\(number)"
    entry.method = "POST"
    entry.route = "/api/v1/tasks/{id}"
    entry.resources = "id=task_\(number)"
    entry.digest = [1, 2, UInt8(truncatingIfNeeded: number)]
    entry.status = number % 2 == 0 ? 0 : 201
    return entry
  }

  /// The same entry with another subject: hash and signature as they were.
  func altered(_ index: Int, subject: String = "user_x") -> ChainedEntry {
    var entry = entries[index].entry
    entry.subject = subject
    return ChainedEntry(entry, entries[index].link, entries[index].signature)
  }

  func report(keys: AuditKeys?) -> AuditReport {
    var verifier = AuditVerifier(base, keys: keys)
    for entry in entries { verifier.check(entry) }
    return verifier.finish(head)
  }

  func faults(keys: AuditKeys?) -> [AuditFault] { report(keys: keys).faults }

  var export: [[UInt8]] {
    [AuditExport.first(base, signedAs: .base)] + entries.map(AuditExport.entry) + [AuditExport.last(head)]
  }
}
