internal import Dispatch
internal import Synchronization

/// Blocking calls beside each other, each on a thread of its own, waited for until a deadline.
enum BoundedCall {
  /// So many at the same time.
  static let callsMax = 64

  /// Runs all and returns their values in order; `nil` for those that have not ended after `seconds`, or were too many.
  static func all<Value: Sendable>(_ calls: [@Sendable () -> Value], seconds: Int) -> [Value?] {
    let results = Results<Value>(count: calls.count)
    let group = DispatchGroup()
    for (index, call) in calls.prefix(callsMax).enumerated() {
      group.enter()
      // A serial queue has its own thread as long as its work blocks.
      DispatchQueue(label: "check").async {
        results.set(index, call())
        group.leave()
      }
    }
    _ = group.wait(timeout: .now() + .seconds(seconds))
    return results.all
  }

  /// Runs one.
  static func one<Value: Sendable>(seconds: Int, _ call: @escaping @Sendable () -> Value) -> Value? {
    all([call], seconds: seconds)[0]
  }

  private final class Results<Value: Sendable>: Sendable {
    private let values: Mutex<[Value?]>

    init(count: Int) { values = Mutex([Value?](repeating: nil, count: count)) }

    var all: [Value?] { values.withLock { $0 } }
    func set(_ index: Int, _ value: Value) { values.withLock { $0[index] = value } }
  }
}
