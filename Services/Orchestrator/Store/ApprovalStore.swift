internal import Contracts
internal import Postgres
internal import Primitives

/// An approval as it is shown.
struct ApprovalRow: Sendable {
  let id: StepID
  let run: RunID
  let step: String
  let subjectSHA256: String
  let subject: [UInt8]?
  let status: String
  let requestedAt: Timestamp
  let expiresAt: Timestamp?
  let decidedAt: Timestamp?
  let decidedBy: String?
  let comment: String?
}

/// The table of approvals; transitions write it.
struct ApprovalStore: Sendable {
  private static let columns = """
    a.id, a.run_id, a.step, a.subject_sha256, p.body, a.status, a.requested_at, a.expires_at, a.decided_at, a.decided_by,
    a.comment
    from approval a left join payload p on p.tenant_id = a.tenant_id and p.sha256 = a.subject_sha256
    """

  let pool: PostgresPool

  func approval(_ tenant: TenantID, _ id: StepID) async throws -> ApprovalRow? {
    try await pool.query(
      "select \(ApprovalStore.columns) where a.tenant_id = $1 and a.id = $2", [tenant.uuid, id.uuid]
    ).first.map(ApprovalStore.row)
  }

  /// Approvals, newest first, before `cursor`.
  func approvals(
    _ tenant: TenantID, status: String?, run: RunID?, before cursor: StepID?, limit: Int
  ) async throws -> [ApprovalRow] {
    try await pool.query(
      """
      select \(ApprovalStore.columns) where a.tenant_id = $1 and ($2::text is null or a.status = $2)
        and ($3::uuid is null or a.run_id = $3) and ($4::uuid is null or a.id < $4) order by a.id desc limit $5
      """, [tenant.uuid, status, run?.uuid, cursor?.uuid, Int64(limit)]
    ).map(ApprovalStore.row)
  }

  private static func row(_ row: PostgresRow) throws -> ApprovalRow {
    ApprovalRow(
      id: StepID(try row.decode(0, as: UUID.self)), run: RunID(try row.decode(1, as: UUID.self)),
      step: try row.decode(2, as: String.self), subjectSHA256: Hex.encode(try row.decode(3, as: [UInt8].self)),
      subject: try row.decode(4, as: [UInt8]?.self), status: try row.decode(5, as: String.self),
      requestedAt: try row.decode(6, as: Timestamp.self), expiresAt: try row.decode(7, as: Timestamp?.self),
      decidedAt: try row.decode(8, as: Timestamp?.self), decidedBy: try row.decode(9, as: String?.self),
      comment: try row.decode(10, as: String?.self))
  }
}
