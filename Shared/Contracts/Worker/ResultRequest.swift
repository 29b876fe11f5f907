public import JSON
public import Primitives

/// A worker ends its attempt, with the calls that are not recorded yet: both happen or neither.
public struct ResultRequest: Sendable {
  /// How an attempt ended.
  public enum Outcome: Hashable, Sendable {
    /// With an output, a JSON document.
    case output([UInt8])
    /// Without.
    case failure(FailureReport)
    /// Not yet: people have to answer these before the step can go on. At most `WorkerLimits.asksMax`.
    case wait([StepAsk])
    /// Not yet: the worker gives the step back, for another one to go on with it.
    case released
  }

  /// The token of the lease.
  public let token: UUID
  /// The attempt.
  public let attempt: Int
  /// The calls, at most `WorkerLimits.callsMax`.
  public let calls: [CallReport]
  /// How it ended.
  public let outcome: Outcome

  /// Makes a result.
  public init(token: UUID, attempt: Int, calls: [CallReport] = [], outcome: Outcome) {
    self.token = token
    self.attempt = attempt
    self.calls = calls
    self.outcome = outcome
  }

  /// Reads a result, with what was corrected in its calls. Throws every fault of it. Members that only a batch has must
  /// have been read before.
  public static func read(_ fields: inout JSONFields) throws(JSONFieldsError) -> (ResultRequest, CallReport.Reading) {
    let token = JournalRequest.token(of: &fields)
    let attempt = fields.int("attempt", isRequired: true, in: 1...WorkerLimits.attemptMax)
    let reading = CallReport.read(&fields)
    let output = fields.value("output").map { Array($0.rawBytes) }
    let failure = fields.object("failure") { FailureReport(reading: &$0) }
    let asks = fields.object("wait") { StepAsk.readList(&$0) }
    let released = fields.bool("released")
    if released == false { fields.note("released", .notAllowed, "Only true is allowed.") }
    let outcomes = [
      output.map(Outcome.output), failure.map(Outcome.failure), asks.map(Outcome.wait),
      released == true ? Outcome.released : nil,
    ].compactMap { $0 }
    if fields.faults.isEmpty, outcomes.count != 1 {
      fields.note("output", .required, "Exactly one of output, failure, wait and released is expected.")
    }
    try fields.finish()
    guard let token, let attempt, let outcome = outcomes.first else {
      throw JSONFieldsError(of: .init(pointer: "", code: .required, detail: "A result is expected."))
    }
    return (ResultRequest(token: token, attempt: Int(attempt), calls: reading.calls, outcome: outcome), reading)
  }

  /// The document.
  public func document() -> [UInt8] {
    var writer = JSONWriter(reservingBytes: bytesAbout)
    writer.beginObject()
    writeMembers(to: &writer)
    writer.endObject()
    return writer.bytes
  }

  /// Writes its members.
  func writeMembers(to writer: inout JSONWriter) {
    writer.member("token", token.description)
    writer.member("attempt", Int64(attempt))
    CallReport.writeMember(calls, to: &writer)
    switch outcome {
    case .output(let document): writer.member("output", raw: document)
    case .failure(let failure):
      writer.key("failure")
      failure.write(to: &writer)
    case .wait(let asks):
      writer.key("wait")
      writer.beginObject()
      writer.objects("asks", asks) { $0.writeMembers(to: &$1) }
      writer.endObject()
    case .released: writer.member("released", true)
    }
  }

  var bytesAbout: Int {
    var bytes = calls.reduce(256) { $0 + $1.result.count + 512 }
    switch outcome {
    case .output(let document): bytes += document.count
    case .wait(let asks): bytes += asks.reduce(0) { $0 + $1.subject.count + 512 }
    case .failure, .released: break
    }
    return bytes
  }
}
