/// The end of a stream from outside of its call. Its caller gets an event that says why.
///
/// `@unchecked Sendable`: confined to the loop of the caller's connection.
final class StreamCut: @unchecked Sendable {
  /// Why the stream ends; nil while it goes on.
  private(set) var failure: CallFailure?
  private var interrupt: (() -> Void)?

  /// Sets how whoever waits for the next piece is woken, in place of what was set before.
  func wake(by interrupt: @escaping () -> Void) {
    self.interrupt = interrupt
    if failure != nil { interrupt() }
  }

  /// Ends the stream. The first reason stays.
  func cut(_ failure: CallFailure) {
    guard self.failure == nil else { return }
    self.failure = failure
    interrupt?()
  }
}
