internal import Contracts
internal import Crypto
internal import JSON
internal import Primitives

/// One attempt of one step: the model and its tools in turns until there is an answer. Pure: what comes in goes through
/// `take`, what is to be done comes out of `poll`.
///
/// The journal of earlier attempts is read first, as far as it reaches; the same journal always gives the same
/// requests, byte for byte. Whatever the machine decides by anything but the journal (limits of time and cost, the size
/// of the context, what a policy says) is recorded as a note before it has an effect.
struct AgentStateMachine: Sendable {
  /// What is to be done. Everything but `end` is answered by an `Event`.
  enum Action: Sendable {
    /// The tools are asked for; answered by `offered`.
    case offer
    /// A model is called; answered by `model` or `modelFailed`.
    case callModel([UInt8])
    /// Somebody decides about the calls of a turn; answered by `decided`.
    case decide([StepToolCall], after: [EndedToolCall])
    /// A tool is run; answered by `toolEnded`.
    case runTool(Int, StepToolCall)
    /// A text that is too long is kept; answered by `kept`.
    case keep(Int, String, name: String, StepToolCall)
    /// Entries are recorded; answered by `recorded`.
    case record([CallReport])
    /// The attempt has ended.
    case end(Result<AttemptEnd, AgentFailure>)
  }

  /// What has happened.
  enum Event: Sendable {
    case offered([OfferedTool])
    /// The step cannot have the tools that it asks for.
    case offerFailed(AgentFailure)
    case model(ModelReply)
    case modelFailed(AgentFailure)
    case decided([StepToolDecision])
    case toolEnded(Int, StepToolOutcome, milliseconds: Int64)
    case kept(Int, ArtefactReference?)
    case recorded
  }

  /// What a model is called for.
  enum Purpose: Hashable, Sendable {
    /// The next turn.
    case turn
    /// A summary of the oldest turns, so many.
    case summary(Int)
  }

  enum Phase: Sendable {
    /// The tools are not known yet.
    case starting
    /// The tools are asked for.
    case offering
    /// The next model call is prepared.
    case asking
    /// A model is called.
    case awaiting(Purpose, request: [UInt8])
    /// Tools are called.
    case acting
    /// What is on its way to the journal has to arrive; then this is the end.
    case ending(Result<AttemptEnd, AgentFailure>)
    /// It is over.
    case ended
  }

  /// Tool calls of one turn that are run; those beyond are answered with an error.
  static let toolCallsPerTurnMax = 128
  /// Tool calls of one turn that are answered at all.
  static let answeredCallsPerTurnMax = 1024
  /// Largest conversation.
  static let conversationBytesMax = 16 << 20
  /// Turns of a journal that was begun by a version without state machine.
  static let legacyTurnsMax = 16

  let start: AttemptStart
  let startedAt: UInt64
  let isLegacy: Bool
  let check: OutputCheck?
  var journal: JournalCursor
  var phase = Phase.starting
  var tools: [OfferedTool] = []
  var declaration: [UInt8]?
  var hasNotedTools: Bool
  var conversation: Conversation
  var window: ContextWindow
  var rules: LimitTracker
  var beliefs: BeliefState
  var hasNewBeliefs = false
  var now: UInt64

  /// Entries that are not on their way to the journal yet.
  var pending: [CallReport] = []
  var isRecording = false
  /// The index behind the last entry that is safe.
  var safeIndex: Int
  /// The index of the next entry.
  var nextIndex: Int

  /// Model answers so far, in all attempts.
  var turnNumber = 0
  var turn: ToolTurn?
  /// Texts that are too long, by the place of their call.
  var toKeep: [(place: Int, text: String)] = []
  /// Calls that have ended since the last decision.
  var endedCalls: [EndedToolCall] = []
  var artefacts: [ArtefactReference] = []
  var stopReason: StopReason?
  /// How many turns are being summarised.
  var summarising: Int?
  var hasRepaired = false
  var offersTools = true
  var offersSchema = true

  init(_ start: AttemptStart, caps: AgentLimits, now: UInt64) {
    self.start = start
    self.now = now
    startedAt = now
    let input = start.input
    let limits = caps.granted(input.limits)
    let cursor = JournalCursor(start.journal)
    let check = OutputCheck(input)
    isLegacy = AgentStateMachine.isLegacy(cursor, input)
    self.check = isLegacy ? nil : check
    journal = cursor
    hasNotedTools = cursor.hasStart
    conversation = Conversation(
      input, instruction: AgentStateMachine.instruction(input, isLegacy ? nil : check), isLegacy: isLegacy)
    window = ContextWindow(tokensMax: limits.contextTokensMax)
    rules = LimitTracker(limits)
    beliefs = BeliefState(goal: input.goal ?? input.prompt)
    nextIndex = cursor.count
    safeIndex = cursor.count
  }

  // MARK: Versions

  /// Whether the journal was begun by a version whose requests looked otherwise.
  private static func isLegacy(_ journal: JournalCursor, _ input: AgentInput) -> Bool {
    guard !journal.hasStart, let first = journal.firstModelCall else { return false }
    let plain = Conversation(input, instruction: nil, isLegacy: true)
    return [ToolDeclaration.legacy, nil].contains { tools in
      let request = plain.request(.init(tools: tools, outputTokensMax: input.outputTokensMax))
      return digest(request) == first.requestSHA256
    } && journal.hasOnlyLegacyKinds
  }

