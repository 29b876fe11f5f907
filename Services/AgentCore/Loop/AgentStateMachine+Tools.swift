internal import Contracts
internal import JSON

/// How the tool calls of a turn are made.
extension AgentStateMachine {
  // MARK: A turn begins

  mutating func begin(_ asked: [ToolCall], of answer: ModelAnswer) {
    guard asked.count <= AgentStateMachine.answeredCallsPerTurnMax else {
      return fail(
        AgentFailure(
          code: "model_garbage", message: "The model asked for \(asked.count) tool calls at once.", isRetryable: true))
    }
    conversation.append(answer, calls: asked)
    var turn = ToolTurn(
      number: turnNumber,
      calls: asked.enumerated().map { position, call in
        let words = isLegacy ? "" : "\(turnNumber)\n\(position)\n"
        let digest = AgentStateMachine.digest(Array("\(words)\(call.name)\n\(call.arguments)".utf8))
        return ToolTurn.Call(
          call: call, tool: tools.first { $0.name == call.name }, digest: digest,
          key: "t\(turnNumber).c\(position).\(digest.prefix(16))",
          isRecorded: position < AgentStateMachine.toolCallsPerTurnMax)
      })
    // Most results stand in the journal, when there is one; what can be said without any tool is said now.
    let recorded = readJournal(&turn)
    for place in turn.calls.indices { answerAtOnce(place, recorded[place], &turn) }
    self.turn = turn
    if turn.isEnded { return endTurn() }
    guard journal.isAtEnd else { return diverge() }
    phase = .acting
  }

  /// Answers what needs no tool, and takes over what was recorded.
  private mutating func answerAtOnce(_ place: Int, _ recorded: ToolReport?, _ turn: inout ToolTurn) {
    let call = turn.calls[place]
    guard call.isRecorded else {
      let most = AgentStateMachine.toolCallsPerTurnMax
      turn.calls[place].status = .ended(
        .error("turn_limit", "only \(most) calls of a turn are run; this one was not"))
      return
    }
    var report: ToolReport?
    if call.tool == nil {
      report = .error("tool_unknown", "there is no tool of this name")
    } else if !call.call.isWellFormed {
      report = .error("arguments_invalid", "the arguments are not a JSON object")
    } else if call.call.name == BeliefState.toolName, !isLegacy {
      if let arguments = try? JSONDocument(parsing: call.call.arguments).root {
        report = beliefs.update(arguments, turn: turn.number)
        hasNewBeliefs = true
      }
    } else if !rules.takeToolCall() {
      report = .error("tool_call_limit", "the limit of tool calls is reached; this call was not made")
    }
    if let recorded {
      turn.calls[place].status = .ended(recorded)
      rules.worked(recorded.durationMilliseconds)
    } else if let report, journal.isAtEnd {
      end(place, report, &turn)
    }
  }

  // MARK: The journal

  /// Reads what the journal says about the turn. Returns the results that it holds, by the place of their call.
  private mutating func readJournal(_ turn: inout ToolTurn) -> [ToolReport?] {
    var reports = [ToolReport?](repeating: nil, count: turn.calls.count)
    while let entry = journal.next {
      if JournalCursor.isNote(entry, .policy), entry.requestSHA256 == turn.digest {
        readPolicy(entry, &turn)
        journal.advance()
        continue
      }
      let place = turn.calls.indices.first { turn.calls[$0].digest == entry.requestSHA256 && reports[$0] == nil }
      guard let place else { break }
      switch entry.kind {
      case .tool:
        guard let report = ToolRecord.read(entry) else { return reports }
        reports[place] = report
        turn.calls[place].isUncertain = false
      case .intent:
        turn.calls[place].intents += 1
        turn.calls[place].isUncertain = true
      case .note where entry.name == JournalCursor.Note.question.rawValue:
        guard let gate = Gates.read(entry.result) else { return reports }
        turn.calls[place].questions += 1
        turn.calls[place].isUncertain = false
        turn.calls[place].status = .gated(gate)
      case .note, .model: return reports
      }
      journal.advance()
    }
    for place in turn.calls.indices where turn.calls[place].isUncertain { gateOutcome(place, &turn) }
    return reports
  }

