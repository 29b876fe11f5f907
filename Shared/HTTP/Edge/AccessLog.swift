internal import HTTPWire
internal import Primitives
internal import Synchronization
internal import SystemSources
public import Telemetry

/// Writes a line for each request that was answered: who, what, when, how long. Never a query, a header or a body.
public final class AccessLog: Sendable {
  /// Which requests have a line.
  public enum Mode: String, Sendable, CaseIterable {
    /// None.
    case off
    /// Those answered 400 and above.
    case errors
    /// All.
    case all
  }

  /// Lines a second; more are counted and left out.
  private static let linesPerSecondMax: UInt64 = 2000
  private static let pathBytesMax = 256

  private let mode: Mode
  private let logger: Logger
  /// One in so many of the requests that were answered well has a line.
  private let sampledOneIn: UInt64
  private let seen = Atomic<UInt64>(0)
  private let second = Atomic<UInt64>(0)
  private let linesOfSecond = Atomic<UInt64>(0)
  private let dropped: Counter

  /// Makes a log. `sampledOneIn` thins out the lines of requests that were answered well.
  public init(_ mode: Mode, sampledOneIn: Int = 1, telemetry: Telemetry) {
    self.mode = mode
    self.sampledOneIn = UInt64(max(1, sampledOneIn))
    logger = telemetry.logger.unthinned
    dropped = telemetry.registry.counter(
      "cadre_http_access_log_dropped_total",
      help: "Lines of the access log that were left out: more than 2000 a second.")
  }

  func write(_ exchange: Exchange, status: HTTPStatus, bytes: UInt64) {
    guard mode != .off else { return }
    let isError = status.code >= 400
    guard isError || (mode == .all && isSampled()) else { return }
    let now = MonotonicClock.now()
    guard isWithinRate(now) else { return dropped.add() }
    let request = exchange.request
    let duration = Double(now &- request.receivedAt) / 1e6
    let route = exchange.route.map(\.pattern) ?? "none"
    logger.info(
      "request",
      [
        "method": .string(String(request.head.methodName.prefix(16))), "route": .string(route),
        "path": .string(exchange.route == nil ? AccessLog.shown(request.head.path) : ""),
        "status": .int(Int64(status.code)), "bytes": .int(Int64(clamping: bytes)), "duration_ms": .double(duration),
        "client": .string(request.clientAddress?.description ?? ""),
        "caller": .string(String((request.callerName ?? "").prefix(128))),
        "user_agent": .string(AccessLog.shown(request.headers[.userAgent] ?? "")),
      ], trace: request.trace)
  }

  /// The path of a request that no route has; others have ids in them, which the trace shows.
  private static func shown(_ text: String) -> String {
    String(decoding: text.utf8.prefix(pathBytesMax), as: UTF8.self)
  }

  private func isSampled() -> Bool { seen.add(1, ordering: .relaxed).oldValue % sampledOneIn == 0 }

  private func isWithinRate(_ now: UInt64) -> Bool {
    let current = now / 1_000_000_000
    if second.exchange(current, ordering: .relaxed) != current { linesOfSecond.store(0, ordering: .relaxed) }
    return linesOfSecond.add(1, ordering: .relaxed).newValue <= AccessLog.linesPerSecondMax
  }
}
