internal import Glibc

/// The wall clock: the one home of "what time is it".
public enum WallClock {
  /// The current UTC time.
  public static func now() -> Timestamp {
    var spec = timespec()
    clock_gettime(CLOCK_REALTIME, &spec)
    return Timestamp(unixMicroseconds: Int64(spec.tv_sec) * 1_000_000 + Int64(spec.tv_nsec) / 1000)
  }
}

/// The monotonic clock, for durations and deadlines; it never goes back.
public enum MonotonicClock {
  /// Nanoseconds since an arbitrary start.
  public static func now() -> UInt64 {
    var spec = timespec()
    clock_gettime(CLOCK_MONOTONIC, &spec)
    return UInt64(spec.tv_sec) * 1_000_000_000 + UInt64(spec.tv_nsec)
  }
}

extension Duration {
  /// Whole nanoseconds, saturating at the ends of `Int64`.
  public var nanoseconds: Int64 {
    let (seconds, attoseconds) = components
    let (product, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
    if overflow { return seconds < 0 ? .min : .max }
    let (sum, carry) = product.addingReportingOverflow(attoseconds / 1_000_000_000)
    return carry ? (seconds < 0 ? .min : .max) : sum
  }

  /// Whole milliseconds, rounded toward zero.
  public var milliseconds: Int64 { nanoseconds / 1_000_000 }
}