  /// What is said to the model beside the step's own words.
  private static func instruction(_ input: AgentInput, _ check: OutputCheck?) -> String? {
    let isSilent = input.system?.isEmpty ?? true
    let role: String? =
      switch input.job {
      case .execute: nil
      case .plan where isSilent:
        "You divide a task into few steps. Agents do them without seeing the task: each prompt says all that is needed."
      case .review where isSilent:
        "You review what others have made. Approve it when it does what was asked; otherwise reject it and say why."
      case .synthesise where isSilent: "You make one answer to the task out of what was found."
      case .plan, .review, .synthesise: nil
      }
    let parts = [role, check?.instruction].compactMap { $0 }
    return parts.isEmpty ? nil : parts.joined(separator: "\n\n")
  }

  static func digest(_ bytes: [UInt8]) -> String { Hex.encode(Digest.sha256(bytes)) }

  // MARK: The machine

  /// What is to be done now. `now` is monotonic time in nanoseconds.
  mutating func poll(now: UInt64) -> [Action] {
    self.now = now
    var actions: [Action] = []
    while advance(&actions) {}
    return actions
  }

  /// Takes up what has happened.
  mutating func take(_ event: Event) {
    switch event {
    case .offered(let tools): offered(tools)
    case .offerFailed(let failure): fail(failure)
    case .model(let reply): answered(reply)
    case .modelFailed(let failure): modelFailed(failure)
    case .decided(let decisions): decided(decisions)
    case .toolEnded(let place, let outcome, let milliseconds): toolEnded(place, outcome, milliseconds)
    case .kept(let place, let artefact): kept(place, artefact)
    case .recorded:
      isRecording = false
      safeIndex = nextIndex - pending.count
    }
  }

  /// Goes one step on; `false` when something has to happen first.
  private mutating func advance(_ actions: inout [Action]) -> Bool {
    switch phase {
    case .starting: return begin(&actions)
    case .offering, .awaiting, .ended: return false
    case .asking: return ask(&actions)
    case .acting: return act(&actions)
    case .ending(let result):
      guard !isRecording else { return false }
      actions.append(.end(withPending(result)))
      phase = .ended
      return false
    }
  }

  private mutating func begin(_ actions: inout [Action]) -> Bool {
    if let fault = start.input.fault, !isLegacy {
      fail(AgentFailure(code: "input_invalid", message: "The step's input: \(fault)", isRetryable: false))
      return true
    }
    if isLegacy {
      tools = [ToolDeclaration.legacyTool]
      declaration = ToolDeclaration.legacy
    } else if let noted = journal.tools {
      tools = noted
      declaration = ToolDeclaration.declaration(noted)
    } else if hasNotedTools {
      fail(.divergence(0))
      return true
    } else if start.input.tools?.isEmpty ?? false {
      offersTools = false
    } else {
      phase = .offering
      actions.append(.offer)
      return false
    }
    phase = .asking
    return true
  }

  private mutating func offered(_ offered: [OfferedTool]) {
    tools = offered
    // What nobody understands must not mean that nobody is asked.
    if let word = start.input.unknownApproval(among: offered) {
      return fail(
        AgentFailure(
          code: "input_invalid",
          message:
            "The step's input: approve has \"\(StorableText.make(word, bytesMax: 200, fallback: "?"))\", which is no "
            + "risk (read, write, execute, network) and no tool of the step.", isRetryable: false))
    }
    if let name = start.input.questions.unknownTool(among: offered) {
      let shown = StorableText.make(name, bytesMax: 200, fallback: "?")
      return fail(
        AgentFailure(
          code: "input_invalid",
          message: "The step's input: questions.tools has \"\(shown)\", which is no tool of the step.",
          isRetryable: false))
    }
    // Who only answers needs no list of what it knows.
    if start.input.isAgentic, !offered.isEmpty, !offered.contains(where: { $0.name == BeliefState.toolName }) {
      tools.append(BeliefState.tool)
    }
    declaration = ToolDeclaration.declaration(tools)
    phase = .asking
  }

  // MARK: Entries

  /// Adds an entry for the journal.
  mutating func append(
    _ kind: CallReport.Kind, _ name: String, _ digest: String, _ result: [UInt8], usage: Usage = .zero,
    milliseconds: Int64 = 0
  ) {
    pending.append(
      CallReport(
        kind: kind, index: nextIndex, name: name, requestSHA256: digest, result: result, usage: usage,
        durationMilliseconds: milliseconds))
    nextIndex += 1
  }

  /// Adds a note.
  mutating func append(note: JournalCursor.Note, _ document: [UInt8], digest: String? = nil) {
    append(.note, note.rawValue, digest ?? AgentStateMachine.digest(document), document)
  }

  /// Sends what is pending; `false` when there is nothing or something is on its way.
  mutating func flush(_ actions: inout [Action]) -> Bool {
    guard !pending.isEmpty, !isRecording else { return false }
    actions.append(.record(pending))
    pending = []
    isRecording = true
    return true
  }

  // MARK: Ends

  mutating func fail(_ failure: AgentFailure) { phase = .ending(.failure(failure)) }

  mutating func fail(_ reason: StopReason) {
    fail(
      AgentFailure(
        code: reason.rawValue, message: "The agent was stopped before it had an answer. \(reason.sentence)",
        isRetryable: false))
  }

  /// The record does not fit what is asked.
  mutating func diverge() { fail(.divergence(journal.position)) }

  private mutating func withPending(_ result: Result<AttemptEnd, AgentFailure>) -> Result<AttemptEnd, AgentFailure> {
    let calls = pending
    pending = []
    switch result {
    case .success(.delivered(let delivered)):
      return .success(.delivered(AttemptResult(output: delivered.output, calls: calls)))
    case .success(.waiting(let wait)): return .success(.waiting(AttemptWait(asks: wait.asks, calls: calls)))
    case .failure(let failure): return .failure(failure.with(calls))
    }
  }
}
