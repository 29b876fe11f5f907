internal import APIKit
internal import Contracts
internal import HTTP
internal import HTTPWire
internal import JSON
internal import Primitives
internal import RunStorage

/// How approvals and questions look over HTTP.
enum ApprovalDocument {
  static func write(_ row: ApprovalRow, to writer: inout JSONWriter) {
    writer.member("id", row.id.description)
    if row.kind != .question { writer.member("kind", row.kind.rawValue) }
    writer.member("run_id", row.run.description)
    writer.member("step", row.step)
    writer.member("step_id", (row.askingStep ?? row.id).description)
    if row.ask != nil {
      writer.member("key", orNull: row.ask)
      writer.member("tool", orNull: row.tool)
    }
    writer.member("status", row.status)
    writer.member("subject_sha256", row.subjectSHA256)
    writer.key("subject")
    if let subject = row.subject { writer.raw(subject) } else { writer.null() }
    if row.isLarge, row.subject == nil { writer.member("subject_truncated", true) }
    writer.member("requested_at", row.requestedAt.description)
    writer.member("requested_by", orNull: row.requestedBy)
    writer.member("expires_at", orNull: row.expiresAt?.description)
    writer.member("decided_at", orNull: row.decidedAt?.description)
    writer.member("decided_by", orNull: row.decidedBy)
    if row.kind != .question { writer.member("comment", orNull: row.comment) }
    if row.kind == .question || row.kind == .unknownOutcome {
      writer.key("answer")
      if let answer = row.answer { writer.raw(answer) } else { writer.null() }
      if row.status == "answered", row.answer == nil { writer.member("answer_truncated", true) }
    }
  }

  /// Throws a 409 `Problem` when nobody needs an answer any more.
  static func requireOpen(_ row: ApprovalRow) throws(Problem) {
    guard row.status == "pending" else {
      throw Problem(
        .alreadyDecided, "The \(row.kind == .question ? "question" : "approval") is \(row.status) already.")
    }
  }

  /// The row as it stands after a decision.
  static func answer(_ row: ApprovalRow, _ approvals: ApprovalStore, _ caller: Caller) async throws -> HTTPResponse {
    guard let after = try await approvals.approval(caller.tenant, row.id) else {
      throw Problem.notFound(row.kind == .question ? "question" : "approval")
    }
    return .json { write(after, to: &$0) }
  }
}

extension ApprovalDocument {
  /// A page of what waits for people: of questions, or of everything else.
  static func page(
    _ request: HTTPRequest, _ approvals: ApprovalStore, _ caller: Caller, ofQuestions isQuestion: Bool,
    statuses: [String]
  ) async throws -> HTTPResponse {
    let query = try request.query()
    let page = try PageRequest<StepKind>(query, standard: 20, max: 100)
    let rows = try await approvals.approvals(
      caller.tenant, isQuestion: isQuestion, status: try QueryParameter.word(query, "status", allowed: statuses),
      run: try QueryParameter.id(query, "run_id"), project: try QueryParameter.id(query, "project_id"),
      before: page.cursor, limit: page.rows)
    return .page(
      isQuestion ? "questions" : "approvals", rows, limit: page.limit, cursor: { $0.id.description }
    ) { write($0, to: &$1) }
  }
}
