internal import Glibc

/// Rests the calling thread. For command lines and tests; never on an event loop.
public enum ThreadPause {
  /// Rests for about so many milliseconds.
  public static func milliseconds(_ count: Int) {
    var time = timespec(tv_sec: count / 1000, tv_nsec: count % 1000 * 1_000_000)
    nanosleep(&time, nil)
  }
}
