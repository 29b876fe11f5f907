internal import Contracts
internal import JSON

/// How models are asked, and what becomes of their answers.
extension AgentStateMachine {
  private static let summaryTokensMax: Int64 = 2000
  private static let summaryBytesMax = 32 << 10
  private static let summaryWord = """
    The oldest part of this conversation is about to be removed. Summarise it for yourself: what was asked, what was \
    found and where, what was done, what failed, what is still open. Keep names, numbers and addresses exactly. Do not \
    call tools.
    """

  /// Prepares the next model call. Everything before it is safe first.
  mutating func ask(_ actions: inout [Action]) -> Bool {
    if journal.isAtEnd {
      guard !isRecording else { return false }
      if flush(&actions) { return false }
    }
    if isLegacy {
      guard rules.turns < AgentStateMachine.legacyTurnsMax else {
        fail(.turns)
        return true
      }
    } else {
      if stopReason == nil, let reason = stop() {
        guard conversation.turnCount > 0 else {
          fail(reason)
          return true
        }
        stopReason = reason
        conversation.append(word: reason.word)
      }
      summarising = turnsToSummarise()
      if let count = summarising {
        return call(
          for: .summary(count), actions: &actions
        ) { machine in
          var options = machine.options
          options.schema = nil
          options.forbidsCalls = true
          options.outputTokensMax = AgentStateMachine.summaryTokensMax
          return machine.conversation.request(
            summaryOf: count, asking: AgentStateMachine.summaryWord, options)
        }
      }
    }
    return call(for: .turn, actions: &actions) { $0.conversation.request($0.options) }
  }

  /// What a request asks for beside the messages.
  private var options: Conversation.Options {
    Conversation.Options(
      tools: offersTools ? declaration : nil, forbidsCalls: stopReason != nil,
      schema: offersSchema ? check?.schema : nil, outputTokensMax: start.input.outputTokensMax)
  }

  private var canDropTools: Bool { offersTools && declaration != nil && !conversation.hasToolCalls }
  private var canDropSchema: Bool { offersSchema && check != nil }

  // MARK: Decisions

  /// Why the agent gets one last turn; `nil` when it may go on.
  private mutating func stop() -> StopReason? {
    if let note = journal.take(.stop) {
      let word = (try? JSONDocument(parsing: note.result))?.root["reason"]?.string
      return word.flatMap { StopReason(rawValue: $0) } ?? .noProgress
    }
    guard journal.isAtEnd else { return nil }
    let elapsed = Int64(clamping: (now &- startedAt) / 1_000_000)
    guard let reason = rules.reason(attemptMilliseconds: elapsed) else { return nil }
    var writer = JSONWriter()
    writer.beginObject()
    writer.member("reason", reason.rawValue)
    writer.endObject()
    if conversation.turnCount > 0 { append(note: .stop, writer.bytes) }
    return reason
  }

  /// How many of the oldest turns are to be summarised; `nil` for none.
  private mutating func turnsToSummarise() -> Int? {
    if let summarising { return summarising }
    if let note = journal.take(.compact) {
      let count = (try? JSONDocument(parsing: note.result))?.root["turns"]?.whole(in: 1...1_000_000)
      return Int(clamping: min(count ?? 1, Int64(conversation.turnCount)))
    }
    guard journal.isAtEnd, conversation.turnCount > 1 else { return nil }
    let bytes = conversation.request(options).count
    let count = window.turnsToSummarise(conversation.turnBytes, requestBytes: bytes)
    // A summary alone is not summarised again: it would not get shorter.
    guard count > (conversation.beginsWithSummary ? 1 : 0) else { return nil }
    var writer = JSONWriter()
    writer.beginObject()
    writer.member("turns", Int64(count))
    writer.member("tokens_estimated", window.tokens(ofBytes: bytes))
    writer.endObject()
    append(note: .compact, writer.bytes)
    return count
  }

  // MARK: Calls

  private mutating func call(
    for purpose: Purpose, actions: inout [Action], _ request: (AgentStateMachine) -> [UInt8]
  ) -> Bool {
    let bytes = request(self)
    guard let entry = journal.next else {
      guard bytes.count <= AgentStateMachine.conversationBytesMax else {
        fail(
          AgentFailure(
            code: "conversation_too_large",
            message:
              "The conversation has \(bytes.count) bytes; \(AgentStateMachine.conversationBytesMax) are allowed.",
            isRetryable: false))
        return true
      }
      phase = .awaiting(purpose, request: bytes)
      actions.append(.callModel(bytes))
      return false
    }
    guard entry.kind == .model, let fitting = fitting(entry.requestSHA256, bytes, request),
      let document = try? JSONDocument(parsing: entry.result)
    else {
      diverge()
      return true
    }
    journal.advance()
    rules.spent(entry.usage.costMicroUSD)
    rules.worked(entry.durationMilliseconds)
    takeUp(document, purpose, requestBytes: fitting.count, fresh: nil)
    return true
  }

