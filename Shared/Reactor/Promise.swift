/// A value that one task waits for and the loop delivers once: the bridge from callbacks to `async`.
///
/// `@unchecked Sendable`: confined to its loop; only `cancelled()` arrives from elsewhere and hops to the loop first.
public final class Promise<Value: Sendable>: @unchecked Sendable {
  private enum State {
    /// Nobody waits and nothing was delivered.
    case pending
    /// A task waits.
    case waiting(UnsafeContinuation<Value, any Error>)
    /// Delivered before anybody waited.
    case delivered(Result<Value, any Error>)
    /// The one waiter was answered.
    case finished
  }

  private let loop: EventLoop
  private var state = State.pending
  private var timer: Timer?

  /// Makes a promise on `loop`.
  public init(on loop: EventLoop) { self.loop = loop }

  /// Whether a result has been delivered (or the waiter gave up). On the loop only.
  public var isSettled: Bool {
    switch state {
    case .pending, .waiting: false
    case .delivered, .finished: true
    }
  }

  /// Delivers a value; later deliveries are ignored. On the loop only.
  public func succeed(_ value: Value) { settle(.success(value)) }

  /// Delivers an error; later deliveries are ignored. On the loop only.
  public func fail(_ error: any Error) { settle(.failure(error)) }

  /// Waits for the delivery, for the deadline (monotonic nanoseconds; then `ReactorError.timedOut`) or for the task's
  /// cancellation (`CancellationError`). One waiter, on the loop.
  public func value(deadline: UInt64? = nil) async throws -> Value {
    loop.preconditionCurrent()
    if case .delivered(let result) = state {
      state = .finished
      return try result.get()
    }
    if let deadline {
      timer = loop.schedule(at: deadline) { [weak self] in
        self?.settle(.failure(ReactorError(.timedOut, operation: "wait")))
      }
    }
    return try await withTaskCancellationHandler {
      try await withUnsafeThrowingContinuation { continuation in
        switch state {
        case .delivered(let result):
          state = .finished
          clearTimer()
          continuation.resume(with: result)
        case .pending where !Task.isCancelled: state = .waiting(continuation)
        case .pending, .finished, .waiting:
          state = .finished
          clearTimer()
          continuation.resume(throwing: CancellationError())
        }
      }
    } onCancel: {
      loop.execute { self.settle(.failure(CancellationError())) }
    }
  }

  private func settle(_ result: Result<Value, any Error>) {
    loop.preconditionCurrent()
    switch state {
    case .pending: state = .delivered(result)
    case .waiting(let continuation):
      state = .finished
      clearTimer()
      continuation.resume(with: result)
    case .delivered, .finished: break
    }
  }

  private func clearTimer() {
    if let timer { loop.cancel(timer) }
    timer = nil
  }
}
