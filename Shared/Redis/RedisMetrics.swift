public import Reactor
internal import Synchronization
public import Telemetry

/// Counts commands, their time and failures, and connections.
final class RedisMetrics: RedisObserver {
  /// What is counted of one command again and again.
  private struct Instruments {
    let answered: Counter
    let duration: Histogram
  }

  private let commands: CounterFamily
  private let durations: HistogramFamily
  private let connects: Counter
  private let connectFailures: Counter
  private let disconnects: Counter
  private let redirects: CounterFamily
  private let topologyChanges: Counter
  /// Made when a command is met for the first time: only what is used has a series.
  private let known = Mutex<[RedisCommandName: Instruments]>([:])

  init(_ registry: MetricsRegistry) {
    commands = registry.counter(
      "cadre_redis_commands_total", help: "Commands sent to Redis, by outcome.", labels: ["command", "outcome"])
    durations = registry.histogram(
      "cadre_redis_command_duration_seconds", help: "Time of a command that was answered.", labels: ["command"])
    connects = registry.counter("cadre_redis_connects_total", help: "Connections made to Redis.")
    connectFailures = registry.counter(
      "cadre_redis_connect_failures_total", help: "Connections to Redis that could not be made.")
    disconnects = registry.counter("cadre_redis_disconnects_total", help: "Connections to Redis that were lost.")
    redirects = registry.counter(
      "cadre_redis_redirects_total", help: "Commands that a node of a Redis Cluster did not execute, by its answer.",
      labels: ["kind"])
    // Series that begin with their first event have no increase that a rule could see.
    for kind in RedisRedirect.allCases { redirects.with(kind.rawValue).add(0) }
    topologyChanges = registry.counter(
      "cadre_redis_topology_changes_total",
      help: "Times that an event loop noticed another Redis master, or another owner of slots.")
  }

  func commandFinished(_ name: RedisCommandName, nanoseconds: UInt64, outcome: RedisOutcome, inFlight: Int) {
    guard outcome == .ok else { return commands.with(name.rawValue, outcome.rawValue).add() }
    let instruments = known.withLock { known in
      if let instruments = known[name] { return instruments }
      let made = Instruments(
        answered: commands.with(name.rawValue, RedisOutcome.ok.rawValue), duration: durations.with(name.rawValue))
      known[name] = made
      return made
    }
    instruments.answered.add()
    instruments.duration.observe(nanoseconds: nanoseconds)
  }

  func connected() { connects.add() }
  func connectFailed(_ error: RedisError) { connectFailures.add() }
  func disconnected(_ error: RedisError) { disconnects.add() }
  func redirected(_ kind: RedisRedirect) { redirects.with(kind.rawValue).add() }
  func topologyChanged() { topologyChanges.add() }
}

extension RedisPool {
  /// Makes a pool that is measured; `start` connects. One per registry.
  public convenience init(group: EventLoopGroup, configuration: RedisConfiguration, registry: MetricsRegistry) {
    self.init(group: group, configuration: configuration, observer: RedisMetrics(registry))
    let counts = self.counts
    registry.observeGauge("cadre_redis_connections_ready", help: "Usable connections to Redis.") {
      Double(counts.reduce(0) { $0 + $1.ready.load(ordering: .relaxed) })
    }
    registry.observeGauge("cadre_redis_commands_pending", help: "Commands that wait for their answer.") {
      Double(counts.reduce(0) { $0 + $1.inFlight.load(ordering: .relaxed) })
    }
  }

  /// As `start`, and logs why there is no connection yet, if there is none.
  public func start(logger: Logger) async {
    await start()
    guard let error = await connectionError() else { return }
    logger.warning("Redis cannot be used yet", ["reason": .string(error.description)])
  }
}
