internal import AgentLoop
internal import AgentTools
internal import AgentWorkspace
internal import Contracts
internal import Primitives
internal import Synchronization

/// The tools of one attempt, as the loop wants them: what `ToolCalling` knows of catalogues, policies and executors
/// stays behind it.
final class StepToolset: StepTools {
  private struct State {
    var catalog = ToolCatalog([])
    var decided: [String: DecidedToolCall] = [:]
    var history = ToolCallHistory()
    /// Results that may answer an identical call, by their place in the history.
    var reports: [ToolReport] = []
  }

  /// Built-ins that compute at once.
  private static let instant: Set<String> = ["calculator", "calculate", "current_time"]

  private let tools: any ToolCalling
  private let context: ToolContext
  private let wanted: [String]?
  private let approve: Set<String>
  private let drain: DrainSignal
  private let isHalted: @Sendable () -> Bool
  private let store: @Sendable (String, String) async throws -> ArtefactReference?
  private let state = Mutex(State())

  /// `wanted` is what the step asks for, `store` stores a text under a name.
  init(
    _ tools: any ToolCalling, context: ToolContext, wanted: [String]?, approve: Set<String>, drain: DrainSignal,
    isHalted: @escaping @Sendable () -> Bool = { false },
    store: @escaping @Sendable (String, String) async throws -> ArtefactReference?
  ) {
    self.tools = tools
    self.context = context
    self.wanted = wanted
    self.approve = approve
    self.drain = drain
    self.isHalted = isHalted
    self.store = store
  }

  // MARK: The offer

  func offer() async throws -> [OfferedTool] {
    let catalog = try await readyCatalog()
    // Patterns may lead to nothing; a name is meant. What somebody registers, or connects, may be there the next time.
    let missing = catalog.missing.filter { !$0.contains("*") }
    guard missing.isEmpty else {
      let names = missing.prefix(20).map { StorableText.make($0, bytesMax: 100, fallback: "?") }
      throw AgentFailure(
        code: "tools_missing",
        message:
          "The step names tools that it cannot have: \(names.joined(separator: ", ")). They are not registered, not "
          + "connected, not approved, or their risk is not allowed on this installation.",
        isRetryable: missing.contains { BuiltInTools.named($0) == nil })
    }
    return catalog.entries.map { StepToolset.offered($0) }
  }

  /// What runs the tools. An attempt that resumes has its offer from the journal, and finds this out later.
  private func readyCatalog() async throws -> ToolCatalog {
    let known = state.withLock { $0.catalog }
    guard known.entries.isEmpty else { return known }
    // A step that does not say gets what every agent needs and no more: each tool costs tokens in every call.
    let catalog: ToolCatalog
    do { catalog = try await tools.catalog(for: context, wanted: wanted ?? ["calculator"]) } catch is WorkspaceError {
      // Nobody could be reached who knows the tools. The step is given back, at the cost of no attempt.
      throw AttemptReleased()
    }
    try Task.checkCancellation()
    state.withLock { $0.catalog = catalog }
    return catalog
  }

  private static func offered(_ entry: ToolCatalog.Entry) -> OfferedTool {
    let tool = entry.definition
    let order: OfferedTool.Order
    if !tool.isIdempotent {
      order = .alone
    } else {
      order = tool.risk == .read || tool.risk == .network ? .reading : .repeatable
    }
    return OfferedTool(
      name: tool.name, description: tool.description, parameters: tool.parameters, order: order,
      risk: tool.risk.rawValue, isVolatile: tool.isVolatile,
      isInstant: tool.source == .builtIn && instant.contains(tool.name), digest: digest(of: entry))
  }

  /// What a tool is: its definition and the code behind it. Built-in tools change with the version only.
  private static func digest(of entry: ToolCatalog.Entry) -> String {
    if entry.definition.source == .builtIn { return "" }
    let code = entry.executor.codeSHA256
    return code.isEmpty ? entry.definition.sha256 : "\(entry.definition.sha256)/\(code)"
  }

  /// Why a call must not be made: its tool is not the one that the step began with, and that people have approved.
  private func change(of call: StepToolCall, in catalog: ToolCatalog) -> ToolReport? {
    guard !call.digest.isEmpty, let entry = catalog.entry(call.name), StepToolset.digest(of: entry) != call.digest
    else {
      return nil
    }
    return .error("tool_changed", "the tool has changed since this step began; it is not called")
  }

  // MARK: Calls

