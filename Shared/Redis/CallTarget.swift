internal import Reactor
internal import Synchronization

/// Which server of several a call goes to.
enum CallRoute: Sendable, Equatable {
  /// Where the command can be executed.
  case reach
  /// The node that has a slot.
  case slot(Int)
  /// The node that has a slot from now on.
  case moved(slot: Int, SocketAddress)
  /// A node to which a slot is on its way.
  case asking(SocketAddress)
}

/// What takes calls on a loop.
protocol CallTarget: Sendable {
  /// On the loop: sends the call, and resumes the continuation in any case.
  func submit(_ call: RedisCall, _ continuation: UnsafeContinuation<RedisResult, Never>)
  /// On the loop: ends the call for its caller, if it is still in progress.
  func cancel(token: UInt64)
}

extension CallTarget {
  /// Carries a call to the loop and waits for its end; without a hop or an allocation when the caller runs there
  /// already.
  nonisolated(nonsending) func exchange(_ call: RedisCall, on loop: EventLoop) async -> RedisResult {
    guard loop.isCurrent else { return await exchangeFromElsewhere(call, on: loop) }
    return await withTaskCancellationHandler {
      await withUnsafeContinuation { continuation in
        // A cancellation after this line reaches the loop after the call, which is submitted before anything else runs
        // there.
        if Task.isCancelled { return continuation.resume(returning: .failure(RedisError(.cancelled))) }
        submit(call, continuation)
      }
    } onCancel: {
      loop.execute { cancel(token: call.token) }
    }
  }

  private nonisolated(nonsending) func exchangeFromElsewhere(_ call: RedisCall, on loop: EventLoop) async -> RedisResult
  {
    let mark = CancellationMark()
    return await withTaskCancellationHandler {
      await withUnsafeContinuation { continuation in
        loop.execute {
          if mark.isCancelled.load(ordering: .acquiring) {
            return continuation.resume(returning: .failure(RedisError(.cancelled)))
          }
          submit(call, continuation)
        }
      }
    } onCancel: {
      // Work from the loop itself overtakes work from other threads, so a cancellation may arrive there before its
      // call.
      mark.isCancelled.store(true, ordering: .releasing)
      loop.execute { cancel(token: call.token) }
    }
  }
}

/// Whether a call was cancelled on its way from another thread.
private final class CancellationMark: Sendable {
  let isCancelled = Atomic<Bool>(false)
}
