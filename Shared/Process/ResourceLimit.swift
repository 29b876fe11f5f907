internal import Glibc

/// What a program may use at most (setrlimit). The program ends, or its calls fail, when it wants more.
public enum ResourceLimit: Hashable, Sendable {
  /// Time on a processor, in seconds; then SIGXCPU and SIGKILL.
  case processorSeconds(UInt64)
  /// Address space, in bytes.
  case memoryBytes(UInt64)
  /// Private writable memory of one process, in bytes.
  case dataBytes(UInt64)
  /// The largest file that it writes, in bytes; then SIGXFSZ.
  case fileBytes(UInt64)
  /// Open descriptors.
  case descriptors(UInt64)
  /// Processes and threads of the user.
  case processes(UInt64)
  /// A core dump, in bytes.
  case coreBytes(UInt64)

  var resource: Int32 {
    switch self {
    case .processorSeconds: Int32(truncatingIfNeeded: RLIMIT_CPU.rawValue)
    case .memoryBytes: Int32(truncatingIfNeeded: RLIMIT_AS.rawValue)
    case .dataBytes: Int32(truncatingIfNeeded: RLIMIT_DATA.rawValue)
    case .fileBytes: Int32(truncatingIfNeeded: RLIMIT_FSIZE.rawValue)
    case .descriptors: Int32(truncatingIfNeeded: RLIMIT_NOFILE.rawValue)
    case .processes: Int32(truncatingIfNeeded: __RLIMIT_NPROC.rawValue)
    case .coreBytes: Int32(truncatingIfNeeded: RLIMIT_CORE.rawValue)
    }
  }

  var value: UInt64 {
    switch self {
    case .processorSeconds(let value), .memoryBytes(let value), .dataBytes(let value), .fileBytes(let value),
      .descriptors(let value),
      .processes(let value), .coreBytes(let value):
      value
    }
  }
}
