internal import Crypto
internal import JSON
internal import Primitives

/// What a call asks a person. The loop gives it a key and waits durably.
public struct ToolAsk: Hashable, Sendable {
  /// What kind of answer is wanted.
  public enum Kind: String, Hashable, Sendable {
    /// Whether the call may be made: `{"approved": bool, "comment"}`.
    case approval
    /// Anything that a person says: `{"text": "..."}` or another JSON document.
    case question
  }

  /// Largest subject.
  public static let subjectBytesMax = 64 << 10

  /// What kind of answer is wanted.
  public let kind: Kind
  /// The tool.
  public let tool: String
  /// What the person reads: a JSON document in its canonical form, with no number rounded.
  public let subject: [UInt8]
  /// How long the question is open; `nil` is the platform's own time.
  public let expiresMilliseconds: Int64?

  /// Makes a question.
  public init(kind: Kind, tool: String, subject: [UInt8], expiresMilliseconds: Int64? = nil) {
    self.kind = kind
    self.tool = tool
    self.subject = (try? JSONDocument(parsing: subject)).map { $0.root.canonicalBytes() } ?? subject
    self.expiresMilliseconds = expiresMilliseconds
  }

  /// The digest of the subject, 64 hexadecimal digits: an answer holds for exactly that.
  public var subjectSHA256: String { Hex.encode(Digest.sha256(subject)) }
}

/// What a person has answered to a call.
public struct ToolAnswer: Hashable, Sendable {
  /// What was asked.
  public let kind: ToolAsk.Kind
  /// The digest of the subject that was answered.
  public let subjectSHA256: String
  /// The answer, a JSON document; `{"expired":true}` when nobody answered in time.
  public let answer: [UInt8]
  /// Who answered.
  public let by: String?

  /// Makes an answer.
  public init(kind: ToolAsk.Kind, subjectSHA256: String, answer: [UInt8], by: String? = nil) {
    self.kind = kind
    self.subjectSHA256 = subjectSHA256
    self.answer = answer
    self.by = by
  }
}
