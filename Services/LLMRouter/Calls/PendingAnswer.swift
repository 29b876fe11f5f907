internal import Primitives
internal import Reactor
internal import SystemSources

/// Attempts that go on while their caller gets heartbeats.
///
/// `@unchecked Sendable`: confined to its loop, on which its task runs too.
final class PendingAnswer: @unchecked Sendable {
  private let isSettled: Promise<Void>
  private let result: Promise<StartedAnswer>
  private let task: Task<Void, any Error>

  init(on loop: EventLoop, _ body: @escaping @Sendable () async throws -> StartedAnswer) {
    let (isSettled, result) = (Promise<Void>(on: loop), Promise<StartedAnswer>(on: loop))
    self.isSettled = isSettled
    self.result = result
    task = loop.task {
      do { result.succeed(try await body()) } catch { result.fail(error) }
      isSettled.succeed(())
    }
  }

  // Nobody waits any more.
  deinit { task.cancel() }

  /// Ends the attempts; whoever waits gets a `CancellationError`.
  func cancel() { task.cancel() }

  /// The answer, or nil when it is not there in time. Throws what the attempts throw.
  func started(within duration: Duration) async throws -> StartedAnswer? {
    do {
      try await isSettled.value(deadline: MonotonicClock.now() &+ UInt64(clamping: duration.nanoseconds))
    } catch let error as ReactorError where error.code == .timedOut {
      return nil
    } catch {
      throw await cancelled(error)
    }
    return try await result.value()
  }

  /// The answer, however long it takes.
  func started() async throws -> StartedAnswer {
    do { return try await result.value() } catch is CancellationError { throw await cancelled(CancellationError()) }
  }

  /// The caller is gone: the attempts end, and have reported what has come of them, before anything else happens.
  private func cancelled(_ error: any Error) async -> any Error {
    task.cancel()
    _ = await task.result
    return error
  }
}
