package import AuditChain
internal import Postgres
internal import Primitives

extension AuditStore {
  /// Entries that are read at once.
  private static let batch = 1000

  /// Verifies a chain, from its beginning or behind a place that is known to be good.
  package func verify(_ chain: AuditChainID, after place: AuditLink? = nil) async throws -> AuditReport {
    let report = try await verifyOnce(chain, after: place)
    // Entries whose time is over may have been removed meanwhile: then the chain begins later, and all is read again.
    guard !report.isIntact, place == nil else { return report }
    return try await verifyOnce(chain, after: nil)
  }

  private func verifyOnce(_ chain: AuditChainID, after place: AuditLink?) async throws -> AuditReport {
    let ends = try await read(AuditStore.ends, chain, of: chain).first
    let stored = ends?.stored ?? StoredChain(empty: chain, keys)
    var verifier =
      if let place { AuditVerifier(after: place, keys: keys) } else { AuditVerifier(stored.base, keys: keys) }
    // Entries behind the end are looked at, too: they are what somebody has hidden by setting the end back.
    let last = max(stored.head.link.sequence, ends?.last ?? 0)
    var sequence = verifier.soFar.end.sequence
    while true {
      try Task.checkCancellation()
      let entries = try await entries(chain, after: sequence, upTo: last, limit: AuditStore.batch)
      for entry in entries { verifier.check(entry) }
      guard let next = entries.last?.link.sequence, entries.count == AuditStore.batch else { break }
      sequence = next
    }
    return verifier.finish(stored.head)
  }

  /// The row of a chain and the number of its last entry, as they are at one moment.
  private static let endsColumns = ResultColumns<(stored: StoredChain, last: Int64?)> { column in
    let stored = column.include(StoredChain.columns)
    let last = column(
      nullable: "(select max(e.sequence) from audit_entry e where e.tenant_id = h.tenant_id)", .int8)
    return { row in (try row[stored], try row[last]) }
  }

  static let ends = Statement<AuditChainID, (stored: StoredChain, last: Int64?)>(endsColumns) { parameter in
    let chain = parameter("chain", .uuid) { $0.uuid }
    return "select \(endsColumns) from audit_head h where h.tenant_id = \(chain)"
  }

  // MARK: The regular verification

  /// Takes a chain whose last verification is older than `interval` seconds; `nil` when there is none. Another replica
  /// takes it again if nothing is heard of it for ten minutes.
  func claimChain(olderThan interval: Int64) async throws -> AuditChainID? {
    try await pool.query(AuditStore.claim, interval).first
  }

  private static let chainColumn = ResultColumns<AuditChainID> { column in
    let chain = column("h.tenant_id", .uuid)
    return { row in AuditChainID(try row[chain]) }
  }

  static let claim = Statement<Int64, AuditChainID>(chainColumn) { parameter in
    let interval = parameter("interval", .int8) { $0 }
    return """
      update audit_head h set claimed_at = now() where h.tenant_id = (
        select d.tenant_id from audit_head d
        where coalesce(d.verified_at, d.created_at - interval '100 years') < now() - \(interval) * interval '1 second'
          and coalesce(d.claimed_at, d.created_at - interval '100 years') < now() - interval '10 minutes'
          and not exists (select from tenant_state z
            where z.tenant_id = d.tenant_id and z.deletion_requested_at is not null)
        order by d.verified_at nulls first limit 1 for update skip locked)
      returning \(chainColumn)
      """
  }

  /// Notes the result of a verification.
  func verified(_ report: AuditReport) async throws {
    try await pool.execute(AuditStore.noteVerified, report)
  }

  static let noteVerified = Statement<AuditReport, Void> { parameter in
    let chain = parameter("chain", .uuid) { $0.chain.uuid }
    let faults = parameter("faults", .int8) { $0.faultCount }
    return """
      update audit_head set verified_at = now(), claimed_at = null, fault_count = \(faults) where tenant_id = \(chain)
      """
  }

  /// How all chains are: seconds since the oldest verification (since the chain began when there was none), chains with
  /// faults.
  func state() async throws -> (ageSeconds: Double, faulty: Int64) {
    try await pool.query(AuditStore.stateOfAll, ()).first ?? (0, 0)
  }

