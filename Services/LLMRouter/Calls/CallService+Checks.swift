internal import Checks
internal import Dialects
internal import HTTP
internal import HTTPWire
internal import Ledger
internal import ModelCatalog
internal import Pricing
internal import Routing
internal import Telemetry

/// Answers that have to pass a check before their caller gets anything of them.
extension CallService {
  /// The check that a caller asks for by header.
  static func check(_ name: String?) -> AnswerCheck? {
    switch name {
    case "non_empty": AnswerCheck(isNonEmpty: true)
    case "json": AnswerCheck(isNonEmpty: true, isJSON: true)
    default: nil
    }
  }

  /// An answer that passes the check of the call: from the plan, else from one of its larger models. Throws the
  /// `CallFailure` of the last.
  func passing(
    _ check: AnswerCheck, _ call: PreparedCall, _ plan: RoutePlan, _ attempts: AttemptLoop
  ) async throws -> StartedAnswer {
    var started = try await attempts.start(plan)
    var route = plan.reason
    var rest = plan.escalation.filter { $0.id != started.target.id }[...]
    while true {
      let text = text(started, call)
      guard let fault = text.hasCalls ? nil : check.fault(in: text.text) else {
        metrics.checks.with("passed").add()
        call.account.route(route)
        return StartedAnswer(
          started.content, target: started.target, provider: started.provider, health: started.health,
          dropped: started.dropped, route: route, sentAt: started.sentAt)
      }
      metrics.checks.with("failed").add()
      health.succeeded(started.health, firstTokenMicroseconds: nil)
      guard let next = rest.popFirst() else {
        account(started, call)
        throw CallFailure(
          status: .badGateway, code: "answer_check_failed",
          message: "No model has given an answer that passes the check of this call: \(fault).")
      }
      account(started, call)
      // The fault quotes the answer, and the reason goes into a header.
      route += ", escalated to \(next.name) because \(CallLabels.plain(fault))"
      started = try await attempts.start(RoutePlan(targets: [next], reason: route))
    }
  }

  /// The text of an answer; of a stream all of it was buffered.
  private func text(_ started: StartedAnswer, _ call: PreparedCall) -> AnswerText {
    let dialect = call.request.dialect
    return switch started.content {
    case .whole(let answer): AnswerText(whole: answer.bytes, dialect) ?? AnswerText()
    case .stream(_, let buffered): AnswerText(stream: buffered, dialect) ?? AnswerText()
    }
  }

  /// An answer that is not used was paid for all the same.
  private func account(_ started: StartedAnswer, _ call: PreparedCall) {
    call.account.settle(
      started.report(
        "check_failed", promptTokens: call.request.promptTokens, outputTokensMax: call.request.outputTokens))
  }
}
