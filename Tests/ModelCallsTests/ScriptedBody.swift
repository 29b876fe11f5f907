import HTTP
import Primitives
import Synchronization

/// A provider's body whose pieces and end are given. Its deadlines are recorded and never waited for.
final class ScriptedBody: HTTPClientBody {
  enum Step: Sendable {
    case piece(String)
    case end
    case failure(HTTPClientError.Code)
  }

  private struct State {
    var steps: [Step]
    var deadlines: [UInt64] = []
  }

  private let state: Mutex<State>

  init(_ steps: Step...) { state = Mutex(State(steps: steps)) }

  var deadlines: [UInt64] { state.withLock { $0.deadlines } }

  func next(before deadline: UInt64) async throws -> [UInt8]? {
    let step = state.withLock { state in
      state.deadlines.append(deadline)
      return state.steps.isEmpty ? Step.end : state.steps.removeFirst()
    }
    switch step {
    case .piece(let text): return Array(text.utf8)
    case .end: return nil
    case .failure(let code): throw HTTPClientError(code)
    }
  }
}
