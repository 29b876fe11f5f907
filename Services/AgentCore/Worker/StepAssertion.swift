internal import Synchronization

/// The orchestrator's assertion of what the worker may do for a step, as it stands at the moment. The worker only
/// carries it: to its model calls, and to its reports. It cannot make one.
final class StepAssertion: Sendable {
  private let current: Mutex<String>

  /// Takes the assertion of a new lease.
  init(_ text: String) { current = Mutex(text) }

  /// The latest one.
  var text: String { current.withLock { $0 } }

  /// Takes the one that came with an extension of the lease.
  func renew(_ text: String) { current.withLock { $0 = text } }
}
