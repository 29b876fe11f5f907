internal import Glibc
internal import Primitives
internal import Synchronization
internal import SystemSources
public import Telemetry

/// Reads how much memory the process uses, and says when that is too much.
public final class MemoryMonitor: Sendable {
  private static let interval = Duration.seconds(1)
  private static let lineBytesMax = 256

  private let pressure: Mutex<MemoryPressure>
  private let clock: any WorkerClock
  private let logger: Logger
  private let used: @Sendable () -> UInt64?
  private let changed: @Sendable (MemoryPressure.Level) -> Void

  /// `changed` is called with each new level. `softBytes` and `hardBytes` are 0 for shares of the limit of the control
  /// group.
  public init(
    softBytes: UInt64, hardBytes: UInt64, clock: any WorkerClock = LoopClock(), telemetry: Telemetry,
    used: @escaping @Sendable () -> UInt64? = { MemoryMonitor.residentBytes() },
    limit: UInt64? = MemoryMonitor.groupLimitBytes(), changed: @escaping @Sendable (MemoryPressure.Level) -> Void
  ) {
    let pressure = MemoryPressure(softBytes: softBytes, hardBytes: hardBytes, limitBytes: limit)
    self.pressure = Mutex(pressure)
    self.clock = clock
    logger = telemetry.logger
    self.used = used
    self.changed = changed
    let registry = telemetry.registry
    registry.observeGauge(
      "cadre_agent_memory_pressure",
      help: "Memory of the process: 0 below its limits, 1 above the soft one, 2 above the hard one."
    ) { [weak self] in Double(self?.level.rawValue ?? 0) }
    registry.observeGauge(
      "cadre_agent_memory_soft_limit_bytes", help: "Memory above which no steps are leased; 0 for no limit."
    ) { Double(pressure.softBytes) }
  }

  /// How it stands.
  public var level: MemoryPressure.Level { pressure.withLock { $0.level } }

  /// Reads again and again until the task is cancelled.
  public func run() async {
    while !Task.isCancelled {
      check()
      do { try await clock.sleep(for: MemoryMonitor.interval) } catch { return }
    }
  }

  /// Reads once.
  func check() {
    // The allocator keeps what was freed; without giving it back, an idle process would stay above its limit for ever.
    if level != .normal { SystemMemory.trim() }
    guard let bytes = used() else { return }
    guard let level = pressure.withLock({ $0.update(usedBytes: bytes) }) else { return }
    logger.warning(
      "memory pressure has changed", ["reason": .string("\(level) with \(bytes >> 20) MiB in use")])
    changed(level)
  }

  // MARK: Readings

  /// The resident memory of this process.
  public static func residentBytes() -> UInt64? {
    let pages = number(in: "/proc/self/statm", field: 1)
    return pages.map { $0 &* UInt64(max(0, sysconf(Int32(_SC_PAGESIZE)))) }
  }

  /// What the control group allows (version 2, then 1); `nil` for no limit.
  public static func groupLimitBytes() -> UInt64? {
    for path in ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"] {
      // Version 1 says "no limit" with a number beyond all memory.
      if let bytes = number(in: path, field: 0), bytes > 0, bytes < 1 << 50 { return bytes }
    }
    return nil
  }

  private static func number(in path: String, field: Int) -> UInt64? {
    guard let file = fopen(path, "r") else { return nil }
    defer { fclose(file) }
    var buffer = [CChar](repeating: 0, count: lineBytesMax)
    guard fgets(&buffer, Int32(lineBytesMax), file) != nil else { return nil }
    let line = String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    let fields = line.split(whereSeparator: \.isWhitespace)
    return fields.indices.contains(field) ? UInt64(fields[field]) : nil
  }
}
