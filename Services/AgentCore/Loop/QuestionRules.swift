internal import Contracts
internal import JSON

/// What a step says of its questions to people: approvals, questions, and calls of which nobody knows what became.
public struct QuestionRules: Hashable, Sendable {
  /// What holds for the questions of one tool, where it differs.
  public struct OfTool: Hashable, Sendable {
    /// How long each waits for its answer; 0 is without limit.
    public var expiresMilliseconds: Int64?
    /// Whether the step fails when nobody answers in time.
    public var failsOnExpiry: Bool?
  }

  /// How long each waits for its answer; 0 is without limit, `nil` what the installation says.
  public var expiresMilliseconds: Int64?
  /// Whether the step fails when nobody answers in time. Otherwise the agent goes on, and knows that nobody has.
  public var failsOnExpiry = false
  /// What differs for tools, by the names that models see.
  public var tools: [String: OfTool] = [:]

  private static let toolsMax = 256
  private static let toolPrefix = "tool:"

  /// What holds for a step that says nothing.
  public init() {}

  init(_ view: JSONView?, _ faults: inout [String]) {
    guard let view, !view.isNull else { return }
    guard view.kind == .object else {
      faults.append("questions must be an object.")
      return
    }
    for (key, value) in view.members where !value.isNull {
      switch key.string {
      case "expires_ms": expiresMilliseconds = QuestionRules.expires(value, "questions", &faults)
      case "on_expiry": failsOnExpiry = QuestionRules.fails(value, "questions", &faults) ?? false
      case "tools": readTools(value, &faults)
      default:
        faults.append("questions.\(QuestionRules.shown(key)) is not known; there are expires_ms, on_expiry, tools.")
      }
    }
  }

  private mutating func readTools(_ view: JSONView, _ faults: inout [String]) {
    guard view.kind == .object, view.count <= QuestionRules.toolsMax else {
      faults.append("questions.tools must be an object of at most \(QuestionRules.toolsMax) tools.")
      return
    }
    for (key, value) in view.members where !value.isNull {
      let place = "questions.tools.\(QuestionRules.shown(key))"
      guard value.kind == .object, let word = key.string else {
        faults.append("\(place) must be an object.")
        continue
      }
      var rule = OfTool()
      for (key, value) in value.members where !value.isNull {
        switch key.string {
        case "expires_ms": rule.expiresMilliseconds = QuestionRules.expires(value, place, &faults)
        case "on_expiry": rule.failsOnExpiry = QuestionRules.fails(value, place, &faults)
        default: faults.append("\(place).\(QuestionRules.shown(key)) is not known; there are expires_ms, on_expiry.")
        }
      }
      let name =
        word.hasPrefix(QuestionRules.toolPrefix) ? String(word.dropFirst(QuestionRules.toolPrefix.count)) : word
      if tools.updateValue(rule, forKey: name) != nil { faults.append("\(place) is there twice.") }
    }
  }

  private static func expires(_ value: JSONView, _ place: String, _ faults: inout [String]) -> Int64? {
    let milliseconds = value.whole(in: 0...WorkerLimits.askExpiresMillisecondsMax)
    if milliseconds == nil {
      faults.append("\(place).expires_ms must be a whole number from 0 to \(WorkerLimits.askExpiresMillisecondsMax).")
    }
    return milliseconds
  }

  private static func fails(_ value: JSONView, _ place: String, _ faults: inout [String]) -> Bool? {
    guard let word = value.string, ["continue", "fail"].contains(word) else {
      faults.append("\(place).on_expiry must be continue or fail.")
      return nil
    }
    return word == "fail"
  }

  private static func shown(_ key: JSONView) -> String {
    StorableText.make(key.string ?? "", bytesMax: 100, fallback: "?")
  }

  /// How long a question of a tool waits: what the step says of the tool goes before what the tool says itself, and
  /// that before what the step says of all. `nil` is what the installation says.
  func expires(of tool: String, own: Int64?) -> Int64? {
    tools[tool]?.expiresMilliseconds ?? own ?? expiresMilliseconds
  }

  /// A tool that there are rules for and that the step does not have; `nil` when it has them all.
  func unknownTool(among offered: [OfferedTool]) -> String? {
    tools.keys.sorted().first { name in !offered.contains { $0.name == name } }
  }

  /// The failure of a step whose question nobody has answered in time; `nil` when it goes on.
  func failure(_ gate: ToolTurn.Gate, of tool: String, _ answer: StepAnswer) -> AgentFailure? {
    guard tools[tool]?.failsOnExpiry ?? failsOnExpiry,
      (try? JSONDocument(parsing: answer.answer))?.root["expired"]?.bool == true
    else { return nil }
    switch gate.kind {
    case .approval:
      return AgentFailure(
        code: "approval_expired", message: "Nobody has approved a call of \(tool) in time.", isRetryable: false)
    case .answer, .question:
      return AgentFailure(
        code: "question_expired", message: "Nobody has answered the question of \(tool) in time.", isRetryable: false)
    case .outcome:
      return AgentFailure(
        code: "outcome_unknown",
        message: "A call of \(tool) may have been made or not, and nobody has said so in time.", isRetryable: false)
    }
  }
}
