internal import Contracts
internal import Decider
internal import JSON

/// The stored form of questions to people and their answers, and of the limits of losses.
extension EventCodec {
  static func write(_ asks: [Ask], _ writer: inout JSONWriter) {
    writer.objects("asks", asks) { ask, writer in
      writer.member("key", ask.key)
      writer.member("kind", ask.kind.rawValue)
      writer.member("tool", ifPresent: ask.tool)
      write("subject", ask.subject, &writer)
      writer.member("expires_ms", ifPresent: ask.expiresMilliseconds)
    }
  }

  static func write(_ answer: AskAnswer, _ writer: inout JSONWriter) {
    writer.member("outcome", answer.outcome.rawValue)
    write("answer", answer.answer, &writer)
    writer.member("by", answer.by)
    if !answer.comment.isEmpty { writer.member("comment", answer.comment) }
    writer.member("at_us", answer.at)
  }

  static func write(_ limits: LossLimits, _ writer: inout JSONWriter) {
    writer.key("losses_max")
    writer.beginObject()
    writer.member("in_a_row", Int64(limits.inARow))
    writer.member("in_all", Int64(limits.inAll))
    writer.endObject()
  }

  static func lossLimits(_ view: JSONView) -> LossLimits {
    LossLimits(
      inARow: Int(clamping: view["in_a_row"]?.int ?? 0), inAll: Int(clamping: view["in_all"]?.int ?? 0))
  }

  /// `nil` when any of them cannot be read.
  static func asks(_ view: JSONView) -> [Ask]? {
    guard let list = view["asks"] else { return nil }
    let asks = list.elements.compactMap { view -> Ask? in
      guard let key = view["key"]?.string, let kind = view["kind"]?.string.flatMap({ StepAsk.Kind(rawValue: $0) }),
        let subject = payload(view["subject"])
      else { return nil }
      return Ask(
        key: key, kind: kind, tool: view["tool"]?.string, subject: subject,
        expiresMilliseconds: view["expires_ms"]?.int)
    }
    return asks.count == list.count ? asks : nil
  }

  static func answer(_ view: JSONView) -> AskAnswer? {
    guard let outcome = view["outcome"]?.string.flatMap({ AskAnswer.Outcome(rawValue: $0) }),
      let answer = payload(view["answer"])
    else { return nil }
    return AskAnswer(
      outcome: outcome, answer: answer, by: view["by"]?.string ?? "", comment: view["comment"]?.string ?? "",
      at: view["at_us"]?.int ?? 0)
  }
}
