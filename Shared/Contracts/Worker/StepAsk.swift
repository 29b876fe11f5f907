internal import JSON

/// What a worker asks a person about its step before the step goes on.
public struct StepAsk: Hashable, Sendable {
  /// What kind of answer is wanted.
  public enum Kind: String, Hashable, Sendable, CaseIterable {
    /// Whether a call may be made: `{"approved": bool, "comment"}`, bound to the digest of the subject.
    case approval
    /// Anything that a person says, a JSON document.
    case question
    /// What became of a call whose worker died before it could record it:
    /// `{"outcome": "done" | "not_done" | "failed"}`.
    case unknownOutcome = "unknown_outcome"
  }

  /// Unique within the step; the answer comes under it.
  public let key: String
  /// What kind of answer is wanted.
  public let kind: Kind
  /// The tool that it is about.
  public let tool: String?
  /// What the person reads, a JSON document of at most `WorkerLimits.askSubjectBytesMax`.
  public let subject: [UInt8]
  /// How long it waits for its answer, in milliseconds; 0 is without limit, `nil` what the installation says.
  public let expiresMilliseconds: Int64?

  /// Makes a question; `subject` must be valid JSON and `key` must be one that `isKey` takes.
  public init(key: String, kind: Kind, tool: String? = nil, subject: [UInt8], expiresMilliseconds: Int64? = nil) {
    self.key = key
    self.kind = kind
    self.tool = tool.map { StorableText.make($0, bytesMax: WorkerLimits.callNameBytesMax, fallback: "unknown") }
    self.subject = subject
    self.expiresMilliseconds = expiresMilliseconds.map { max(0, min($0, WorkerLimits.askExpiresMillisecondsMax)) }
  }

  /// Whether `text` may be a key: 1 to 100 letters, digits and `. _ : / -` of ASCII.
  public static func isKey(_ text: String) -> Bool {
    guard !text.isEmpty, text.utf8.count <= WorkerLimits.askKeyBytesMax else { return false }
    return text.utf8.allSatisfy { byte in
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: ":"),
        UInt8(ascii: "/"), UInt8(ascii: "-"):
        true
      default: false
      }
    }
  }

  /// Reads the member `asks`; faults are noted in `fields`.
  static func readList(_ fields: inout JSONFields) -> [StepAsk] {
    let elements = fields.array("asks", isRequired: true, countMax: WorkerLimits.asksMax) ?? []
    if elements.isEmpty, fields.faults.isEmpty { fields.note("asks", .range, "At least one element is expected.") }
    var asks: [StepAsk] = []
    var keys: Set<String> = []
    for (position, element) in elements.enumerated() {
      var nested = JSONFields(element, path: "/wait/asks/\(position)")
      let ask = StepAsk(reading: &nested)
      if let ask, !keys.insert(ask.key).inserted { nested.note("key", .notAllowed, "Keys are unique in a step.") }
      do { try nested.finish() } catch {
        for fault in error.faults { fields.note(at: fault) }
        continue
      }
      if let ask { asks.append(ask) }
    }
    return asks
  }

  private init?(reading fields: inout JSONFields) {
    let key = fields.string("key", isRequired: true, bytesMax: WorkerLimits.askKeyBytesMax)
    if let key, !StepAsk.isKey(key) { fields.note("key", .malformed, "Letters, digits and . _ : / - are expected.") }
    let kind = fields.string("kind", isRequired: true, bytesMax: 20, allowed: Kind.allCases.map(\.rawValue))
    let tool = fields.string("tool", bytesMax: WorkerLimits.callNameBytesMax)
    let subject = fields.value("subject", isRequired: true)
    if let subject, subject.rawBytes.count > WorkerLimits.askSubjectBytesMax {
      fields.note("subject", .tooLong, "At most \(WorkerLimits.askSubjectBytesMax) bytes are allowed.")
    }
    let expires = fields.int("expires_ms", in: 0...WorkerLimits.askExpiresMillisecondsMax)
    guard fields.faults.isEmpty, let key, let kind = kind.flatMap({ Kind(rawValue: $0) }), let subject else {
      return nil
    }
    self.init(
      key: key, kind: kind, tool: tool, subject: Array(subject.rawBytes), expiresMilliseconds: expires)
  }

  /// Writes its members.
  func writeMembers(to writer: inout JSONWriter) {
    writer.member("key", key)
    writer.member("kind", kind.rawValue)
    writer.member("tool", ifPresent: tool)
    writer.member("subject", raw: subject)
    writer.member("expires_ms", ifPresent: expiresMilliseconds)
  }
}
