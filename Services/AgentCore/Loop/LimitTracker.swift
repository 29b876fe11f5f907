/// Why an agent that has not answered yet is stopped. The raw values are codes of failures and stand in results.
enum StopReason: String, Sendable, CaseIterable {
  /// It has had all its turns.
  case turns = "turn_limit"
  /// It has made all its tool calls.
  case toolCalls = "tool_call_limit"
  /// It has cost what it may.
  case cost = "cost_limit"
  /// It has worked for as long as it may.
  case time = "time_limit"
  /// It makes the same calls with the same results again and again.
  case repetition
  /// Nothing new has come of its calls for several turns.
  case noProgress = "no_progress"

  /// The sentence for people and for the model.
  var sentence: String {
    switch self {
    case .turns: "The limit of turns is reached."
    case .toolCalls: "The limit of tool calls is reached."
    case .cost: "The limit of the cost is reached."
    case .time: "The limit of the time is reached."
    case .repetition: "The same calls gave the same results several times in a row."
    case .noProgress: "The last turns gave nothing new."
    }
  }

  /// What is said to the model before its last turn.
  var word: String {
    "\(sentence) Do not call tools any more. Give your final answer now with what you have, and say what is missing."
  }
}

/// Counts what an agent does and says when it has to stop. Pure.
struct LimitTracker: Sendable {
  /// Turns in a row with the same calls and the same results.
  static let repetitionsMax = 3
  /// Turns in a row of which every call and result was there before.
  static let staleTurnsMax = 6
  /// Turns in a row in which every call failed.
  static let failedTurnsMax = 8

  /// One call of a turn and what came of it.
  struct Call: Hashable, Sendable {
    let name: String
    let arguments: String
    let text: String
    let isError: Bool
  }

  let limits: AgentLimits
  private(set) var turns = 0
  private(set) var toolCalls = 0
  private(set) var costMicroUSD: Int64 = 0
  private(set) var workedMilliseconds: Int64 = 0
  private var seen: Set<Int> = []
  private var lastTurn: Int?
  private var repetitions = 0
  private var staleTurns = 0
  private var failedTurns = 0

  init(_ limits: AgentLimits) { self.limits = limits }

  /// A model was paid.
  mutating func spent(_ costMicroUSD: Int64) {
    let (sum, overflow) = self.costMicroUSD.addingReportingOverflow(max(0, costMicroUSD))
    self.costMicroUSD = overflow ? .max : sum
  }

  /// An earlier attempt has worked so long for a call.
  mutating func worked(_ milliseconds: Int64) {
    let (sum, overflow) = workedMilliseconds.addingReportingOverflow(max(0, milliseconds))
    workedMilliseconds = overflow ? .max : sum
  }

  /// Takes a tool call from what is left; `false` when nothing is.
  mutating func takeToolCall() -> Bool {
    guard toolCalls < limits.toolCallsMax else { return false }
    toolCalls += 1
    return true
  }

  /// The agent has called tools and got their results.
  mutating func turnEnded(_ calls: [Call]) {
    turns += 1
    var isNew = false
    for call in calls where seen.insert(call.hashValue).inserted { isNew = true }
    let turn = calls.hashValue
    repetitions = turn == lastTurn ? repetitions + 1 : 1
    lastTurn = turn
    staleTurns = isNew ? 0 : staleTurns + 1
    failedTurns = calls.allSatisfy(\.isError) ? failedTurns + 1 : 0
  }

  /// A failure was answered: the agent gets its turns again.
  mutating func beginAnew() {
    turns = 0
    repetitions = 0
    staleTurns = 0
    failedTurns = 0
    lastTurn = nil
  }

  /// Why there must be no further turn with tools; `nil` when there may be one. `attemptMilliseconds` is the time of
  /// this attempt.
  func reason(attemptMilliseconds: Int64) -> StopReason? {
    if let most = limits.costMicroUSDMax, costMicroUSD >= most { return .cost }
    if let most = limits.timeMillisecondsMax {
      let (sum, overflow) = workedMilliseconds.addingReportingOverflow(attemptMilliseconds)
      if overflow || sum >= most { return .time }
    }
    if turns >= limits.turnsMax { return .turns }
    if turns > 0, toolCalls >= limits.toolCallsMax { return .toolCalls }
    if repetitions >= LimitTracker.repetitionsMax { return .repetition }
    if staleTurns >= LimitTracker.staleTurnsMax || failedTurns >= LimitTracker.failedTurnsMax { return .noProgress }
    return nil
  }
}
