public import JSON

extension CallReport {
  /// What is read of a list of calls.
  public struct Reading: Sendable {
    /// The calls that could be read.
    public internal(set) var calls: [CallReport] = []
    /// Members whose numbers cannot be true, by the name of their call. The nearest possible ones are
    /// recorded.
    public internal(set) var corrections: [(call: String, members: [String])] = []
  }

  /// Reads the member `calls` of a message; faults are noted there. What was paid is recorded all the same: numbers and
  /// texts of providers become the nearest that can be stored.
  public static func read(_ fields: inout JSONFields) -> Reading {
    var reading = Reading()
    for (position, entry) in (fields.array("calls", countMax: WorkerLimits.callsMax) ?? []).enumerated() {
      var call = JSONFields(entry, path: "/calls/\(position)")
      let kind = call.string("kind", isRequired: true, bytesMax: 10, allowed: Kind.allCases.map(\.rawValue))
      let index = call.int("index", isRequired: true, in: 0...WorkerLimits.callIndexMax)
      let name = call.storableText("name", bytesMax: WorkerLimits.callNameBytesMax)
      let digest = call.string("request_sha256", isRequired: true, bytesMax: WorkerLimits.nameBytesMax)
      let result = call.value("result", isRequired: true)
      var counts = ReportedCounts()
      let usage = Usage(reported: &call, &counts)
      let duration = counts.read("duration_ms", &call)
      if !counts.corrected.isEmpty { reading.corrections.append((name, counts.corrected)) }
      do { try call.finish() } catch {
        for fault in error.faults { fields.note(at: fault) }
        continue
      }
      guard let kind = kind.flatMap({ Kind(rawValue: $0) }), let index, let digest, let result else { continue }
      reading.calls.append(
        CallReport(
          asRead: kind, Int(index), name, digest, Array(result.rawBytes), usage, duration))
    }
    return reading
  }

  /// What was read is within the limits already, and an empty name stays as it is.
  private init(
    asRead kind: Kind, _ index: Int, _ name: String, _ requestSHA256: String, _ result: [UInt8], _ usage: Usage,
    _ durationMilliseconds: Int64
  ) {
    self.kind = kind
    self.index = index
    self.name = name
    self.requestSHA256 = requestSHA256
    self.result = result
    self.usage = usage
    self.durationMilliseconds = durationMilliseconds
  }

  /// Writes the call.
  public func write(to writer: inout JSONWriter) {
    writer.beginObject()
    writer.member("kind", kind.rawValue)
    writer.member("index", Int64(index))
    writer.member("name", name)
    writer.member("request_sha256", requestSHA256)
    writer.member("result", raw: result)
    usage.writeMembers(to: &writer)
    writer.member("duration_ms", durationMilliseconds)
    writer.endObject()
  }

  /// Writes the member `calls` of a message; nothing when there are none.
  static func writeMember(_ calls: [CallReport], to writer: inout JSONWriter) {
    guard !calls.isEmpty else { return }
    writer.key("calls")
    writer.beginArray()
    for call in calls { call.write(to: &writer) }
    writer.endArray()
  }
}
