internal import Glibc

/// Core files hold keys, prompts and credentials: a service makes none, and neither does what it starts.
enum CoreFiles {
  /// Bytes of a core file. With 0 the kernel would still hand a core to a program that collects them
  /// (`kernel.core_pattern` with a pipe); 1 is the value with which it does neither (core(5), fs/coredump.c).
  static let bytesMax: UInt64 = 1

  /// Forbids them, for good: the hard limit cannot be raised again without privileges. Returns whether they are.
  @discardableResult
  static func forbid() -> Bool {
    var limit = rlimit(rlim_cur: rlim_t(bytesMax), rlim_max: rlim_t(bytesMax))
    guard getrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &limit) == 0 else { return false }
    // A hard limit of 0 cannot be raised; files are forbidden by it.
    let bytes = min(rlim_t(bytesMax), limit.rlim_max)
    limit = rlimit(rlim_cur: bytes, rlim_max: bytes)
    return setrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &limit) == 0
  }
}
