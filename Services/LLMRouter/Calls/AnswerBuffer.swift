internal import HTTP
internal import HTTPWire
internal import Routing

/// The answer of a call in flight as far as it has come, and how many requests read it. All of it is buffered, so that
/// a request that joins late reads from the begin. A state machine without I/O; `InFlightCall` wakes those who wait.
struct AnswerBuffer: Sendable {
  /// What the answer begins with.
  struct Head: Sendable {
    let status: HTTPStatus
    let headers: HTTPHeaders
  }

  /// What a reader finds at its position.
  enum Read: Sendable, Equatable {
    /// The next piece.
    case piece([UInt8])
    /// It has not come yet.
    case wait
    /// The answer is complete.
    case end
    /// The answer broke; the last piece was its error event.
    case broken
  }

  private enum Phase {
    /// The provider is being asked or answers.
    case running
    /// All pieces are there.
    case complete
    /// There is no answer.
    case failed(CallFailure)
    /// The answer broke after its head; its readers get the event.
    case broken([UInt8])
    /// Nobody reads it any more, so the call is cancelled.
    case abandoned
  }

  private var head: Head?
  private var pieces: [[UInt8]] = []
  private var phase = Phase.running
  private var readers = 0

  // MARK: The call

  mutating func begin(_ head: Head) { self.head = head }
  mutating func append(_ piece: [UInt8]) { pieces.append(piece) }
  mutating func finish() { phase = .complete }
  mutating func fail(_ failure: CallFailure) {
    if case .abandoned = phase { return }
    phase = .failed(failure)
  }

  /// The stream broke; its readers get `event`. Before the head no reader can get an event: the call has failed.
  mutating func breakOff(_ event: [UInt8]) {
    if case .abandoned = phase { return }
    phase = head == nil ? .failed(AnswerBuffer.interrupted) : .broken(event)
  }

  // MARK: Readers

  /// A request joins. Returns false when the call was cancelled because nobody read it: then it has to be made anew.
  mutating func join() -> Bool {
    if case .abandoned = phase { return false }
    readers += 1
    return true
  }

  /// A reader is gone. Returns whether the call is to be cancelled, because it was the last one.
  mutating func leave() -> Bool {
    readers -= 1
    guard readers == 0, case .running = phase else { return false }
    phase = .abandoned
    return true
  }

  /// The head; nil while it has not come. Throws the failure that came instead.
  func readHead() throws(CallFailure) -> Head? {
    switch phase {
    case .failed(let failure): throw failure
    case .abandoned: throw AnswerBuffer.interrupted
    case .running, .complete, .broken: return head
    }
  }

  /// What is at a position.
  func read(_ index: Int) -> Read {
    if index < pieces.count { return .piece(pieces[index]) }
    switch phase {
    case .running: return .wait
    case .complete: return .end
    case .broken(let event): return index == pieces.count ? .piece(event) : .broken
    case .failed, .abandoned: return .broken
    }
  }

  private static let interrupted = CallFailure(
    status: .badGateway, code: "provider_failed",
    message: "The identical call that this one waited for was interrupted. Try again.", isRetryable: true,
    isBegun: true, failureClass: .transport)
}
