internal import Glibc
internal import Synchronization

/// Counts per thread, summed when read, so that an increment neither locks nor shares a cache line with another thread.
///
/// `@unchecked Sendable`: the words are atomics; the pointer never changes.
final class Cells: @unchecked Sendable {
  private static let slots = 4
  private static let wordsPerLine = 8

  private let words: UnsafeMutablePointer<Atomic<UInt64>>
  private let stride: Int
  private let total: Int

  init(words count: Int) {
    stride = (count + Cells.wordsPerLine - 1) / Cells.wordsPerLine * Cells.wordsPerLine
    total = stride * Cells.slots
    words = .allocate(capacity: total)
    for index in 0..<total { (words + index).initialize(to: Atomic(0)) }
  }

  deinit {
    words.deinitialize(count: total)
    words.deallocate()
  }

  func add(_ amount: UInt64, at index: Int) {
    words[ThreadSlot.current % Cells.slots * stride + index].wrappingAdd(amount, ordering: .relaxed)
  }

  func add(_ first: (index: Int, amount: UInt64), _ second: (index: Int, amount: UInt64)) {
    let base = ThreadSlot.current % Cells.slots * stride
    words[base + first.index].wrappingAdd(first.amount, ordering: .relaxed)
    words[base + second.index].wrappingAdd(second.amount, ordering: .relaxed)
  }

  /// Replaces a value that is older by more than `age`; `false` when it is not, or when another thread was faster.
  func replace(at index: Int, olderThan age: UInt64, with now: UInt64) -> Bool {
    let old = words[index].load(ordering: .relaxed)
    guard old == 0 || now > old, now &- old > age || old == 0 else { return false }
    return words[index].compareExchange(expected: old, desired: now, ordering: .relaxed).exchanged
  }

  func sum(at index: Int) -> UInt64 {
    var sum: UInt64 = 0
    for slot in 0..<Cells.slots { sum &+= words[slot * stride + index].load(ordering: .relaxed) }
    return sum
  }
}

/// A small number per thread.
private enum ThreadSlot {
  private static let next = Atomic<Int>(1)
  private static let key: pthread_key_t = {
    var key = pthread_key_t()
    pthread_key_create(&key, nil)
    return key
  }()

  static var current: Int {
    let known = Int(bitPattern: pthread_getspecific(key))
    if known != 0 { return known }
    let made = next.wrappingAdd(1, ordering: .relaxed).oldValue
    pthread_setspecific(key, UnsafeRawPointer(bitPattern: made))
    return made
  }
}

/// A value that only grows.
public struct Counter: Sendable {
  let cells: Cells

  /// Adds `amount`.
  public func add(_ amount: UInt64 = 1) { cells.add(amount, at: 0) }

  /// What was added so far.
  public var value: UInt64 { cells.sum(at: 0) }
}

/// A value that goes up and down.
public struct Gauge: Sendable {
  final class Storage: Sendable {
    let value = Atomic<Int64>(0)
  }

  let storage: Storage

  /// Replaces the value.
  public func set(_ value: Int64) { storage.value.store(value, ordering: .relaxed) }

  /// Adds `amount`, which may be negative.
  public func add(_ amount: Int64) { storage.value.wrappingAdd(amount, ordering: .relaxed) }

  /// The value.
  public var value: Int64 { storage.value.load(ordering: .relaxed) }
}

/// A distribution over fixed buckets.
public struct Histogram: Sendable {
  /// Buckets for times, in seconds: 100 us to 60 s.
  public static let secondsBuckets: [Double] = [
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60,
  ]

  let cells: Cells
  let bounds: [Double]
  /// Sums are kept as whole multiples of 1/scale.
  let scale: Double
  let exemplars: Exemplars

  init(cells: Cells, bounds: [Double], scale: Double) {
    self.cells = cells
    self.bounds = bounds
    self.scale = scale
    exemplars = Exemplars(buckets: bounds.count + 1)
  }

  /// Counts one observation; negative ones count as 0. The context of a span that is recorded becomes an exemplar of
  /// the bucket, at most one in a second.
  public func observe(_ value: Double, in context: TraceContext? = nil) {
    var low = 0
    var high = bounds.count
    while low < high {
      let middle = (low + high) / 2
      if value <= bounds[middle] { high = middle } else { low = middle + 1 }
    }
    cells.add((low, 1), (bounds.count + 1, UInt64(max(0, min(value * scale, 1e18)))))
    if let context, context.isSampled { exemplars.offer(context, value, bucket: low) }
  }

  /// Counts a time given in nanoseconds as seconds.
  public func observe(nanoseconds: UInt64, in context: TraceContext? = nil) {
    observe(Double(nanoseconds) * 1e-9, in: context)
  }

  /// Observations in bucket `index`, not cumulated; the last one is above all bounds.
  func count(_ index: Int) -> UInt64 { cells.sum(at: index) }

  /// The sum of all observations.
  public var sum: Double { Double(cells.sum(at: bounds.count + 1)) / scale }

  /// The number of observations.
  public var count: UInt64 { (0...bounds.count).reduce(0) { $0 &+ cells.sum(at: $1) } }
}
