internal import Contracts
internal import JSON

/// How far an attempt may go. At each limit the agent gets one last turn in which it answers without tools.
public struct AgentLimits: Hashable, Sendable {
  /// Model calls after the last failure, summaries not counted.
  public var turnsMax: Int
  /// Tool calls that are run.
  public var toolCallsMax: Int
  /// Tokens of a request; old turns are summarised before it gets so large.
  public var contextTokensMax: Int64
  /// What all model calls of the step may cost.
  public var costMicroUSDMax: Int64?
  /// How long the agent may work, waits for people not counted.
  public var timeMillisecondsMax: Int64?
  /// Tool calls that run side by side.
  public var parallelToolsMax: Int

  /// Makes limits.
  public init(
    turnsMax: Int = 128, toolCallsMax: Int = 1024, contextTokensMax: Int64 = 128_000, costMicroUSDMax: Int64? = nil,
    timeMillisecondsMax: Int64? = nil, parallelToolsMax: Int = 8
  ) {
    self.turnsMax = turnsMax
    self.toolCallsMax = toolCallsMax
    self.contextTokensMax = contextTokensMax
    self.costMicroUSDMax = costMicroUSDMax
    self.timeMillisecondsMax = timeMillisecondsMax
    self.parallelToolsMax = parallelToolsMax
  }

  /// Turns of a step that names no limit.
  static let turnsDefault = 32
  /// Tool calls of a step that names no limit.
  static let toolCallsDefault = 128

  /// What a step names.
  public struct Wanted: Hashable, Sendable {
    /// As in `AgentLimits`.
    public var turnsMax: Int64?
    /// As in `AgentLimits`.
    public var toolCallsMax: Int64?
    /// As in `AgentLimits`.
    public var contextTokensMax: Int64?
    /// As in `AgentLimits`.
    public var costMicroUSDMax: Int64?
    /// As in `AgentLimits`.
    public var timeMillisecondsMax: Int64?

    /// No limits.
    public init() {}

    init(_ view: JSONView?, _ faults: inout [String]) {
      guard let view, !view.isNull else { return }
      guard view.kind == .object else {
        faults.append("limits must be an object.")
        return
      }
      func read(_ name: String, from least: Int64) -> Int64? {
        guard let value = view[name], !value.isNull else { return nil }
        if let number = value.whole(in: least...Int64.max) { return number }
        faults.append("limits.\(name) must be a whole number of at least \(least).")
        return nil
      }
      let known: Set = ["turns_max", "tool_calls_max", "context_tokens_max", "cost_microusd_max", "time_ms_max"]
      // A limit with a typing error would be no limit.
      for (key, _) in view.members {
        guard let name = key.string, !known.contains(name) else { continue }
        let shown = StorableText.make(name, bytesMax: 100, fallback: "?")
        faults.append("limits.\(shown) is not known; there are \(known.sorted().joined(separator: ", ")).")
        break
      }
      turnsMax = read("turns_max", from: 1)
      toolCallsMax = read("tool_calls_max", from: 0)
      contextTokensMax = read("context_tokens_max", from: 1000)
      costMicroUSDMax = read("cost_microusd_max", from: 1)
      timeMillisecondsMax = read("time_ms_max", from: 1)
    }
  }

  /// What a step gets: what it names, within these caps.
  func granted(_ wanted: Wanted) -> AgentLimits {
    func least(_ cap: Int, _ wanted: Int64?, _ usual: Int) -> Int {
      Int(clamping: min(Int64(cap), wanted ?? Int64(usual)))
    }
    func least(_ cap: Int64?, _ wanted: Int64?) -> Int64? {
      guard let cap, let wanted else { return cap ?? wanted }
      return min(cap, wanted)
    }
    return AgentLimits(
      turnsMax: least(turnsMax, wanted.turnsMax, AgentLimits.turnsDefault),
      toolCallsMax: least(toolCallsMax, wanted.toolCallsMax, AgentLimits.toolCallsDefault),
      contextTokensMax: min(contextTokensMax, wanted.contextTokensMax ?? contextTokensMax),
      costMicroUSDMax: least(costMicroUSDMax, wanted.costMicroUSDMax),
      timeMillisecondsMax: least(timeMillisecondsMax, wanted.timeMillisecondsMax), parallelToolsMax: parallelToolsMax)
  }
}
