public import AgentLoop
internal import Primitives
public import Settings

/// How far any step may go, whatever its document says.
public enum AgentSettings {
  static let turns = Setting(
    "agent.turns_max", .int(in: 1...10_000), default: 128,
    "Most model calls with tools of a step; a step that names no limit gets 32.")
  static let toolCalls = Setting(
    "agent.tool_calls_max", .int(in: 0...100_000), default: 1024,
    "Most tool calls of a step; a step that names no limit gets 128.")
  static let contextTokens = Setting(
    "agent.context_tokens_max", .int(in: 1000...100_000_000), default: 128_000,
    "Tokens of a model call; old turns are summarised before a conversation gets so large.")
  static let cost = Setting(
    "agent.cost_microusd_max", .int(in: 0...1_000_000_000_000), default: 0,
    "What the model calls of a step may cost, in millionths of a US dollar; 0 for no limit.")
  static let time = Setting(
    "agent.work_time_ms", .milliseconds(in: 0...2_592_000_000), default: .zero,
    "How long an agent may work at a step, waits for people not counted; 0 for no limit.")
  static let parallelTools = Setting(
    "agent.parallel_tools_max", .int(in: 1...64), default: 8, "Tool calls of a step that run side by side.")

  /// The settings.
  public static let all: [any SettingDeclaration] = [turns, toolCalls, contextTokens, cost, time, parallelTools]

  /// What they say.
  public static func limits(_ settings: Settings) -> AgentLimits {
    AgentLimits(
      turnsMax: settings[turns], toolCallsMax: settings[toolCalls], contextTokensMax: Int64(settings[contextTokens]),
      costMicroUSDMax: settings[cost] > 0 ? Int64(settings[cost]) : nil,
      timeMillisecondsMax: settings[time] > .zero ? settings[time].milliseconds : nil,
      parallelToolsMax: settings[parallelTools])
  }
}
