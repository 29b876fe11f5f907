internal import Reactor

/// Waits for one readiness of a descriptor that belongs to a library.
final class DescriptorWait: ReadinessHandler {
  private let promise: Promise<Void>
  private init(_ promise: Promise<Void>) { self.promise = promise }

  static func until(_ fd: Int32, _ interest: Readiness, on loop: EventLoop, deadline: UInt64) async throws {
    let promise = Promise<Void>(on: loop)
    try loop.watch(fd, for: interest, handler: DescriptorWait(promise))
    defer { loop.unwatch(fd) }
    try await promise.value(deadline: deadline)
  }

  func ready(_ events: Readiness) { promise.succeed(()) }
}
