package import JSON

/// What is wrong with a chain, and where.
package struct AuditFault: Sendable, Hashable {
  /// The kinds of faults.
  package enum Kind: String, Sendable, CaseIterable {
    /// The hash is not that of the entry behind the one before it.
    case altered
    /// Entries are not there: `sequence` is the first of them.
    case missing
    /// The number was there already, or a smaller one follows a greater.
    case misplaced
    /// The entry belongs to another chain.
    case foreign
    /// The signature was not made with our key: somebody has computed hashes anew.
    case forged
    /// The key of the signature is not in the list.
    case unknownKey = "unknown_key"
    /// The newest entries are not there: `sequence` is the first of them.
    case truncated
    /// There are entries behind the end.
    case excess
    /// The end is not signed with our key, or names another hash.
    case headForged = "head_forged"
    /// The beginning is not signed with our key.
    case baseForged = "base_forged"
    /// It is no entry.
    case unreadable
  }

  /// The entry; for what is read from a file the number that was expected.
  package let sequence: Int64
  /// The kind.
  package let kind: Kind

  /// Makes a fault.
  package init(_ sequence: Int64, _ kind: Kind) {
    self.sequence = sequence
    self.kind = kind
  }
}

/// What a verification has found.
package struct AuditReport: Sendable, Hashable {
  /// Faults that are listed.
  package static let faultsMax = 100

  /// The chain.
  package let chain: AuditChainID
  /// Entries that were looked at.
  package internal(set) var entries: Int64 = 0
  /// The last entry that was looked at.
  package internal(set) var end: AuditLink
  /// Whether the signatures were looked at, too: without keys only the hashes are.
  package let areSignaturesChecked: Bool
  /// The first faults.
  package internal(set) var faults: [AuditFault] = []
  /// All faults, those that are not listed too.
  package internal(set) var faultCount: Int64 = 0

  /// Whether there is no fault.
  package var isIntact: Bool { faultCount == 0 }

  /// Writes the members of a report.
  package func write(to writer: inout JSONWriter) {
    writer.member("chain", "\(chain)")
    writer.member("intact", isIntact)
    writer.member("entries", entries)
    writer.member("sequence", end.sequence)
    writer.member("hash", AuditText.hex(end.hash))
    writer.member("signatures_checked", areSignaturesChecked)
    writer.member("fault_count", faultCount)
    writer.objects("faults", faults) { fault, writer in
      writer.member("sequence", fault.sequence)
      writer.member("kind", fault.kind.rawValue)
    }
  }
}
