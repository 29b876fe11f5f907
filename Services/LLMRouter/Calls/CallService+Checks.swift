internal import Checks
internal import Dialects
internal import HTTP
internal import HTTPWire
internal import Ledger
internal import Pricing
internal import Routing
internal import Telemetry

/// Answers that have to pass a check before their caller sees anything of them.
extension CallService {
  /// The check that a caller asks for by header.
  static func check(_ word: String?) -> AnswerCheck? {
    switch word {
    case "non_empty": AnswerCheck(isNonEmpty: true)
    case "json": AnswerCheck(isNonEmpty: true, isJSON: true)
    default: nil
    }
  }

  /// An answer that passes the check of the call: from the plan, else from one of its larger models. Throws the
  /// `CallFailure` of the last.
  func passing(
    _ check: AnswerCheck, _ call: Prepared, _ plan: RoutePlan, _ attempts: Attempts
  ) async throws -> Opened {
    var opened = try await attempts.open(plan)
    var route = plan.reason
    var rest = plan.escalation.filter { $0.id != opened.target.id }[...]
    while true {
      let text = text(opened, call)
      guard let fault = text.hasCalls ? nil : check.fault(in: text.text) else {
        metrics.checks.with("passed").add()
        call.record.route(route)
        return Opened(
          answer: opened.answer, target: opened.target, provider: opened.provider, health: opened.health,
          dropped: opened.dropped, route: route, sentAt: opened.sentAt)
      }
      metrics.checks.with("failed").add()
      health.succeeded(opened.health, firstTokenMicroseconds: nil)
      guard let next = rest.popFirst() else {
        account(opened, call)
        throw CallFailure(
          status: .badGateway, code: "answer_check_failed",
          message: "No model has given an answer that passes the check of this call: \(fault).")
      }
      account(opened, call)
      // The fault quotes the answer, and the reason goes into a header.
      route += ", escalated to \(next.name) because \(CallLabels.plain(fault))"
      opened = try await attempts.open(RoutePlan(targets: [next], reason: route))
    }
  }

  /// The words of an answer; of a stream all of it was held back.
  private func text(_ opened: Opened, _ call: Prepared) -> AnswerText {
    let dialect = call.asked.dialect
    return switch opened.answer {
    case .whole(let answer): AnswerText(whole: answer.bytes, dialect) ?? AnswerText()
    case .stream(_, let held): AnswerText(stream: held, dialect) ?? AnswerText()
    }
  }

  /// An answer that is not used was paid for all the same.
  private func account(_ opened: Opened, _ call: Prepared) {
    call.record.settle(
      opened.report(
        "check_failed", promptTokens: call.asked.promptTokens, outputTokensMax: call.asked.outputTokens))
  }
}
