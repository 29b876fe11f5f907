internal import Glibc
public import Primitives

/// The wall clock: the one home of "what time is it".
public enum WallClock {
  /// The current UTC time.
  public static func now() -> Timestamp {
    var spec = timespec()
    clock_gettime(CLOCK_REALTIME, &spec)
    return Timestamp(unixMicroseconds: Int64(spec.tv_sec) * 1_000_000 + Int64(spec.tv_nsec) / 1000)
  }
}