  private static let stateColumns = ResultColumns<(Double, Int64)> { column in
    let age = column(
      "coalesce(extract(epoch from now() - min(coalesce(h.verified_at, h.created_at))), 0)::float8", .float8)
    let faulty = column("count(*) filter (where h.fault_count > 0)", .int8)
    return { row in (try row[age], try row[faulty]) }
  }

  static let stateOfAll = Statement<Void, (Double, Int64)>(stateColumns) { _ in
    "select \(stateColumns) from audit_head h"
  }

  // MARK: Retention

  /// Removes at most so many of the oldest entries of one chain at once.
  private static let pruneMax: Int64 = 5000

  /// What a removal has done.
  enum Pruned: Sendable, Equatable {
    /// There is nothing to remove.
    case nothing
    /// Entries of a chain were removed.
    case removed(AuditChainID, Int64)
    /// The oldest entries of a chain have faults: they stay, as evidence.
    case faulty(AuditChainID)
  }

  /// Removes entries of one chain that are older than `seconds`, at most 5000, and signs where the chain begins now.
  /// What is removed is verified first.
  func prune(olderThan seconds: Int64, except faulty: [AuditChainID]) async throws -> Pruned {
    try await pool.transaction { transaction in
      guard let chain = try await transaction.query(AuditStore.oldChain, (seconds, faulty)).first,
        let stored = try await transaction.query(AuditStore.lock, [chain]).first
      else { return .nothing }
      let from = stored.base.link.sequence
      let input = (chain: chain, seconds: seconds, last: min(from &+ AuditStore.pruneMax, stored.head.link.sequence))
      guard let boundary = try await transaction.query(AuditStore.boundary, input).first else { return .faulty(chain) }
      let last = boundary.link.sequence
      var verifier = AuditVerifier(stored.base, keys: keys)
      let entries = try await transaction.query(AuditStore.range, (chain, from, last, Int(AuditStore.pruneMax)))
      for entry in entries { verifier.check(entry) }
      let report = verifier.soFar
      guard report.isIntact, report.end == boundary.link else { return .faulty(chain) }
      let base = SignedLink.base(boundary.link, keys)
      try await transaction.execute(AuditStore.rebase, base)
      try await transaction.execute(AuditStore.remove, base)
      return .removed(chain, report.entries)
    }
  }

  static let oldChain = Statement<(seconds: Int64, except: [AuditChainID]), AuditChainID>(chainColumn) { parameter in
    let seconds = parameter("seconds", .int8) { $0.seconds }
    let except = parameter.array("except", of: .uuid) { $0.except.map(\.uuid) }
    return """
      select \(chainColumn) from audit_head h join lateral (
        select e.at from audit_entry e where e.tenant_id = h.tenant_id order by e.sequence limit 1) f on true
      where f.at < now() - \(seconds) * interval '1 second' and h.tenant_id <> all(\(except))
      order by h.tenant_id limit 1
      """
  }

  static let boundary = Statement<(chain: AuditChainID, seconds: Int64, last: Int64), ChainedEntry>(
    EntryColumns.all
  ) { parameter in
    let chain = parameter("chain", .uuid) { $0.chain.uuid }
    let seconds = parameter("seconds", .int8) { $0.seconds }
    let last = parameter("last", .int8) { $0.last }
    return """
      select \(EntryColumns.all) from audit_entry e where e.tenant_id = \(chain) and e.sequence <= \(last)
        and e.at < now() - \(seconds) * interval '1 second' order by e.sequence desc limit 1
      """
  }

  static let rebase = Statement<SignedLink, Void> { parameter in
    let sequence = parameter("sequence", .int8) { $0.link.sequence }
    let hash = parameter("hash", .bytea) { $0.link.hash }
    let key = parameter("key", .text) { $0.signature.key }
    let signature = parameter("signature", .bytea) { $0.signature.bytes }
    let chain = parameter("chain", .uuid) { $0.link.chain.uuid }
    return """
      update audit_head set base_sequence = \(sequence), base_hash = \(hash), base_key_id = \(key),
        base_signature = \(signature) where tenant_id = \(chain)
      """
  }

  static let remove = Statement<SignedLink, Void> { parameter in
    let chain = parameter("chain", .uuid) { $0.link.chain.uuid }
    let sequence = parameter("sequence", .int8) { $0.link.sequence }
    return "delete from audit_entry where tenant_id = \(chain) and sequence <= \(sequence)"
  }
}
