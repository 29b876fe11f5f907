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

/// `/api/v1/questions`: what agents ask people.
struct QuestionRoutes: Sendable {
  private static let statuses = ["pending", "answered", "expired", "withdrawn"]

  let engine: Engine
  let approvals: ApprovalStore
  let callers: Authenticator
  let policy: ApprovalPolicy?

  func add(to router: inout Router) {
    router.api(.get, "/api/v1/questions", list)
    router.api(.get, "/api/v1/questions/{id}", get)
    router.api(.post, "/api/v1/questions/{id}/answer", answer)
  }

  private func find(_ request: HTTPRequest) async throws -> (Caller, ApprovalRow, ask: String) {
    let caller = try callers.caller(of: request)
    let id = try PathParameter.id(request, StepID.self)
    guard let row = try await approvals.approval(caller.tenant, id), row.kind == .question, let ask = row.ask else {
      throw Problem.notFound("question")
    }
    return (caller, row, ask)
  }

  private func get(_ request: HTTPRequest) async throws -> HTTPResponse {
    let (_, row, _) = try await find(request)
    return .json { ApprovalDocument.write(row, to: &$0) }
  }

  private func list(_ request: HTTPRequest) async throws -> HTTPResponse {
    try await ApprovalDocument.page(
      request, approvals, try callers.caller(of: request), ofQuestions: true, statuses: QuestionRoutes.statuses)
  }

  private func answer(_ request: HTTPRequest) async throws -> HTTPResponse {
    let (caller, row, ask) = try await find(request)
    var fields = JSONFields(try await request.json(limits: .submitted).root)
    let answer = fields.value("answer", isRequired: true)
    if let answer, answer.rawBytes.count > WorkerLimits.askSubjectBytesMax {
      fields.note("answer", .tooLong, "At most \(WorkerLimits.askSubjectBytesMax) bytes are allowed.")
    }
    try fields.finish()
    try ApprovalDocument.requireOpen(row)
    guard let answer else { throw Problem.notFound("question") }
    try await policy?.check(caller, row, "answer")
    try await engine.answer(
      row, ask, .answered, Payload(Array(answer.rawBytes)), by: caller, comment: "", subject: nil)
    return try await ApprovalDocument.answer(row, approvals, caller)
  }
}
