public import AgentLoop
internal import Primitives
public import Settings

/// How far any step may go, whatever its document says, and how far the process.
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

  /// Memory above which nothing is leased.
  public static let memorySoft = Setting(
    "worker.memory_soft_mb", .int(in: 0...1_048_576), default: 0,
    "Memory above which no steps are leased, in MiB; 0 takes 80% of the control group's limit.")
  /// Memory above which the process ends.
  public static let memoryHard = Setting(
    "worker.memory_hard_mb", .int(in: 0...1_048_576), default: 0,
    "Memory above which the process gives its steps back and ends, in MiB; 0 takes 92% of the control group's limit.")
  /// Time for steps that are about to end.
  public static let drainPatience = Setting(
    "worker.drain_patience_ms", .milliseconds(in: 0...600_000), default: .seconds(1),
    "Time for which steps may still end by themselves when the process ends; then they are given back.")

  /// The settings.
  public static let all: [any SettingDeclaration] = [
    turns, toolCalls, contextTokens, cost, time, parallelTools, memorySoft, memoryHard, drainPatience,
  ]

  /// What they say.
  public static func limits(_ settings: Settings) -> AgentLimits {
    AgentLimits(
      turnsMax: settings[turns], toolCallsMax: settings[toolCalls], contextTokensMax: Int64(settings[contextTokens]),
      costMicroUSDMax: settings[cost] > 0 ? Int64(settings[cost]) : nil,
      timeMillisecondsMax: settings[time] > .zero ? settings[time].milliseconds : nil,
      parallelToolsMax: settings[parallelTools])
  }
}
