package import Contracts
package import Postgres
package import Primitives

/// An approval as it is shown.
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
}

/// The table of approvals; transitions write it.
package struct ApprovalStore: Sendable {
  private static func columns(_ body: String = "p.body") -> String {
    """
    a.id, a.run_id, a.step, a.subject_sha256, \(body), a.status, a.requested_at, a.expires_at, a.decided_at,
    a.decided_by, a.comment, coalesce(length(p.body) > \(RunStore.listedBytesMax), false)
    """
  }
  private static let subjectJoin = "left join payload p on p.tenant_id = a.tenant_id and p.sha256 = a.subject_sha256"
  private static let listedBody = "case when length(p.body) <= \(RunStore.listedBytesMax) then p.body end"

  let pool: PostgresPool

  package func approval(_ tenant: TenantID, _ id: StepID) async throws -> ApprovalRow? {
    try await pool.query(
      """
      select \(ApprovalStore.columns()) from approval a \(ApprovalStore.subjectJoin)
      where a.tenant_id = $1 and a.id = $2
      """, [tenant.uuid, id.uuid]
    ).first.map(ApprovalStore.row)
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
    return try await pool.query(
      """
      select \(ApprovalStore.columns(ApprovalStore.listedBody)) from (
        select a.id from approval a where \(conditions)\(ListSQL.range(columns, values, from: from, .newestFirst))
        limit \(bound)) x
      join approval a on a.tenant_id = \(owner) and a.id = x.id \(ApprovalStore.subjectJoin)
      order by a.id desc limit \(sql.add(Int64(min(limit, bound))))
      """, sql.parameters
    ).map(ApprovalStore.row)
  }

  private static func row(_ row: PostgresRow) throws -> ApprovalRow {
    ApprovalRow(
      id: StepID(try row.decode(0, as: UUID.self)), run: RunID(try row.decode(1, as: UUID.self)),
      step: try row.decode(2, as: String.self), subjectSHA256: Hex.encode(try row.decode(3, as: [UInt8].self)),
      subject: try row.decode(4, as: [UInt8]?.self), status: try row.decode(5, as: String.self),
      requestedAt: try row.decode(6, as: Timestamp.self), expiresAt: try row.decode(7, as: Timestamp?.self),
      decidedAt: try row.decode(8, as: Timestamp?.self), decidedBy: try row.decode(9, as: String?.self),
      comment: try row.decode(10, as: String?.self), isLarge: try row.decode(11, as: Bool.self))
  }

  /// Every member.
  package init(pool: PostgresPool) {
    self.pool = pool
  }
}
