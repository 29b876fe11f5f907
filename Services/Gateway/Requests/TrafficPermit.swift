package import HTTP
package import HTTPWire
internal import Synchronization

/// What was admitted, until it is given back.
package struct TrafficPermit: Sendable {
  /// Fields of the answer.
  package var fields: HTTPHeaders
  private let release: PermitRelease?

  /// Makes a permit. `release` is called once, when the answer is complete.
  package init(fields: HTTPHeaders = HTTPHeaders(), release: (@Sendable () -> Void)? = nil) {
    self.fields = fields
    self.release = release.map { PermitRelease($0) }
  }

  /// Gives it back; a second time does nothing.
  package func end() { release?.run() }

  /// Gives it back when an answer is complete: now, or at the end of a body that is produced while it is sent.
  package func end(with answer: inout HTTPResponse) {
    guard let release else { return }
    switch answer.body {
    case .empty, .bytes: release.run()
    case .stream, .upgrade: answer.observers.append(release)
    }
  }
}

/// Runs once: when it is called, or when nobody knows it any more. A body that is never produced (its client has gone)
/// so gives back what it had.
private final class PermitRelease: BodyObserver {
  private let action: @Sendable () -> Void
  private let hasRun = Atomic<Bool>(false)

  init(_ action: @escaping @Sendable () -> Void) { self.action = action }

  deinit { run() }

  func bodyBegins(_ answer: SentAnswer) {}

  func bodyEnded() { run() }

  func run() {
    if !hasRun.exchange(true, ordering: .acquiringAndReleasing) { action() }
  }
}
