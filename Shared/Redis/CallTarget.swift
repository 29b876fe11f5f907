internal import Reactor

/// What takes calls on a loop.
protocol CallTarget: Sendable {
  /// On the loop: sends the call, and resumes the continuation in any case.
  func submit(_ call: RedisCall, _ continuation: UnsafeContinuation<RedisResult, Never>)
  /// On the loop: ends the call for its caller, if it is still in progress.
  func cancel(ticket: UInt64)
}

extension CallTarget {
  /// Carries a call to the loop and waits for its end; without a hop when the caller runs there already.
  nonisolated(nonsending) func exchange(_ call: RedisCall, on loop: EventLoop) async -> RedisResult {
    await withTaskCancellationHandler {
      await withUnsafeContinuation { continuation in
        if Task.isCancelled { return continuation.resume(returning: .failure(RedisError(.cancelled))) }
        if loop.isCurrent { return submit(call, continuation) }
        loop.execute { submit(call, continuation) }
        // A cancellation before this line may have reached the loop before the call did.
        if Task.isCancelled { loop.execute { cancel(ticket: call.ticket) } }
      }
    } onCancel: {
      loop.execute { cancel(ticket: call.ticket) }
    }
  }
}
