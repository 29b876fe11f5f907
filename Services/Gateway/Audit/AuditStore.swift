package import AuditChain
package import Postgres
internal import Primitives

/// The tables of the audit log.
package struct AuditStore: Sendable {
  let pool: PostgresPool
  let keys: AuditKeys
  /// What is read of one tenant is read this way.
  let database: TenantDatabase

  /// The log of a database, signed with `keys`.
  package init(pool: PostgresPool, keys: AuditKeys) {
    self.pool = pool
    self.keys = keys
    database = TenantDatabase(pool: pool)
  }

  /// Reads of a chain: of that of a tenant as the tenant.
  func read<Input, Row>(
    _ statement: Statement<Input, Row>, _ input: Input, of chain: AuditChainID
  ) async throws -> [Row] {
    guard chain != .installation else { return try await pool.query(statement, input) }
    return try await database.query(statement, input, of: TenantScope(chain.uuid))
  }

  /// What was added.
  struct Appended: Sendable {
    /// The ends of the chains before.
    let before: [AuditChainID: AuditLink]
    /// The ends of the chains now.
    let after: [AuditChainID: AuditLink]
    /// Chains whose row was not there although entries are.
    let withoutHead: [AuditChainID]
  }

  /// Adds entries to their chains, in their order, in one transaction: all or none. The rows of the chains are locked
  /// in the order of their ids, so replicas wait for each other and never in a circle. What comes late for a tenant
  /// whose chain is deleted is left out.
  ///
  /// With `fromEntries` the ends of the chains are those of the entries that are there, not those of their rows, which
  /// somebody has set back. `attempted` gets the end of one of the chains before the transaction is committed.
  func append(
    _ entries: [(chain: AuditChainID, entry: AuditEntry)], fromEntries: Bool,
    attempted: @Sendable (AuditLink) -> Void = { _ in }
  ) async throws -> Appended {
    return try await pool.transaction { transaction in
      var (entries, chains) = (entries, Set(entries.map(\.chain)).sorted())
      var rows = try await transaction.query(AuditStore.lock, chains)
      if rows.count < chains.count {
        let known = Set(rows.map(\.head.link.chain))
        let deleted = Set(try await transaction.query(AuditStore.listDeleted, chains.filter { !known.contains($0) }))
        chains.removeAll { deleted.contains($0) }
        entries.removeAll { deleted.contains($0.chain) }
        guard !entries.isEmpty else { return Appended(before: [:], after: [:], withoutHead: []) }
        let missing = chains.filter { !known.contains($0) }.map { StoredChain(empty: $0, keys) }
        try await transaction.execute(AuditStore.create, missing)
        rows = try await transaction.query(AuditStore.lock, chains)
      }
      var ends = Dictionary(rows.map { ($0.head.link.chain, $0.head.link) }) { $1 }
      var withoutHead: [AuditChainID] = []
      for chain in chains where fromEntries || ends[chain]?.sequence == 0 {
        guard let last = try await transaction.query(AuditStore.last, chain).first, last.link != ends[chain] else {
          continue
        }
        if ends[chain]?.sequence == 0 { withoutHead.append(chain) }
        ends[chain] = last.link
      }
      let before = ends
      var chained: [ChainedEntry] = []
      chained.reserveCapacity(entries.count)
      for (chain, entry) in entries {
        let next = ChainedEntry(entry, after: ends[chain] ?? .genesis(chain), signedWith: keys)
        chained.append(next)
        ends[chain] = next.link
      }
      try await transaction.execute(AuditStore.insert, chained)
      try await transaction.execute(AuditStore.advance, chains.compactMap { ends[$0] }.map { .head($0, keys) })
      if let last = chained.last { attempted(last.link) }
      return Appended(before: before, after: ends, withoutHead: withoutHead)
    }
  }

  /// Whether an entry is there as it was attempted.
  func contains(_ link: AuditLink) async throws -> Bool {
    try await pool.query(AuditStore.find, link).first == link.hash
  }

  static let lock = Statement<[AuditChainID], StoredChain>(StoredChain.columns) { parameter in
    let chains = parameter.array("chains", of: .uuid) { $0.map(\.uuid) }
    return """
      select \(StoredChain.columns) from audit_head h where h.tenant_id = any(\(chains)) order by h.tenant_id for update
      """
  }

  private static let deleted = ResultColumns<AuditChainID> { column in
    let tenant = column("s.tenant_id", .uuid)
    return { row in AuditChainID(try row[tenant]) }
  }

  /// Those of some tenants that are to be deleted.
  static let listDeleted = Statement<[AuditChainID], AuditChainID>(deleted) { parameter in
    let chains = parameter.array("chains", of: .uuid) { $0.map(\.uuid) }
    return """
      select \(deleted) from tenant_state s where s.tenant_id = any(\(chains)) and s.deletion_requested_at is not null
      """
  }

  static let create = Statement<[StoredChain], Void> { parameter in
    let rows = parameter.rows("n") { $0 }
    rows("tenant_id", .uuid) { $0.head.link.chain.uuid }
    rows("sequence", .int8) { $0.head.link.sequence }
    rows("hash", .bytea) { $0.head.link.hash }
    rows("key_id", .text) { $0.head.signature.key }
    rows("signature", .bytea) { $0.head.signature.bytes }
    rows("base_signature", .bytea) { $0.base.signature.bytes }
    return """
      insert into audit_head (tenant_id, sequence, hash, key_id, signature, base_sequence, base_hash, base_key_id,
        base_signature)
      select n.tenant_id, n.sequence, n.hash, n.key_id, n.signature, n.sequence, n.hash, n.key_id, n.base_signature
      from \(rows) order by n.tenant_id on conflict do nothing
      """
  }

  static let last = Statement<AuditChainID, ChainedEntry>(EntryColumns.all) { parameter in
    let chain = parameter("chain", .uuid) { $0.uuid }
    return """
      select \(EntryColumns.all) from audit_entry e where e.tenant_id = \(chain) order by e.sequence desc limit 1
      """
  }

  static let insert = Statement<[ChainedEntry], Void> { parameter in
    let rows = parameter.rows("e") { $0 }
    rows("tenant_id", .uuid) { $0.link.chain.uuid }
    rows("sequence", .int8) { $0.link.sequence }
    rows("kind", .text) { $0.entry.kind.rawValue }
    rows("request", .uuid) { $0.entry.request }
    rows("at", .timestamptz) { $0.entry.time }
    rows("subject", .text) { $0.entry.subject }
    rows("credential", .text) { $0.entry.credential }
    rows("identity", .text) { $0.entry.identity }
    rows("address", .text) { $0.entry.address }
    rows("method", .text) { $0.entry.method }
    rows("route", .text) { $0.entry.route }
    rows("resources", .text) { $0.entry.resources }
    rows("digest", .bytea) { $0.entry.digest }
    rows("status", .int4) { Int32(clamping: $0.entry.status) }
    rows("code", .text) { $0.entry.code }
    rows("count", .int8) { $0.entry.count }
    rows("decision", .text) { $0.entry.decision }
    rows("trace", .text) { $0.entry.trace }
    rows("hash", .bytea) { $0.link.hash }
    rows("key_id", .text) { $0.signature.key }
    rows("signature", .bytea) { $0.signature.bytes }
    return """
      insert into audit_entry (tenant_id, sequence, kind, request, at, subject, credential, identity, address, method,
        route, resources, digest, status, code, count, decision, trace, hash, key_id, signature)
      select * from \(rows)
      """
  }

  static let advance = Statement<[SignedLink], Void> { parameter in
    let rows = parameter.rows("n") { $0 }
    rows("tenant_id", .uuid) { $0.link.chain.uuid }
    rows("sequence", .int8) { $0.link.sequence }
    rows("hash", .bytea) { $0.link.hash }
    rows("key_id", .text) { $0.signature.key }
    rows("signature", .bytea) { $0.signature.bytes }
    return """
      update audit_head h set sequence = n.sequence, hash = n.hash, key_id = n.key_id, signature = n.signature
      from \(rows) where h.tenant_id = n.tenant_id
      """
  }

  private static let hash = ResultColumns<[UInt8]> { column in
    let hash = column("e.hash", .bytea)
    return { row in try row[hash] }
  }

  static let find = Statement<AuditLink, [UInt8]>(hash) { parameter in
    let chain = parameter("chain", .uuid) { $0.chain.uuid }
    let sequence = parameter("sequence", .int8) { $0.sequence }
    return "select \(hash) from audit_entry e where e.tenant_id = \(chain) and e.sequence = \(sequence)"
  }
}
