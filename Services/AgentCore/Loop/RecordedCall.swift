public import Contracts
internal import JSON

/// A call that an earlier attempt has made and recorded, or a note between them.
public struct RecordedCall: Sendable {
  /// What was called.
  public let kind: CallReport.Kind
  /// The model or tool, or what a note is about.
  public let name: String
  /// The digest of what was asked.
  public let requestSHA256: String
  /// What was answered.
  public let result: [UInt8]
  /// What it consumed.
  public let usage: Usage
  /// How long it took.
  public let durationMilliseconds: Int64

  /// Makes a record.
  public init(
    kind: CallReport.Kind, name: String = "", requestSHA256: String, result: [UInt8], usage: Usage = .zero,
    durationMilliseconds: Int64 = 0
  ) {
    self.kind = kind
    self.name = name
    self.requestSHA256 = requestSHA256
    self.result = result
    self.usage = usage
    self.durationMilliseconds = durationMilliseconds
  }

  /// What a lease says; `nil` when nothing distinguishes it from others.
  init?(_ entry: JournalEntry) {
    guard let call = try? JSONDocument(parsing: entry.call).root, let digest = call["request_sha256"]?.string else {
      return nil
    }
    self.init(
      kind: entry.kind, name: call["name"]?.string ?? "", requestSHA256: digest, result: entry.result,
      usage: Usage(call), durationMilliseconds: call["duration_ms"]?.int ?? 0)
  }
}
