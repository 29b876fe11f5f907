import Contracts
import Decider
import History
import JSON
import Testing

@Suite struct EventCodecTests {
  private static let payload = PayloadRef(sha256: String(repeating: "a", count: 64), bytes: 3)
  private static let usage = Usage(inputTokens: 1, outputTokens: 2, costMicroUSD: 3, unpricedCalls: 4, modelCalls: 5)

  @Test(arguments: [
    RunEvent.stepSucceeded(step: "s", attempt: 2, output: payload, facts: [], usage: usage),
    .stepFailed(
      step: "s", attempt: 1, Failure(code: "c", message: "m", isRetryable: true, next: .continues), usage: usage),
    .stepFailed(step: "s", attempt: 1, Failure(code: "c", message: "m", isRetryable: true, next: .anew)),
    .stepTimedOut(step: "s", attempt: 1, .startToClose, isRepeated: true, usage: usage),
    .stepTimedOut(step: "s", attempt: 1, .scheduleToStart),
    .cancelRequested(by: "u", reason: "r", undoes: true), .cancelRequested(by: "u", reason: "r"),
    .runExpired(undoes: true), .runExpired(),
    .runForked(
      from: "r", at: 3, by: "u",
      changes: [
        StepChange(
          step: "s", agent: nil, model: nil, input: nil,
          failure: Failure(code: "c", message: "m", isRetryable: false, next: .anew))
      ]),
    .compensationStarted(step: "", Failure(code: "c", message: "m", isRetryable: false)),
    .stepSuspended(
      step: "s", attempt: 2,
      asks: [
        Ask(key: "a/1", kind: .approval, tool: "t", subject: payload, expiresMilliseconds: 9),
        Ask(key: "b", kind: .question, tool: nil, subject: payload, expiresMilliseconds: nil),
        Ask(key: "c", kind: .unknownOutcome, tool: "t", subject: payload, expiresMilliseconds: nil),
      ]),
    .askAnswered(
      step: "s", attempt: 2, ask: "a/1", AskAnswer(outcome: .rejected, answer: payload, by: "u", comment: "no", at: 7)),
    .askAnswered(
      step: "s", attempt: 2, ask: "b", AskAnswer(outcome: .answered, answer: payload, by: "u", comment: "", at: 7)),
    .stepLost(step: "s", attempt: 2, worker: "w", limits: LossLimits(inARow: 3, inAll: 30)),
    .stepLost(step: "s", attempt: 2, worker: "w", wasUndelivered: true), .stepLost(step: "s", attempt: 2, worker: "w"),
    .askExpired(step: "s", attempt: 2, ask: "c", at: 8), .stepReleased(step: "s", attempt: 3, worker: "w"),
    .callRecorded(
      step: "s", attempt: 1,
      CallRecord(
        kind: .intent, index: 0, name: "t", requestSHA256: "r", result: payload, usage: .zero, durationMilliseconds: 0)),
    .callRecorded(
      step: "s", attempt: 1,
      CallRecord(
        kind: .note, index: 1, name: "belief", requestSHA256: "r", result: payload, usage: .zero,
        durationMilliseconds: 0)),
  ])
  func `what was added to events is read back as it was written`(event: RunEvent) throws {
    let data = try JSONDocument(parsing: EventCodec.encode(event)).root
    #expect(EventCodec.decode(type: event.type, step: event.step, data: data) == event)
  }

  @Test(arguments: [
    ("step.suspended", #"{"attempt":1}"#), ("step.suspended", #"{"attempt":1,"asks":[{"key":"a","kind":"wish"}]}"#),
    ("ask.answered", #"{"attempt":1,"key":"a"}"#), ("ask.expired", #"{"attempt":1}"#), ("tool.dreamt", "{}"),
  ])
  func `an event that cannot be read whole is not read`(type: String, text: String) throws {
    let data = try JSONDocument(parsing: text).root
    #expect(EventCodec.decode(type: type, step: "s", data: data) == nil)
  }

  /// The forms that were written before anything was added.
  @Test(arguments: [
    ("step.succeeded", "s", #"{"attempt":1,"output":{"sha256":"x","bytes":3}}"#),
    ("step.failed", "s", #"{"attempt":1,"code":"c","message":"m","retryable":true}"#),
    ("step.timed_out", "s", #"{"attempt":1,"limit":"start_to_close"}"#),
    ("run.cancel_requested", nil, #"{"by":"u","reason":"r"}"#), ("run.expired", nil, "{}"),
  ])
  func `histories of before are read and written as they were`(type: String, step: String?, text: String) throws {
    let data = try JSONDocument(parsing: Array(text.utf8)).root
    let event = try #require(EventCodec.decode(type: type, step: step, data: data))
    #expect(String(decoding: EventCodec.encode(event), as: UTF8.self) == text)
    switch event {
    case .stepSucceeded(_, _, _, _, let usage): #expect(usage == nil)
    case .stepFailed(_, _, let failure, let usage): #expect(failure.next == nil && usage == nil)
    case .stepTimedOut(_, _, _, let isRepeated, let usage): #expect(!isRepeated && usage == nil)
    case .cancelRequested(_, _, let undoes): #expect(!undoes)
    case .runExpired(let undoes): #expect(!undoes)
    default: Issue.record("\(event)")
    }
  }
}
