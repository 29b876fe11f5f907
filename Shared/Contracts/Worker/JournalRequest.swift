public import JSON
public import Primitives

/// A worker records calls of its attempt and prolongs the lease; without calls it only prolongs.
public struct JournalRequest: Sendable {
  /// The token of the lease.
  public let token: UUID
  /// The attempt.
  public let attempt: Int
  /// The calls, at most `WorkerLimits.callsMax`.
  public let calls: [CallReport]

  /// Makes a request.
  public init(token: UUID, attempt: Int, calls: [CallReport] = []) {
    self.token = token
    self.attempt = attempt
    self.calls = calls
  }

  /// Reads the token alone: whether the lease still holds is decided before anything else.
  public static func token(of fields: inout JSONFields) -> UUID? {
    guard let text = fields.string("token", isRequired: true, bytesMax: WorkerLimits.nameBytesMax) else { return nil }
    guard let token = UUID(text) else {
      fields.note("token", .malformed, "The token of the lease is expected.")
      return nil
    }
    return token
  }

  /// Reads a request, with what was corrected in its calls. Throws every fault of it.
  public static func read(_ fields: inout JSONFields) throws(JSONFieldsError) -> (JournalRequest, CallReport.Reading) {
    let token = token(of: &fields)
    let attempt = fields.int("attempt", isRequired: true, in: 1...WorkerLimits.attemptMax)
    let reading = CallReport.read(&fields)
    try fields.finish()
    guard let token, let attempt else { throw JSONFieldsError(of: .init(pointer: "", code: .required, detail: "")) }
    return (JournalRequest(token: token, attempt: Int(attempt), calls: reading.calls), reading)
  }

  /// The document.
  public func document() -> [UInt8] {
    var writer = JSONWriter(reservingBytes: calls.reduce(256) { $0 + $1.result.count + 512 })
    writer.beginObject()
    writer.member("token", token.description)
    writer.member("attempt", Int64(attempt))
    CallReport.writeMember(calls, to: &writer)
    writer.endObject()
    return writer.bytes
  }
}
