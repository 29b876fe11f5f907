package import AuditChain
internal import Postgres
package import Primitives

/// Which entries are asked for.
package struct AuditFilter: Sendable {
  /// What became of what was asked for.
  package enum Outcome: String, Sendable, CaseIterable {
    /// A change was answered with success.
    case succeeded
    /// A change was answered with an error.
    case failed
    /// Somebody was refused.
    case refused
    /// A change that nothing was heard of since: the gateway ended, or the database was away.
    case unknown
  }

  /// Who.
  package var subject: String?
  /// The pattern of the address.
  package var route: String?
  /// What became of it.
  package var outcome: Outcome?
  /// The entries from then on.
  package var since: Timestamp?
  /// The entries before.
  package var until: Timestamp?
  /// Those of one request.
  package var request: UUID?

  /// All entries.
  package init() {}
}

/// A page of entries.
package struct AuditPage: Sendable {
  /// The entries, newest first.
  package let entries: [ChainedEntry]
  /// Where the next page begins; `nil` for the last.
  package let cursor: Int64?
}

extension AuditStore {
  /// Entries that are looked at for one page, whatever is found: no index knows every filter.
  static let examinedMax = 10_000
  /// A change without an outcome is under way for so long.
  private static let underWay = "interval '60 seconds'"

  /// Entries of a chain, newest first, below the number `cursor`.
  package func entries(
    _ chain: AuditChainID, _ filter: AuditFilter, below cursor: Int64?, limit: Int
  ) async throws -> AuditPage {
    let (sql, parameters) = AuditStore.listSQL(chain, filter, below: cursor ?? .max, limit: limit + 1)
    let rows =
      chain == .installation
      ? try await pool.query(sql, parameters)
      : try await database.query(sql, parameters, of: TenantScope(chain.uuid))
    let found = try EntryColumns.all.rows(rows)
    if found.count > limit {
      return AuditPage(entries: Array(found.prefix(limit)), cursor: found[limit - 1].link.sequence)
    }
    // Nothing more among those that were looked at; there may be older ones.
    let floor = (cursor ?? .max) == .max ? try await head(chain)?.head.link.sequence : cursor.map { $0 - 1 }
    let base = try await head(chain)?.base.link.sequence ?? 0
    let examined = (floor ?? 0) - Int64(AuditStore.examinedMax)
    return AuditPage(entries: found, cursor: examined > base ? examined + 1 : nil)
  }

  static func listSQL(
    _ chain: AuditChainID, _ filter: AuditFilter, below cursor: Int64, limit: Int
  ) -> (String, [any PostgresEncodable]) {
    var parameters: [any PostgresEncodable] = [chain.uuid, cursor, Int64(limit)]
    func add(_ value: any PostgresEncodable) -> String {
      parameters.append(value)
      return "$\(parameters.count)"
    }
    var conditions = ""
    if let subject = filter.subject { conditions += " and e.subject = \(add(subject))::text" }
    if let route = filter.route { conditions += " and e.route = \(add(route))::text" }
    if let since = filter.since { conditions += " and e.at >= \(add(since))::timestamptz" }
    if let until = filter.until { conditions += " and e.at < \(add(until))::timestamptz" }
    if let request = filter.request { conditions += " and e.request = \(add(request))::uuid" }
    switch filter.outcome {
    case nil: break
    case .succeeded: conditions += " and e.kind = 'outcome' and e.status < 400"
    case .failed: conditions += " and e.kind = 'outcome' and e.status >= 400"
    case .refused: conditions += " and e.kind in ('refusal', 'omitted')"
    case .unknown:
      conditions += """
         and e.kind = 'request' and e.at < now() - \(underWay) and not exists (
          select from audit_entry o where o.tenant_id = $1::uuid and o.request = e.request and o.kind = 'outcome')
        """
    }
    return (
      """
      select \(EntryColumns.all) from (
        select * from audit_entry x where x.tenant_id = $1::uuid and x.sequence < $2::int8
        order by x.sequence desc limit \(examinedMax)) e
      where true\(conditions) order by e.sequence desc limit $3::int8
      """, parameters
    )
  }

  /// Entries of a chain behind `sequence` up to `last`, oldest first.
  func entries(_ chain: AuditChainID, after sequence: Int64, upTo last: Int64, limit: Int) async throws
    -> [ChainedEntry]
  {
    try await read(AuditStore.range, (chain, sequence, last, limit), of: chain)
  }

  static let range = Statement<(chain: AuditChainID, after: Int64, last: Int64, limit: Int), ChainedEntry>(
    EntryColumns.all
  ) { parameter in
    let chain = parameter("chain", .uuid) { $0.chain.uuid }
    let after = parameter("after", .int8) { $0.after }
    let last = parameter("last", .int8) { $0.last }
    let limit = parameter("limit", .int8) { Int64($0.limit) }
    return """
      select \(EntryColumns.all) from audit_entry e where e.tenant_id = \(chain) and e.sequence > \(after)
        and e.sequence <= \(last) order by e.sequence limit \(limit)
      """
  }

  /// The row of a chain; `nil` when it has none.
  package func head(_ chain: AuditChainID) async throws -> StoredChain? {
    try await read(AuditStore.headOf, chain, of: chain).first
  }

  /// The row of a chain, or that of one without entries.
  package func chain(_ chain: AuditChainID) async throws -> StoredChain {
    try await head(chain) ?? StoredChain(empty: chain, keys)
  }

  static let headOf = Statement<AuditChainID, StoredChain>(StoredChain.columns) { parameter in
    let chain = parameter("chain", .uuid) { $0.uuid }
    return "select \(StoredChain.columns) from audit_head h where h.tenant_id = \(chain)"
  }

  /// Whether the end of a request is in a chain.
  func hasOutcome(of request: UUID, in chain: AuditChainID) async throws -> Bool {
    try await !read(AuditStore.findOutcome, (chain, request), of: chain).isEmpty
  }

  private static let outcome = ResultColumns<Int64> { column in
    let sequence = column("e.sequence", .int8)
    return { row in try row[sequence] }
  }

  static let findOutcome = Statement<(chain: AuditChainID, request: UUID), Int64>(outcome) { parameter in
    let chain = parameter("chain", .uuid) { $0.chain.uuid }
    let request = parameter("request", .uuid) { $0.request }
    return """
      select \(outcome) from audit_entry e
      where e.tenant_id = \(chain) and e.request = \(request) and e.kind = 'outcome' limit 1
      """
  }
}