  /// The request that was recorded. The earlier attempt may have learned here that the model cannot use tools, or takes
  /// no schema.
  private mutating func fitting(
    _ digest: String, _ bytes: [UInt8], _ request: (AgentStateMachine) -> [UInt8]
  ) -> [UInt8]? {
    if AgentStateMachine.digest(bytes) == digest { return bytes }
    for (tools, schema) in [(false, true), (true, false), (false, false)] {
      guard tools || canDropTools, schema || canDropSchema else { continue }
      var other = self
      other.offersTools = other.offersTools && tools
      other.offersSchema = other.offersSchema && schema
      let bytes = request(other)
      guard AgentStateMachine.digest(bytes) == digest else { continue }
      offersTools = other.offersTools
      offersSchema = other.offersSchema
      return bytes
    }
    return nil
  }

  /// A model has answered.
  mutating func answered(_ reply: ModelReply) {
    guard case .awaiting(let purpose, let request) = phase else { return }
    phase = .asking
    rules.spent(reply.usage.costMicroUSD)
    takeUp(reply.document, purpose, requestBytes: request.count, fresh: (reply, AgentStateMachine.digest(request)))
  }

  /// A model has not answered. Tools and schemas are offers, not needs: the model is asked without.
  mutating func modelFailed(_ failure: AgentFailure) {
    guard case .awaiting = phase else { return }
    if canDropTools, FeatureRefusal.meansTools(failure) {
      offersTools = false
      phase = .asking
    } else if canDropSchema, FeatureRefusal.meansSchema(failure) {
      offersSchema = false
      phase = .asking
    } else {
      fail(failure)
    }
  }

  // MARK: Answers

  /// Takes up an answer; `fresh` is what has to be recorded of it.
  private mutating func takeUp(
    _ document: JSONDocument, _ purpose: Purpose, requestBytes: Int, fresh: (reply: ModelReply, digest: String)?
  ) {
    let root = document.root
    if case .summary(let count) = purpose {
      if let fresh { append(fresh) }
      return summarised(root, count)
    }
    turnNumber += 1
    let index = fresh == nil ? journal.position - 1 : nextIndex
    let answer = ModelAnswer(root, turn: isLegacy ? index + 1 : turnNumber, isStrict: isLegacy)
    if case .calls? = answer?.verdict, fresh != nil, !hasNotedTools, !isLegacy {
      hasNotedTools = true
      append(note: .start, ToolDeclaration.note(tools))
    }
    if let fresh { append(fresh) }
    guard let answer else {
      return fail(
        AgentFailure(code: "model_garbage", message: "The model's answer has no message.", isRetryable: true))
    }
    window.counted(answer.promptTokens, forBytes: requestBytes)
    if case .calls(let calls) = answer.verdict {
      if stopReason == nil { return begin(calls, of: answer) }
      guard !answer.text.allSatisfy(\.isWhitespace) else { return fail(stopReason ?? .turns) }
    }
    // An answer from the record that did not end the step is one that could not be used.
    if fresh == nil, let feedback = feedback() {
      conversation.append(unusable: answer, feedback: feedback)
      beginAnew()
      return
    }
    finish(answer)
  }

  private mutating func append(_ fresh: (reply: ModelReply, digest: String)) {
    append(
      .model, fresh.reply.model, fresh.digest, fresh.reply.document.bytes, usage: fresh.reply.usage,
      milliseconds: fresh.reply.milliseconds)
  }

  private mutating func summarised(_ root: JSONView, _ count: Int) {
    summarising = nil
    let answer = ModelAnswer(root, turn: 0)
    var words = answer?.text ?? ""
    if words.allSatisfy(\.isWhitespace) { words = "No summary was given." }
    words = TextCut.headAndTail(words, bytesMax: AgentStateMachine.summaryBytesMax, whole: nil)
    conversation.replace(
      turns: count,
      by: "The oldest \(count) turns of this conversation were removed. Your summary of them:\n\n\(words)\n\n"
        + "What you hold to be true:\n\n\(beliefs.text)")
    window.forget()
    noteBeliefs()
    phase = .asking
  }

  /// Notes the belief state.
  mutating func noteBeliefs() {
    hasNewBeliefs = false
    if journal.take(.belief) == nil, journal.isAtEnd { append(note: .belief, beliefs.document) }
  }

  private mutating func beginAnew() {
    rules.beginAnew()
    stopReason = nil
    hasRepaired = false
    phase = .asking
  }

  // MARK: Failures of the attempt before

  /// The feedback to the model about the recorded answer; `nil` when nothing was wrong with it. Words of an earlier
  /// attempt stand in the record; new ones are recorded before they are used.
  private mutating func feedback() -> String? {
    if let entry = journal.next {
      guard entry.kind == .tool else { return nil }
      guard let text = (try? JSONDocument(parsing: entry.result))?.root["feedback"]?.string,
        entry.requestSHA256 == AgentStateMachine.digest(Array(text.utf8))
      else { return nil }
      journal.advance()
      return text
    }
    guard let failure = start.previousFailure, failure.continues else { return nil }
    let reason = StorableText.make(failure.message, bytesMax: 4000, fallback: failure.code)
    let end = reason.last.map { ".!?…".contains($0) } ?? false ? "" : "."
    let text = "Your last answer could not be used: \(reason)\(end) Answer again."
    var writer = JSONWriter()
    writer.beginObject()
    writer.member("feedback", text)
    writer.endObject()
    append(.tool, "previous_failure", AgentStateMachine.digest(Array(text.utf8)), writer.bytes)
    return text
  }
}
