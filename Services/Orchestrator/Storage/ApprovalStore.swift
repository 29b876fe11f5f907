package import Contracts
package import Postgres
package import Primitives

/// An approval with its subject.
package struct ApprovalRow: Sendable {
  package let id: StepID
  package let run: RunID
  package let step: String
  package let subjectSHA256: String
  package let subject: [UInt8]?
  package let status: String
  package let requestedAt: Timestamp
  package let expiresAt: Timestamp?
  package let decidedAt: Timestamp?
  package let decidedBy: String?
  package let comment: String?
  /// The subject is too large for a list.
  package let isLarge: Bool

  /// Of an approval `a` with its subject `p`.
  static let columns = columns(subject: "p.body")
  /// Without subjects that are large.
  static let listedColumns = columns(subject: "case when length(p.body) <= \(RunRow.listedBytesMax) then p.body end")

  private static func columns(subject: String) -> ResultColumns<ApprovalRow> {
    ResultColumns { column in
      let id = column("a.id", .uuid)
      let run = column("a.run_id", .uuid)
      let step = column("a.step", .text)
      let subjectSHA256 = column("a.subject_sha256", .bytea)
      let subject = column(nullable: subject, .bytea)
      let status = column("a.status", .text)
      let requestedAt = column("a.requested_at", .timestamptz)
      let expiresAt = column(nullable: "a.expires_at", .timestamptz)
      let decidedAt = column(nullable: "a.decided_at", .timestamptz)
      let decidedBy = column(nullable: "a.decided_by", .text)
      let comment = column(nullable: "a.comment", .text)
      let isLarge = column("coalesce(length(p.body) > \(RunRow.listedBytesMax), false)", .bool)
      return { row in
        ApprovalRow(
          id: StepID(try row[id]), run: RunID(try row[run]), step: try row[step],
          subjectSHA256: Hex.encode(try row[subjectSHA256]), subject: try row[subject], status: try row[status],
          requestedAt: try row[requestedAt], expiresAt: try row[expiresAt], decidedAt: try row[decidedAt],
          decidedBy: try row[decidedBy], comment: try row[comment], isLarge: try row[isLarge])
      }
    }
  }
}

/// The table of approvals; transitions write it.
package struct ApprovalStore: Sendable {
  private static let subjectJoin = "left join payload p on p.tenant_id = a.tenant_id and p.sha256 = a.subject_sha256"

  private let pool: PostgresPool

  /// The approvals of a database.
  package init(pool: PostgresPool) { self.pool = pool }

  package func approval(_ tenant: TenantID, _ id: StepID) async throws -> ApprovalRow? {
    try await pool.query(ApprovalStore.find, (tenant, id)).first
  }

  static let find = Statement<(tenant: TenantID, id: StepID), ApprovalRow>(ApprovalRow.columns) { parameter in
    let tenant = parameter("tenant", .uuid) { $0.tenant.uuid }
    let id = parameter("id", .uuid) { $0.id.uuid }
    return """
      select \(ApprovalRow.columns) from approval a \(subjectJoin) where a.tenant_id = \(tenant) and a.id = \(id)
      """
  }

  /// Approvals, newest first, before `cursor`, without their subjects where these are large.
  package func approvals(
    _ tenant: TenantID, status: String?, run: RunID?, before cursor: StepID?, limit: Int
  ) async throws -> [ApprovalRow] {
    var sql = ListSQL()
    let owner = sql.add(tenant.uuid)
    let from = sql.add(cursor?.uuid ?? .last)
    var columns = ["a.tenant_id", "a.id"]
    var values = [owner]
    var conditions = ""
    if let run {
      (columns, values) = (["a.run_id", "a.id"], [sql.add(run.uuid)])
      conditions = "a.tenant_id = \(owner) and "
      if let status { conditions += "a.status = \(sql.add(status)) and " }
    } else if let status {
      (columns, values) = (["a.tenant_id", "a.status", "a.id"], [owner, "\(sql.add(status))::text"])
    }
    let bound = ListSQL.bound(limit)
    return try ApprovalRow.listedColumns.rows(
      try await pool.query(
        """
        select \(ApprovalRow.listedColumns) from (
          select a.id from approval a where \(conditions)\(ListSQL.range(columns, values, from: from, .newestFirst))
          limit \(bound)) x
        join approval a on a.tenant_id = \(owner) and a.id = x.id \(ApprovalStore.subjectJoin)
        order by a.id desc limit \(sql.add(Int64(min(limit, bound))))
        """, sql.parameters))
  }
}
