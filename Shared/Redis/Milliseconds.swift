internal import Primitives

/// Whole milliseconds for an expiry, rounded up and at least one: zero would delete the key.
func wholeMilliseconds(_ time: Duration) -> Int64 {
  let nanoseconds = max(1, time.nanoseconds)
  return (nanoseconds - 1) / 1_000_000 + 1
}
