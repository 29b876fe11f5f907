internal import Checks
internal import Dialects
internal import HTTP
internal import HTTPWire
internal import Pricing
internal import Routing
internal import Telemetry

/// Answers that have to pass a check before their caller sees anything of them.
extension CallService {
  /// Streams are held back up to this size.
  private static let heldBytesMax = 16 << 20

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
      let (answer, text) = try await whole(opened, call)
      guard let fault = text.hasCalls ? nil : check.fault(in: text.text) else {
        metrics.checks.with("passed").add()
        call.record.route(route)
        return Opened(
          answer: answer, target: opened.target, provider: opened.provider, health: opened.health,
          dropped: opened.dropped, route: route)
      }
      metrics.checks.with("failed").add()
      health.succeeded(opened.health, firstTokenMicroseconds: nil)
      guard let next = rest.popFirst() else {
        account(answer, opened, call)
        throw CallFailure(
          status: .badGateway, code: "answer_check_failed",
          message: "No model has given an answer that passes the check of this call: \(fault).")
      }
      account(answer, opened, call)
      // The fault quotes the answer, and the reason goes into a header.
      route += ", escalated to \(next.name) because \(CallLabels.plain(fault))"
      opened = try await attempts.open(RoutePlan(targets: [next], reason: route))
    }
  }

  /// All of an answer, with its words.
  private func whole(_ opened: Opened, _ call: Prepared) async throws -> (OpenedAnswer, AnswerText) {
    let dialect = call.asked.dialect
    switch opened.answer {
    case .whole(let answer):
      return (opened.answer, AnswerText(whole: answer.bytes, dialect) ?? AnswerText())
    case .stream(let stream, let first):
      var held = first
      do {
        while held.count <= CallService.heldBytesMax, let piece = try await stream.next() { held += piece }
      } catch {
        guard let failure = Attempts.failure(error, opened.provider) else {
          health.released(opened.health)
          throw error
        }
        health.failed(opened.health, failure.failureClass, retryAfter: nil)
        call.record.paid(
          opened.target, stream.watcher.usage, stream.estimate(promptTokens: call.asked.promptTokens), failure.code)
        throw failure
      }
      return (.stream(stream, first: held), AnswerText(stream: held, dialect) ?? AnswerText())
    }
  }

  /// An answer that is not used was paid for all the same.
  private func account(_ answer: OpenedAnswer, _ opened: Opened, _ call: Prepared) {
    switch answer {
    case .whole(let whole):
      call.record.paid(opened.target, whole.usage, call.asked.estimate(whole), "check_failed")
    case .stream(let stream, _):
      call.record.paid(
        opened.target, stream.watcher.usage, stream.estimate(promptTokens: call.asked.promptTokens), "check_failed")
    }
  }
}