  func decide(_ calls: [StepToolCall], after earlier: [EndedToolCall]) async throws -> [StepToolDecision] {
    let catalog = try await readyCatalog()
    remember(earlier, catalog)
    var decisions: [StepToolDecision] = []
    for call in calls {
      if let report = change(of: call, in: catalog) {
        decisions.append(StepToolDecision(.deny(report), rule: "tool_changed", reason: "the tool has changed"))
        continue
      }
      let history = state.withLock { $0.history }
      let verdict = await tools.decide(request(call), in: catalog, context, earlier: history)
      if verdict.decision?.isPostponed == true { throw AttemptReleased() }
      decisions.append(decision(verdict, call))
    }
    try Task.checkCancellation()
    return decisions
  }

  private func request(_ call: StepToolCall) -> ToolRequest {
    ToolRequest(
      name: call.name, arguments: call.arguments, idempotencyKey: "\(context.step).\(call.key)",
      answers: call.answers.map { answer in
        ToolAnswer(
          kind: answer.kind == .approval ? .approval : .question, subjectSHA256: answer.subjectSHA256,
          answer: answer.answer, by: answer.by)
      }, approve: approve)
  }

  private func decision(_ verdict: ToolVerdict, _ call: StepToolCall) -> StepToolDecision {
    let rule = verdict.decision?.rule ?? ""
    let reason = verdict.decision?.reason ?? ""
    switch verdict.action {
    case .run(let decided):
      state.withLock { $0.decided[call.key] = decided }
      return StepToolDecision(.run, rule: rule, reason: reason)
    case .deny(let result): return StepToolDecision(.deny(StepToolset.report(result)), rule: rule, reason: reason)
    case .ask(let ask):
      let verdict: StepToolDecision.Verdict =
        switch ask.kind {
        case .approval: .approve(subject: ask.subject, expiresMilliseconds: ask.expiresMilliseconds)
        case .question: .question(subject: ask.subject, expiresMilliseconds: ask.expiresMilliseconds)
        }
      return StepToolDecision(verdict, rule: rule, reason: reason)
    case .answerFromBefore(let index):
      let report = state.withLock { $0.reports.indices.contains(index) ? $0.reports[index] : nil }
      return StepToolDecision(
        .known(report ?? .error("result_missing", "the earlier result is not known any more; call again")), rule: rule,
        reason: reason)
    }
  }

  private func remember(_ earlier: [EndedToolCall], _ catalog: ToolCatalog) {
    state.withLock { state in
      for call in earlier {
        let definition = catalog.entry(call.name)?.definition
        state.history.record(
          digest: ToolDigest.digest(call.name, call.arguments),
          effect: definition.map { ToolCallHistory.Effect($0) } ?? .changing, isError: call.report.isError,
          index: state.reports.count)
        state.reports.append(call.report)
      }
    }
  }

  func run(_ call: StepToolCall) async throws -> StepToolOutcome {
    // It may have been decided before the halt.
    guard !isHalted() else { throw AttemptReleased() }
    let known = state.withLock { $0.decided.removeValue(forKey: call.key) }
    let decided: DecidedToolCall
    if let known, known.answers.count == call.answers.count {
      decided = known
    } else {
      // It was decided in an earlier attempt, or a person has answered since: it must still be allowed.
      let catalog = try await readyCatalog()
      if let report = change(of: call, in: catalog) { return .report(report) }
      let history = state.withLock { $0.history }
      let verdict = await tools.decide(request(call), in: catalog, context, earlier: history)
      if verdict.decision?.isPostponed == true { throw AttemptReleased() }
      switch verdict.action {
      case .run(let fresh): decided = fresh
      case .deny(let result): return .report(StepToolset.report(result))
      case .ask(let ask):
        return .question(subject: ask.subject, expiresMilliseconds: ask.expiresMilliseconds)
      case .answerFromBefore(let index):
        let report = state.withLock { $0.reports.indices.contains(index) ? $0.reports[index] : nil }
        return .report(report ?? .error("result_missing", "the earlier result is not known any more; call again"))
      }
    }
    let result: ToolResult
    if decided.definition.isIdempotent {
      result = try await drain.interrupting { [tools, context] in try await tools.run(decided, context) }
    } else {
      // A call that cannot be made twice comes to its end, also when the process gives its steps back.
      result = try await tools.run(decided, context)
    }
    if let ask = result.ask {
      return .question(subject: ask.subject, expiresMilliseconds: ask.expiresMilliseconds)
    }
    return .report(StepToolset.report(result))
  }

  private static func report(_ result: ToolResult) -> ToolReport {
    ToolReport(
      text: result.text, isError: result.isError, code: result.code, artefacts: result.artefacts,
      metering: result.metering.map { ToolReport.Metering($0.0, $0.1) })
  }

  func keep(_ text: String, as name: String, of call: StepToolCall) async throws -> ArtefactReference? {
    try await store(text, name)
  }
}