  private func readPolicy(_ entry: RecordedCall, _ turn: inout ToolTurn) {
    guard let list = (try? JSONDocument(parsing: entry.result))?.root["calls"] else { return }
    for view in list.elements {
      guard let position = view["position"]?.whole(in: 0...Int64(turn.calls.count - 1)) else { continue }
      turn.calls[Int(position)].status = Gates.status(ofPolicy: view)
    }
  }

  /// A call that was about to be made when its worker died.
  private func gateOutcome(_ place: Int, _ turn: inout ToolTurn) {
    let call = turn.calls[place]
    turn.calls[place].status = .gated(
      ToolTurn.Gate(
        kind: .outcome, key: "\(call.key).u\(call.intents)", subject: Gates.subject(call.call),
        expiresMilliseconds: nil))
  }

  // MARK: Steps

  /// Does what can be done for the turn.
  mutating func act(_ actions: inout [Action]) -> Bool {
    guard var turn else {
      phase = .asking
      return true
    }
    if turn.hasUndecided {
      guard !turn.isDeciding else { return false }
      turn.isDeciding = true
      let calls = turn.calls.filter { $0.status == .undecided }.map { request($0) }
      actions.append(.decide(calls, after: endedCalls))
      endedCalls = []
      self.turn = turn
      return false
    }
    for place in turn.calls.indices { openGate(place, &turn) }
    if case .ending = phase {
      self.turn = turn
      return true
    }
    for place in turn.startable(width: rules.limits.parallelToolsMax) { start(place, &turn, &actions) }
    for place in turn.calls.indices {
      guard case .intended(let index) = turn.calls[place].status, index <= safeIndex else { continue }
      turn.calls[place].status = .running
      actions.append(.runTool(place, request(turn.calls[place])))
    }
    for (place, text) in toKeep {
      let name = "tool-results/turn-\(turn.number)-call-\(place).txt"
      actions.append(.keep(place, text, name: name, request(turn.calls[place])))
    }
    toKeep = []
    self.turn = turn
    if turn.isActive {
      if turn.hasSlowCall { _ = flush(&actions) }
      return false
    }
    if turn.isEnded {
      endTurn()
    } else {
      // Nothing can be done without people.
      let asks = Array(turn.asks(start.input.questions).prefix(WorkerLimits.asksMax))
      phase = .ending(.success(.waiting(AttemptWait(asks: asks, calls: []))))
    }
    return true
  }

  private mutating func start(_ place: Int, _ turn: inout ToolTurn, _ actions: inout [Action]) {
    let call = turn.calls[place]
    guard call.order == .alone, !isLegacy else {
      turn.calls[place].status = .running
      actions.append(.runTool(place, request(call)))
      return
    }
    turn.calls[place].intents += 1
    append(.intent, call.call.name, call.digest, Gates.intent(call))
    turn.calls[place].status = .intended(until: nextIndex)
  }

  private func request(_ call: ToolTurn.Call) -> StepToolCall {
    StepToolCall(
      name: call.call.name, arguments: call.call.arguments, key: call.key,
      answers: start.answers.filter { $0.key.hasPrefix(call.key + ".") && $0.kind != .unknownOutcome },
      digest: call.tool?.digest ?? "")
  }

  /// Applies the answer of a person, when it is there.
  private mutating func openGate(_ place: Int, _ turn: inout ToolTurn) {
    guard case .gated(let gate) = turn.calls[place].status,
      let answer = start.answers.first(where: { $0.key == gate.key })
    else { return }
    if let failure = start.input.questions.failure(gate, of: turn.calls[place].call.name, answer) {
      return fail(failure)
    }
    switch Gates.opened(gate, by: answer) {
    case .run: turn.calls[place].status = .ready
    case .report(var report):
      report.text = TextCut.headAndTail(
        report.text, bytesMax: window.resultBytesMax(among: turn.calls.count), whole: nil)
      end(place, report, &turn)
    }
  }

  // MARK: Events

