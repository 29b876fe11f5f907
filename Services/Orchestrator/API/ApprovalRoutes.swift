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
internal import SystemSources
internal import Workflows

/// `/api/v1/approvals`: steps and calls that wait for a person.
struct ApprovalRoutes: Sendable {
  private static let statuses = ["pending", "approved", "rejected", "answered", "expired", "withdrawn"]
  private static let commentBytesMax = 4000

  let engine: Engine
  let approvals: ApprovalStore
  let callers: Authenticator
  let policy: ApprovalPolicy?

  func add(to router: inout Router) {
    router.api(.get, "/api/v1/approvals", list)
    router.api(.get, "/api/v1/approvals/{id}", get)
    router.api(.post, "/api/v1/approvals/{id}/decision", decide)
    router.api(.post, "/api/v1/approvals/{id}/outcome", settle)
  }

  private func find(_ request: HTTPRequest) async throws -> (Caller, ApprovalRow) {
    let caller = try callers.caller(of: request)
    let id = try PathParameter.id(request, StepID.self)
    guard let row = try await approvals.approval(caller.tenant, id), row.kind != .question else {
      throw Problem.notFound("approval")
    }
    return (caller, row)
  }

  private func get(_ request: HTTPRequest) async throws -> HTTPResponse {
    let (_, row) = try await find(request)
    return .json { ApprovalDocument.write(row, to: &$0) }
  }

  private func list(_ request: HTTPRequest) async throws -> HTTPResponse {
    try await ApprovalDocument.page(
      request, approvals, try callers.caller(of: request), ofQuestions: false, statuses: ApprovalRoutes.statuses)
  }

  /// Decides on exactly what the person has read: the request names the digest of the subject.
  private func decide(_ request: HTTPRequest) async throws -> HTTPResponse {
    let (caller, row) = try await find(request)
    var fields = JSONFields(try await request.json(limits: .submitted).root)
    let decision = fields.string("decision", isRequired: true, bytesMax: 20, allowed: ["approve", "reject"])
    let subject = fields.string("subject_sha256", isRequired: true, bytesMax: 64) ?? ""
    let comment = fields.string("comment", bytesMax: ApprovalRoutes.commentBytesMax, allowsEmpty: true) ?? ""
    try fields.finish()
    guard row.kind != .unknownOutcome else {
      throw Problem(.kindDiffers, "What became of a call is said with /outcome.")
    }
    try ApprovalDocument.requireOpen(row)
    try await policy?.check(caller, row, decision ?? "")
    let isApproved = decision == "approve"
    var writer = JSONWriter()
    writer.beginObject()
    writer.member("approved", isApproved)
    writer.member("by", caller.principal)
    writer.member("comment", comment)
    writer.endObject()
    let output = Payload(writer.bytes)
    if let ask = row.ask {
      try await engine.answer(
        row, ask, isApproved ? .approved : .rejected, output, by: caller, comment: comment, subject: subject)
    } else {
      guard let workflow = try await engine.workflow(of: row.run) else { throw Problem.notFound("approval") }
      let facts = workflow.watched.facts(output: try JSONDocument(parsing: output.body).root, of: row.step)
      try await engine.apply(
        .decideApproval(
          step: row.step, subjectSHA256: subject,
          ApprovalDecision(
            isApproved: isApproved, by: caller.principal, comment: comment, output: output.ref, facts: facts)),
        to: row.run, payloads: [output])
    }
    return try await ApprovalDocument.answer(row, approvals, caller)
  }

  /// Says what became of a call whose worker died over it.
  private func settle(_ request: HTTPRequest) async throws -> HTTPResponse {
    let (caller, row) = try await find(request)
    var fields = JSONFields(try await request.json(limits: .submitted).root)
    let word = fields.string("outcome", isRequired: true, bytesMax: 20, allowed: ["done", "not_done", "failed"])
    let textMax = WorkerLimits.askSubjectBytesMax / 2
    let result = fields.string("result", bytesMax: textMax, allowsEmpty: true)
    let message = fields.string("message", bytesMax: textMax, allowsEmpty: true)
    if word == "done", result == nil, fields.faults.isEmpty {
      fields.note("result", .required, "What the call gave is expected with done.")
    }
    if word != "done", result != nil { fields.note("result", .notAllowed, "Only done has a result.") }
    if word != "failed", message != nil { fields.note("message", .notAllowed, "Only failed has a message.") }
    let subject = fields.string("subject_sha256", bytesMax: 64)
    try fields.finish()
    guard row.kind == .unknownOutcome, let ask = row.ask else {
      throw Problem(.kindDiffers, "The approval is decided with /decision.")
    }
    try ApprovalDocument.requireOpen(row)
    try await policy?.check(caller, row, "outcome")
    var writer = JSONWriter()
    writer.beginObject()
    writer.member("outcome", word ?? "")
    writer.member("result", ifPresent: result)
    if word == "failed" { writer.member("message", message ?? "A person says that the call has failed.") }
    writer.endObject()
    try await engine.answer(row, ask, .answered, Payload(writer.bytes), by: caller, comment: "", subject: subject)
    return try await ApprovalDocument.answer(row, approvals, caller)
  }
}

extension Engine {
  /// Answers what a step asks; one of several who do so at the same time wins.
  func answer(
    _ row: ApprovalRow, _ ask: String, _ outcome: AskAnswer.Outcome, _ answer: Payload, by caller: Caller,
    comment: String, subject: String?
  ) async throws {
    try await apply(
      .answer(
        step: row.step, attempt: row.attempt, ask: ask, subjectSHA256: subject,
        AskAnswer(
          outcome: outcome, answer: answer.ref, by: caller.principal, comment: comment,
          at: WallClock.now().unixMicroseconds)),
      to: row.run, payloads: [answer])
  }
}
