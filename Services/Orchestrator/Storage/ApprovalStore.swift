package import Contracts
package import Postgres
package import Primitives

/// An approval or a question with its subject.
package struct ApprovalRow: Sendable {
  /// Of a workflow's approval the id of its step.
  package let id: StepID
  package let kind: ApprovalKind
  /// The key of what a worker's step asks, and the step; `nil` for a workflow's approval.
  package let ask: String?
  package let askingStep: StepID?
  package let tool: String?
  package let attempt: Int
  package let run: RunID
  package let step: String
  package let subjectSHA256: String
  package let subject: [UInt8]?
  package let status: String
  package let requestedAt: Timestamp
  package let expiresAt: Timestamp?
  package let decidedAt: Timestamp?
  package let decidedBy: String?
  /// Who has submitted the task; `nil` when it is gone.
  package let requestedBy: String?
  package let comment: String?
  package let answer: [UInt8]?
  /// The subject is too large for a list.
  package let isLarge: Bool

  /// Of an approval `a` with its subject `p` and its answer `q`.
  static let columns = columns { "\($0).body" }
  /// Without subjects and answers that are large.
  static let listedColumns = columns { "case when length(\($0).body) <= \(RunRow.listedBytesMax) then \($0).body end" }

  private static let submitter = """
    (select t.created_by from run r join task t on t.tenant_id = r.tenant_id and t.id = r.task_id
      where r.tenant_id = a.tenant_id and r.id = a.run_id)
    """

  private static func columns(_ body: (String) -> String) -> ResultColumns<ApprovalRow> {
    let (subject, answer) = (body("p"), body("q"))
    return ResultColumns { column in
      let id = column("a.id", .uuid)
      let kind = column("a.kind", .text)
      let ask = column(nullable: "a.ask", .text)
      let askingStep = column(nullable: "a.step_id", .uuid)
      let tool = column(nullable: "a.tool", .text)
      let attempt = column("a.attempt", .int4)
      let answer = column(nullable: answer, .bytea)
      let run = column("a.run_id", .uuid)
      let step = column("a.step", .text)
      let subjectSHA256 = column("a.subject_sha256", .bytea)
      let subject = column(nullable: subject, .bytea)
      let status = column("a.status", .text)
      let requestedAt = column("a.requested_at", .timestamptz)
      let expiresAt = column(nullable: "a.expires_at", .timestamptz)
      let decidedAt = column(nullable: "a.decided_at", .timestamptz)
      let decidedBy = column(nullable: "a.decided_by", .text)
      let requestedBy = column(nullable: submitter, .text)
      let comment = column(nullable: "a.comment", .text)
      let isLarge = column("coalesce(length(p.body) > \(RunRow.listedBytesMax), false)", .bool)
      return { row in
        ApprovalRow(
          id: StepID(try row[id]), kind: ApprovalKind(rawValue: try row[kind]) ?? .step, ask: try row[ask],
          askingStep: try row[askingStep].map { StepID($0) }, tool: try row[tool], attempt: Int(try row[attempt]),
          run: RunID(try row[run]), step: try row[step],
          subjectSHA256: Hex.encode(try row[subjectSHA256]), subject: try row[subject], status: try row[status],
          requestedAt: try row[requestedAt], expiresAt: try row[expiresAt], decidedAt: try row[decidedAt],
          decidedBy: try row[decidedBy], requestedBy: try row[requestedBy], comment: try row[comment],
          answer: try row[answer],
          isLarge: try row[isLarge])
      }
    }
  }
}

/// The table of approvals and questions; transitions write it.
package struct ApprovalStore: Sendable {
  private static let bodies = """
    left join payload p on p.tenant_id = a.tenant_id and p.sha256 = a.subject_sha256
    left join payload q on q.tenant_id = a.tenant_id and q.sha256 = a.answer_sha256
    """

  private let database: TenantDatabase

  /// The approvals of a database.
  package init(pool: PostgresPool) { database = TenantDatabase(pool: pool) }

  package func approval(_ tenant: TenantID, _ id: StepID) async throws -> ApprovalRow? {
    try await database.query(ApprovalStore.find, (tenant, id), of: TenantScope(tenant.uuid)).first
  }

  static let find = Statement<(tenant: TenantID, id: StepID), ApprovalRow>(ApprovalRow.columns) { parameter in
    let tenant = parameter("tenant", .uuid) { $0.tenant.uuid }
    let id = parameter("id", .uuid) { $0.id.uuid }
    return """
      select \(ApprovalRow.columns) from approval a \(bodies) where a.tenant_id = \(tenant) and a.id = \(id)
      """
  }

  /// Approvals, or questions, newest first, before `cursor`, without their subjects and answers where these are large.
  package func approvals(
    _ tenant: TenantID, isQuestion: Bool, status: String?, run: RunID?, project: ProjectID? = nil,
    before cursor: StepID?,
    limit: Int
  ) async throws -> [ApprovalRow] {
    var sql = ListSQL()
    let owner = sql.add(tenant.uuid)
    let from = sql.add(cursor?.uuid ?? .last)
    var columns = ["a.tenant_id", "a.is_question", "a.id"]
    var values = [owner, "\(isQuestion)"]
    var conditions = ""
    if let run {
      (columns, values) = (["a.run_id", "a.id"], [sql.add(run.uuid)])
      conditions = "a.tenant_id = \(owner) and a.is_question = \(isQuestion) and "
      if let status { conditions += "a.status = \(sql.add(status)) and " }
    } else if let status {
      (columns, values) = (
        ["a.tenant_id", "a.is_question", "a.status", "a.id"], [owner, "\(isQuestion)", "\(sql.add(status))::text"]
      )
    }
    if let project {
      // The tenant bounds what is looked at: an approval does not know its project.
      conditions +=
        "exists (select 1 from run r where r.id = a.run_id and r.tenant_id = \(owner) and r.project_id = \(sql.add(project.uuid))) and "
    }
    let bound = ListSQL.bound(limit)
    return try ApprovalRow.listedColumns.rows(
      try await database.query(
        """
        select \(ApprovalRow.listedColumns) from (
          select a.id from approval a where \(conditions)\(ListSQL.range(columns, values, from: from, .newestFirst))
          limit \(bound)) x
        join approval a on a.tenant_id = \(owner) and a.id = x.id \(ApprovalStore.bodies)
        order by a.id desc limit \(sql.add(Int64(min(limit, bound))))
        """, sql.parameters, of: TenantScope(tenant.uuid)))
  }
}
