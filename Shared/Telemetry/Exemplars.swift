internal import Primitives
internal import Synchronization
internal import SystemSources

/// For each bucket of a histogram an observation whose trace was recorded: the way from a slow bucket to its trace.
final class Exemplars: Sendable {
  /// One observation.
  struct Exemplar: Sendable {
    let context: TraceContext
    let value: Double
    let unixNanoseconds: UInt64

    var traceID: String { context.traceIDText }
    var unixSeconds: Double { Double(unixNanoseconds) / 1e9 }
  }

  /// A bucket's exemplar is replaced at most this often, so that a busy histogram does not pay for it.
  private static let ageNanoseconds: UInt64 = 1_000_000_000

  private let changedAt: Cells
  private let kept: Mutex<[Exemplar?]>

  init(buckets: Int) {
    changedAt = Cells(words: buckets)
    kept = Mutex(Array(repeating: nil, count: buckets))
  }

  func offer(_ context: TraceContext, _ value: Double, bucket: Int, now: UInt64 = MonotonicClock.now()) {
    guard changedAt.replace(at: bucket, olderThan: Exemplars.ageNanoseconds, with: now) else { return }
    let made = Exemplar(
      context: context, value: value,
      unixNanoseconds: UInt64(clamping: WallClock.now().unixMicroseconds) &* 1000)
    kept.withLock { $0[bucket] = made }
  }

  subscript(bucket: Int) -> Exemplar? { kept.withLock { $0[bucket] } }
}
