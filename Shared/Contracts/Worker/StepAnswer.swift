public import JSON
public import Primitives

/// What a person has answered to a step, or that nobody has in time.
public struct StepAnswer: Hashable, Sendable {
  /// The answer of a question whose time is over: `{"expired": true}`.
  public static let expired = Array(#"{"expired":true}"#.utf8)

  /// The key of the question.
  public let key: String
  /// What was asked.
  public let kind: StepAsk.Kind
  /// The answer, a JSON document.
  public let answer: [UInt8]
  /// The digest of what was asked, 64 hexadecimal digits: an approval holds for exactly that.
  public let subjectSHA256: String
  /// Who answered; `nil` when nobody did in time.
  public let by: String?
  /// When, by the clock of the orchestrator.
  public let at: Timestamp

  /// Makes an answer of a document that is valid JSON.
  public init(
    key: String, kind: StepAsk.Kind, answer: [UInt8], subjectSHA256: String, by: String?, at: Timestamp
  ) {
    self.key = key
    self.kind = kind
    self.answer = answer
    self.subjectSHA256 = subjectSHA256
    self.by = by
    self.at = at
  }

  /// Reads an answer; `nil` when a member is missing that it cannot do without, or its kind is not known here.
  public init?(_ view: JSONView) {
    guard let key = view["key"]?.string, let kind = view["kind"]?.string.flatMap({ StepAsk.Kind(rawValue: $0) }),
      let answer = view["answer"], let at = view["at"]?.string.flatMap({ Timestamp(rfc3339: $0) })
    else { return nil }
    self.key = key
    self.kind = kind
    self.answer = Array(answer.rawBytes)
    subjectSHA256 = view["subject_sha256"]?.string ?? ""
    by = view["by"]?.string
    self.at = at
  }

  /// Whether nobody answered in time.
  public var isExpired: Bool { by == nil && answer == StepAnswer.expired }

  /// Writes its members.
  func writeMembers(to writer: inout JSONWriter) {
    writer.member("key", key)
    writer.member("kind", kind.rawValue)
    writer.member("answer", raw: answer)
    writer.member("subject_sha256", subjectSHA256)
    writer.member("by", ifPresent: by)
    writer.member("at", at.description)
  }
}
