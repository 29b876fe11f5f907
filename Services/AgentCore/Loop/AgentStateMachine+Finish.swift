internal import Contracts
internal import JSON

/// What becomes of an answer without tool calls.
extension AgentStateMachine {
  /// Ends the attempt with an answer, or asks for a better one.
  mutating func finish(_ answer: ModelAnswer) {
    if case .unusable(let failure) = answer.verdict {
      guard journal.isAtEnd else { return diverge() }
      return fail(failure)
    }
    var data: JSONDocument?
    if let check {
      if let note = journal.take(.repair) {
        let word = (try? JSONDocument(parsing: note.result))?.root["text"]?.string ?? ""
        return repair(answer, word)
      }
      switch check.judge(answer.text) {
      case .fits(let document): data = document
      case .broken(let fault):
        guard journal.isAtEnd else { return diverge() }
        guard !hasRepaired, stopReason == nil else {
          return fail(
            AgentFailure(
              code: "output_invalid", message: "The answer does not fit the schema that the step asks for: \(fault)",
              isRetryable: true))
        }
        let word =
          "Your answer does not have the form that was asked for: \(fault) Answer again with the JSON document alone."
        var writer = JSONWriter()
        writer.beginObject()
        writer.member("text", word)
        writer.endObject()
        append(note: .repair, writer.bytes)
        return repair(answer, word)
      }
    }
    guard journal.isAtEnd else { return diverge() }
    phase = .ending(.success(.delivered(AttemptResult(output: output(answer, data), calls: []))))
  }

  /// The one round in which the model reads what was wrong with the form of its answer.
  private mutating func repair(_ answer: ModelAnswer, _ word: String) {
    hasRepaired = true
    conversation.append(unusable: answer, feedback: word)
    phase = .asking
  }

  private func output(_ answer: ModelAnswer, _ data: JSONDocument?) -> [UInt8] {
    var writer = JSONWriter()
    writer.beginObject()
    writer.member("answer", answer.text)
    writer.member("model", answer.model ?? start.input.model)
    writer.member("finish_reason", answer.finishReason)
    if let data {
      writer.member("data", raw: data.root.rawBytes)
      if start.input.job == .review, let verdict = data.root["verdict"]?.string {
        writer.member("verdict", verdict)
        writer.member("reasons", (data.root["reasons"].map { Array($0.elements) } ?? []).compactMap(\.string))
      }
    }
    if !artefacts.isEmpty {
      writer.key("artefacts")
      writer.beginArray()
      for artefact in artefacts { artefact.write(to: &writer) }
      writer.endArray()
    }
    writer.member("stopped_by", ifPresent: stopReason?.rawValue)
    writer.endObject()
    return writer.bytes
  }

  /// Files that the step made; a later one of the same name takes the place of the earlier.
  mutating func collect(_ made: [ArtefactReference]) {
    for artefact in made {
      artefacts.removeAll { $0.name == artefact.name }
      if artefacts.count < AgentStateMachine.artefactsMax { artefacts.append(artefact) }
    }
  }

  private static let artefactsMax = 1000
}
