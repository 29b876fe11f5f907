package import AuditChain
internal import Postgres
internal import Primitives

/// The row of a chain.
package struct StoredChain: Sendable {
  /// Its end.
  package let head: SignedLink
  /// Its beginning.
  package let base: SignedLink

  /// A chain without entries.
  init(empty chain: AuditChainID, _ keys: AuditKeys) {
    let genesis = AuditLink.genesis(chain)
    head = .head(genesis, keys)
    base = .base(genesis, keys)
  }

  private init(head: SignedLink, base: SignedLink) {
    self.head = head
    self.base = base
  }

  static let columns = ResultColumns<StoredChain> { column in
    let chain = column("h.tenant_id", .uuid)
    let sequence = column("h.sequence", .int8)
    let hash = column("h.hash", .bytea)
    let key = column("h.key_id", .text)
    let signature = column("h.signature", .bytea)
    let baseSequence = column("h.base_sequence", .int8)
    let baseHash = column("h.base_hash", .bytea)
    let baseKey = column("h.base_key_id", .text)
    let baseSignature = column("h.base_signature", .bytea)
    return { row in
      let chain = AuditChainID(try row[chain])
      return StoredChain(
        head: SignedLink(
          AuditLink(chain, sequence: try row[sequence], hash: try row[hash]),
          AuditKeys.Signature(key: try row[key], bytes: try row[signature])),
        base: SignedLink(
          AuditLink(chain, sequence: try row[baseSequence], hash: try row[baseHash]),
          AuditKeys.Signature(key: try row[baseKey], bytes: try row[baseSignature])))
    }
  }
}

/// The columns of an entry.
enum EntryColumns {
  static let all = ResultColumns<ChainedEntry> { column in
    let chain = column("e.tenant_id", .uuid)
    let sequence = column("e.sequence", .int8)
    let kind = column("e.kind", .text)
    let request = column("e.request", .uuid)
    let time = column("e.at", .timestamptz)
    let subject = column("e.subject", .text)
    let credential = column("e.credential", .text)
    let identity = column("e.identity", .text)
    let address = column("e.address", .text)
    let method = column("e.method", .text)
    let route = column("e.route", .text)
    let resources = column("e.resources", .text)
    let digest = column("e.digest", .bytea)
    let status = column("e.status", .int4)
    let code = column("e.code", .text)
    let count = column("e.count", .int8)
    let decision = column("e.decision", .text)
    let trace = column("e.trace", .text)
    let hash = column("e.hash", .bytea)
    let key = column("e.key_id", .text)
    let signature = column("e.signature", .bytea)
    return { row in
      // A kind that somebody has written into the table makes another hash, which is what a verification finds.
      var entry = AuditEntry(
        AuditEntry.Kind(rawValue: try row[kind]) ?? .omitted, request: try row[request], time: try row[time])
      entry.subject = try row[subject]
      entry.credential = try row[credential]
      entry.identity = try row[identity]
      entry.address = try row[address]
      entry.method = try row[method]
      entry.route = try row[route]
      entry.resources = try row[resources]
      entry.digest = try row[digest]
      entry.status = Int(try row[status])
      entry.code = try row[code]
      entry.count = try row[count]
      entry.decision = try row[decision]
      entry.trace = try row[trace]
      return ChainedEntry(
        entry, AuditLink(AuditChainID(try row[chain]), sequence: try row[sequence], hash: try row[hash]),
        AuditKeys.Signature(key: try row[key], bytes: try row[signature]))
    }
  }
}
