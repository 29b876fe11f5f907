internal import APIKit
internal import Contracts
internal import Decider
internal import HTTP
internal import HTTPWire
internal import JSON
internal import Primitives
internal import RunEngine
internal import RunStorage
internal import ServiceKit
internal import Workflows

/// `/api/v1/approvals`: steps that wait for a person.
struct ApprovalRoutes: Sendable {
  private static let statuses = ["pending", "approved", "rejected", "expired", "withdrawn"]

  let engine: Engine
  let approvals: ApprovalStore
  let callers: Authenticator

  func add(to router: inout Router) {
    router.api(.get, "/api/v1/approvals", list)
    router.api(.get, "/api/v1/approvals/{id}", get)
    router.api(.post, "/api/v1/approvals/{id}/decision", decide)
  }

  private func find(_ request: HTTPRequest) async throws -> (Caller, ApprovalRow) {
    let caller = try callers.caller(of: request)
    let id = try PathParameter.id(request, StepID.self)
    guard let row = try await approvals.approval(caller.tenant, id) else { throw Problem.notFound("approval") }
    return (caller, row)
  }

  private func get(_ request: HTTPRequest) async throws -> HTTPResponse {
    let (_, row) = try await find(request)
    return .json { write(row, to: &$0) }
  }

  private func list(_ request: HTTPRequest) async throws -> HTTPResponse {
    let caller = try callers.caller(of: request)
    let query = try request.query()
    let page = try PageRequest<StepKind>(query, standard: 20, max: 100)
    let status = try QueryParameter.word(query, "status", allowed: ApprovalRoutes.statuses)
    let rows = try await approvals.approvals(
      caller.tenant, status: status, run: try QueryParameter.id(query, "run_id"), before: page.cursor,
      limit: page.rows)
    return .page("approvals", rows, limit: page.limit, cursor: { $0.id.description }) { write($0, to: &$1) }
  }

  /// Decides on exactly what the person has read: the request names the digest of the subject.
  private func decide(_ request: HTTPRequest) async throws -> HTTPResponse {
    let (caller, row) = try await find(request)
    var fields = JSONFields(try await request.json(limits: .submitted).root)
    let decision = fields.string("decision", isRequired: true, bytesMax: 20, allowed: ["approve", "reject"])
    let subject = fields.string("subject_sha256", isRequired: true, bytesMax: 64) ?? ""
    let comment = fields.string("comment", bytesMax: 4000, allowsEmpty: true) ?? ""
    try fields.finish()
    guard row.status == "pending" else {
      throw Problem(.alreadyDecided, "The approval is \(row.status) already.")
    }
    guard let workflow = try await engine.workflow(of: row.run) else { throw Problem.notFound("approval") }
    let isApproved = decision == "approve"
    var writer = JSONWriter()
    writer.beginObject()
    writer.member("approved", isApproved)
    writer.member("by", caller.principal)
    writer.member("comment", comment)
    writer.endObject()
    let output = Payload(writer.bytes)
    let facts = workflow.watched.facts(output: try JSONDocument(parsing: output.body).root, of: row.step)
    try await engine.apply(
      .decideApproval(
        step: row.step, subjectSHA256: subject,
        ApprovalDecision(
          isApproved: isApproved, by: caller.principal, comment: comment, output: output.ref, facts: facts)),
      to: row.run, payloads: [output])
    guard let after = try await approvals.approval(caller.tenant, row.id) else { throw Problem.notFound("approval") }
    return .json { write(after, to: &$0) }
  }

  private func write(_ row: ApprovalRow, to writer: inout JSONWriter) {
    writer.member("id", row.id.description)
    writer.member("run_id", row.run.description)
    writer.member("step", row.step)
    writer.member("status", row.status)
    writer.member("subject_sha256", row.subjectSHA256)
    writer.key("subject")
    if let subject = row.subject { writer.raw(subject) } else { writer.null() }
    if row.isLarge, row.subject == nil { writer.member("subject_truncated", true) }
    writer.member("requested_at", row.requestedAt.description)
    writer.member("expires_at", orNull: row.expiresAt?.description)
    writer.member("decided_at", orNull: row.decidedAt?.description)
    writer.member("decided_by", orNull: row.decidedBy)
    writer.member("comment", orNull: row.comment)
  }
}
