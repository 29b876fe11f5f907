public import HTTP
public import Reactor
public import Settings
public import Telemetry

/// What a service is given at its start.
public struct ServiceContext: Sendable {
  /// Name of the service.
  public let name: String
  /// The event loops.
  public let group: EventLoopGroup
  /// The validated settings.
  public let settings: Settings
  /// Metrics, traces and logs.
  public let telemetry: Telemetry
  /// The client for calls to other servers.
  public let client: HTTPClient
}

/// The version of this build, the same for all executables.
public enum CadreVersion {
  /// Semantic version.
  public static let current = "0.1.0"
}

/// The settings that every service has.
public enum CommonSettings {
  /// Address of the listener.
  public static let host = Setting(
    "http.host", .string(bytesMaximum: 255, allowsEmpty: false), default: "127.0.0.1",
    "Address on which the service listens; 0.0.0.0 for all.")
  /// Connections.
  public static let connectionsMax = Setting(
    "http.connections_max", .int(in: 0...1_000_000), default: 0,
    "Open client connections; more get 503. 0 means as many as the limit of open descriptors has room for, each with a call of its own to another service, and 20,000 at most."
  )
  /// Memory for bodies.
  public static let heldBodyBytesMax = Setting(
    "http.held_body_bytes_max", .int(in: 33_554_432...1_099_511_627_776), default: 536_870_912,
    "Memory for the bodies of requests that are being worked on, beyond the first 64 KiB of each; a large body beyond it gets 503."
  )
  /// Time for a head.
  public static let headTimeout = Setting(
    "http.head_timeout_ms", .milliseconds(in: 10...600_000), default: .seconds(10), "Time for a complete request head.")
  /// Time of an idle connection.
  public static let idleTimeout = Setting(
    "http.idle_timeout_ms", .milliseconds(in: 100...3_600_000), default: .seconds(75),
    "Time that a kept-alive connection may wait for its next request.")
  /// Time of a client that takes nothing.
  static func stallTimeout(_ standard: Duration) -> Setting<Duration> {
    Setting(
      "http.stall_timeout_ms", .milliseconds(in: 100...3_600_000), default: standard,
      "Time in which a client must take at least something of an answer that waits for it; then it is dropped. Who reads slowly but steadily is served to the end."
    )
  }
  /// Loops.
  public static let loops = Setting(
    "runtime.loops", .int(in: 0...64), default: 0, "Event loops; 0 means one for each core.")
  /// Log level.
  public static let logLevel = Setting(
    "log.level", .word(from: LogLevel.allCases.map(\.name)), default: "info",
    "Least level of log lines that are written.")
  /// Grace at the end.
  public static let shutdownGrace = Setting(
    "shutdown.grace_ms", .milliseconds(in: 0...600_000), default: .seconds(10),
    "Time for requests in progress when a signal ends the service.")
  /// Time between the signal and the end of what is listened at.
  public static let shutdownDelay = Setting(
    "shutdown.delay_ms", .milliseconds(in: 0...60_000), default: .zero,
    "Time for which a service that is to end still takes requests, while it says that it is not ready and ends each "
      + "connection after its answer: for whoever balances the load to go elsewhere.")
  /// Address of the admin listener.
  public static let adminAddress = Setting(
    "admin.address", .string(bytesMaximum: 255, allowsEmpty: false), default: "127.0.0.1",
    "Address of the admin listener with /metrics, /statusz, /healthz and /readyz; keep it away from users.")

  static func port(_ standard: Int) -> Setting<Int> {
    Setting(
      "http.port", .int(in: 0...65_535), default: standard, "Port on which the service listens; 0 for any free one.")
  }

  static func adminPort(_ standard: Int) -> Setting<Int> {
    Setting("admin.port", .int(in: 0...65_535), default: standard, "Port of the admin listener; 0 for any free one.")
  }

  static let all: [any SettingDeclaration] = [
    host, adminAddress, connectionsMax, heldBodyBytesMax, headTimeout, idleTimeout, loops, logLevel, shutdownDelay,
    shutdownGrace,
  ]
}
