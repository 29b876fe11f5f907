public import HTTP
internal import Synchronization

/// A provider's body whose pieces and end are given. Its deadlines are recorded and never waited for.
public final class ScriptedBody: HTTPClientBody {
  /// What comes next.
  public enum Step: Sendable {
    /// Some bytes.
    case piece(String)
    /// The end.
    case end
    /// The connection breaks, or a deadline passes.
    case failure(HTTPClientError.Code)
    /// Nothing comes until the exchange is abandoned.
    case silence
  }

  private struct State {
    var steps: [Step]
    var deadlines: [UInt64] = []
    var isAbandoned = false
    var reader: CheckedContinuation<Void, Never>?
  }

  private let state: Mutex<State>

  /// A body that gives `steps`, and then ends.
  public init(_ steps: Step...) { state = Mutex(State(steps: steps)) }

  /// The deadlines of all reads.
  public var deadlines: [UInt64] { state.withLock { $0.deadlines } }

  /// The next step.
  public func next(before deadline: UInt64) async throws -> [UInt8]? {
    let step = state.withLock { state in
      state.deadlines.append(deadline)
      return state.steps.isEmpty ? Step.end : state.steps.removeFirst()
    }
    switch step {
    case .piece(let text): return Array(text.utf8)
    case .end: return nil
    case .failure(let code): throw HTTPClientError(code)
    case .silence:
      await withCheckedContinuation { continuation in
        let isAbandoned = state.withLock { state in
          if !state.isAbandoned { state.reader = continuation }
          return state.isAbandoned
        }
        if isAbandoned { continuation.resume() }
      }
      throw HTTPClientError(.connectionLost)
    }
  }

  /// Whether somebody waits in a silence.
  public var isAwaited: Bool { state.withLock { $0.reader != nil } }

  /// Ends a silence.
  public func abandon() {
    let reader = state.withLock { state in
      state.isAbandoned = true
      defer { state.reader = nil }
      return state.reader
    }
    reader?.resume()
  }
}
