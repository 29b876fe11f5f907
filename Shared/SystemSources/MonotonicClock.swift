internal import Glibc

/// The monotonic clock, for durations and deadlines; it never goes back.
public enum MonotonicClock {
  /// Nanoseconds since an arbitrary start.
  public static func now() -> UInt64 {
    var spec = timespec()
    clock_gettime(CLOCK_MONOTONIC, &spec)
    return UInt64(spec.tv_sec) * 1_000_000_000 + UInt64(spec.tv_nsec)
  }
}
