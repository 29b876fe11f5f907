internal import Glibc

/// The limit of open descriptors of this process (RLIMIT_NOFILE). Shells and init systems give 1,024 to programs that
/// use `select`; ours do not, so they take what they may.
struct DescriptorLimit: Equatable, Sendable {
  /// More is not asked for: the kernel's own limit (`fs.nr_open`) unless somebody has raised it, and more than a
  /// process can use.
  static let descriptorsMax: UInt64 = 1 << 20
  /// What a process opens besides connections of clients and calls: listeners, epoll, logs, Postgres, Redis.
  static let descriptorsReserved = 256

  /// What the process was started with.
  let before: UInt64
  /// What it has now.
  let current: UInt64

  /// Raises the limit to the hard one, or to `descriptorsMax` where that is higher. Changes nothing when it may not.
  static func raise() -> DescriptorLimit {
    guard let limit = read() else { return DescriptorLimit(before: 0, current: 0) }
    let wanted = raised(soft: UInt64(limit.rlim_cur), hard: UInt64(limit.rlim_max))
    if wanted != UInt64(limit.rlim_cur) {
      var raised = rlimit(rlim_cur: rlim_t(wanted), rlim_max: limit.rlim_max)
      setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &raised)
    }
    return DescriptorLimit(before: UInt64(limit.rlim_cur), current: UInt64(read()?.rlim_cur ?? limit.rlim_cur))
  }

  /// The soft limit to ask for: never a lower one.
  static func raised(soft: UInt64, hard: UInt64) -> UInt64 { max(soft, min(hard, descriptorsMax)) }

  private static func read() -> rlimit? {
    var limit = rlimit()
    return getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 ? limit : nil
  }

  /// Connections of clients, where the setting leaves the number to us: never more than this.
  static let connectionsStandard = 20_000
  /// And never fewer, so that a service can be reached; a warning says that they do not fit.
  static let connectionsLeast = 16

  /// Connections of clients that are accepted: what is configured, or when that is 0 as many as have room, each with a
  /// call of its own to another service. `callsMax` bounds those calls.
  func connectionsMax(configured: Int, adminConnectionsMax: Int, callsMax: Int) -> Int {
    guard configured == 0 else { return configured }
    let reserved = UInt64(clamping: adminConnectionsMax) &+ UInt64(DescriptorLimit.descriptorsReserved)
    let room = current > reserved ? current - reserved : 0
    let calls = UInt64(clamping: callsMax)
    let fitting = room / 2 <= calls ? room / 2 : room - calls
    return min(max(Int(clamping: fitting), DescriptorLimit.connectionsLeast), DescriptorLimit.connectionsStandard)
  }

  /// What is wrong when so many clients may connect, each with a call of its own to another service, in a sentence;
  /// `nil` when all fit. `callsMax` bounds those calls.
  func warning(connectionsMax: Int, adminConnectionsMax: Int, callsMax: Int) -> String? {
    let needed =
      UInt64(clamping: connectionsMax) &+ UInt64(clamping: min(connectionsMax, callsMax))
      &+ UInt64(clamping: adminConnectionsMax) &+ UInt64(DescriptorLimit.descriptorsReserved)
    guard current < needed else { return nil }
    return "http.connections_max is \(connectionsMax), for which \(needed) descriptors may be needed, and the limit is "
      + "\(current): raise the hard limit (ulimit -Hn, LimitNOFILE, ulimits of the container) or lower the setting"
  }
}