  /// Somebody has decided about the calls of the turn.
  mutating func decided(_ decisions: [StepToolDecision]) {
    guard var turn, turn.isDeciding else { return }
    defer { self.turn = turn }
    turn.isDeciding = false
    var noted: [(place: Int, decision: StepToolDecision)] = []
    for (number, place) in turn.calls.indices.filter({ turn.calls[$0].status == .undecided }).enumerated() {
      // Fail closed: what nobody has decided is not made.
      let decision =
        number < decisions.count
        ? decisions[number] : StepToolDecision(.deny(nil), rule: "undecided", reason: "no decision")
      noted.append((place, decision))
    }
    let isPlain = noted.allSatisfy { place, decision in
      if case .run = decision.verdict { return turn.calls[place].tool?.isInstant ?? false }
      return false
    }
    // What is computed at once and allowed needs no line of its own in the history.
    if !isPlain, !isLegacy { append(note: .policy, Gates.policy(noted, turn), digest: turn.digest) }
    for (place, decision) in noted {
      switch decision.verdict {
      case .run: turn.calls[place].status = .ready
      case .deny(let report):
        end(place, report ?? .error("denied", "the call was not allowed: \(decision.reason)"), &turn)
      case .known(let report): end(place, report, &turn)
      case .approve, .question:
        turn.calls[place].status = Gates.status(of: decision, key: turn.calls[place].key) ?? .ready
      }
    }
  }

  /// A tool has ended.
  mutating func toolEnded(_ place: Int, _ outcome: StepToolOutcome, _ milliseconds: Int64) {
    guard var turn, turn.calls.indices.contains(place), turn.calls[place].status == .running else { return }
    defer { self.turn = turn }
    switch outcome {
    case .question(let subject, let expires):
      turn.calls[place].questions += 1
      let gate = ToolTurn.Gate(
        kind: .question, key: "\(turn.calls[place].key).q\(turn.calls[place].questions)", subject: subject,
        expiresMilliseconds: expires)
      append(note: .question, Gates.document(gate), digest: turn.calls[place].digest)
      turn.calls[place].status = .gated(gate)
    case .report(var report):
      report.durationMilliseconds = milliseconds
      let bytesMax = window.resultBytesMax(among: turn.calls.count)
      if report.text.utf8.count > bytesMax, !isLegacy {
        turn.calls[place].status = .keeping(report)
        toKeep.append((place, report.text))
      } else {
        end(place, report, &turn)
      }
    }
  }

  /// A text that is too long is kept, or cannot be.
  mutating func kept(_ place: Int, _ artefact: ArtefactReference?) {
    guard var turn, turn.calls.indices.contains(place), case .keeping(var report) = turn.calls[place].status else {
      return
    }
    defer { self.turn = turn }
    report.text = TextCut.headAndTail(
      report.text, bytesMax: window.resultBytesMax(among: turn.calls.count), whole: artefact?.name)
    end(place, report, &turn)
  }

  /// A call has its result.
  private mutating func end(_ place: Int, _ report: ToolReport, _ turn: inout ToolTurn) {
    let call = turn.calls[place]
    append(.tool, call.call.name, call.digest, ToolRecord.document(report), milliseconds: report.durationMilliseconds)
    turn.calls[place].status = .ended(report)
  }

  // MARK: A turn ends

  /// Every call has its result: the model reads them, in the order in which it made the calls.
  private mutating func endTurn() {
    guard let turn else { return }
    var ended: [LimitTracker.Call] = []
    for call in turn.calls {
      guard case .ended(let report) = call.status else { continue }
      conversation.append(toolResult: report.text, of: call.call)
      ended.append(
        LimitTracker.Call(
          name: call.call.name, arguments: call.call.arguments, text: report.text, isError: report.isError))
      collect(report.artefacts)
      guard call.call.name != BeliefState.toolName, call.tool != nil else { continue }
      beliefs.observe(call.call.name, report, turn: turn.number)
      endedCalls.append(
        EndedToolCall(
          key: call.key, name: call.call.name, arguments: call.call.arguments, report: report))
    }
    rules.turnEnded(ended)
    self.turn = nil
    if hasNewBeliefs { noteBeliefs() }
    phase = .asking
  }
}
