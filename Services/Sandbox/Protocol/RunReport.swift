import JSON

/// What a guest has written to one of its outputs.
package struct RunOutput: Hashable, Sendable {
  /// The first bytes and, when there were more than are kept, the last ones.
  package var bytes: [UInt8]
  /// How many of `bytes` are the beginning. The rest is the end.
  package var headCount: Int
  /// How many bytes the guest has written, kept or not.
  package var totalCount: Int64

  package init(bytes: [UInt8] = [], headCount: Int = 0, totalCount: Int64 = 0) {
    self.bytes = bytes
    self.headCount = headCount
    self.totalCount = totalCount
  }

  /// Bytes between the beginning and the end that are not there.
  package var omittedCount: Int64 { max(0, totalCount - Int64(bytes.count)) }
}

/// How a run has ended. Parts of the frame: stdout, stderr, the result document (empty when there is none).
package struct RunReport: Hashable, Sendable {
  /// The id of the request.
  package var id: String
  /// How it has ended.
  package var outcome: RunOutcome
  /// The status of the program, where it has ended by itself.
  package var exitCode: Int64?
  /// The engine's word for a trap, such as `unreachable`. At most 256 bytes.
  package var trap: String?
  /// Output.
  package var standardOutput: RunOutput
  /// Errors.
  package var standardError: RunOutput
  /// The result that the program has set: a JSON value.
  package var result: [UInt8]?
  /// What it has used.
  package var metering: RunMetering
  /// Whether the globals of the session are still there for the next run.
  package var keepsSession: Bool

  package init(
    id: String, outcome: RunOutcome, exitCode: Int64? = nil, trap: String? = nil,
    standardOutput: RunOutput = RunOutput(), standardError: RunOutput = RunOutput(), result: [UInt8]? = nil,
    metering: RunMetering = RunMetering(), keepsSession: Bool = false
  ) {
    self.id = id
    self.outcome = outcome
    self.exitCode = exitCode
    self.trap = trap
    self.standardOutput = standardOutput
    self.standardError = standardError
    self.result = result
    self.metering = metering
    self.keepsSession = keepsSession
  }

  /// The frame on the wire.
  package var frame: SandboxFrame {
    var writer = JSONWriter()
    writer.beginObject()
    writer.member("id", id)
    writer.member("outcome", outcome.rawValue)
    writer.member("exit_code", ifPresent: exitCode)
    writer.member("trap", ifPresent: trap)
    writer.member("stdout_head", Int64(standardOutput.headCount))
    writer.member("stdout_total", standardOutput.totalCount)
    writer.member("stderr_head", Int64(standardError.headCount))
    writer.member("stderr_total", standardError.totalCount)
    writer.member("keeps_session", keepsSession)
    writer.key("metering")
    metering.write(to: &writer)
    writer.endObject()
    return SandboxFrame(
      .report, header: writer.bytes, parts: [standardOutput.bytes, standardError.bytes, result ?? []])
  }

  /// Reads a report.
  package init(_ frame: SandboxFrame) throws(SandboxMessageError) {
    var fields = try SandboxMessageError.fields(of: frame, .report, parts: 3)
    id = fields.string("id", isRequired: true, bytesMax: 64) ?? ""
    guard let outcome = fields.string("outcome", isRequired: true, bytesMax: 32).flatMap(RunOutcome.init) else {
      throw SandboxMessageError("an unknown outcome")
    }
    self.outcome = outcome
    exitCode = fields.int("exit_code", in: .min ... .max)
    trap = fields.string("trap", bytesMax: 256)
    standardOutput = try Self.output("stdout", frame.parts[0], &fields)
    standardError = try Self.output("stderr", frame.parts[1], &fields)
    keepsSession = fields.bool("keeps_session", isRequired: true) ?? false
    metering = fields.object("metering", isRequired: true) { RunMetering(&$0) } ?? RunMetering()
    result = frame.parts[2].isEmpty ? nil : frame.parts[2]
    try SandboxMessageError.finish(&fields)
  }

  private static func output(
    _ name: String, _ bytes: [UInt8], _ fields: inout JSONFields
  ) throws(SandboxMessageError) -> RunOutput {
    let head = fields.int(name + "_head", isRequired: true, in: 0...Int64(bytes.count)) ?? 0
    let total = fields.int(name + "_total", isRequired: true, in: Int64(bytes.count) ... .max) ?? 0
    return RunOutput(bytes: bytes, headCount: Int(head), totalCount: total)
  }
}
