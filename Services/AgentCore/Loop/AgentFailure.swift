public import Contracts

/// Why an attempt came to nothing. Code and message are always storable.
public struct AgentFailure: Error, Sendable {
  private static let codeBytesMax = 100
  private static let messageBytesMax = 4000

  /// A stable name, at most 100 bytes.
  public let code: String
  /// A sentence for people, at most 4000 bytes.
  public let message: String
  /// Whether another attempt may do better.
  public let isRetryable: Bool
  /// Calls that were made and paid, and are not recorded yet.
  public var calls: [CallReport]

  /// Makes a failure; code and message are cut to what can be reported.
  public init(code: String, message: String, isRetryable: Bool, calls: [CallReport] = []) {
    self.code = StorableText.make(code, bytesMax: AgentFailure.codeBytesMax, fallback: "unknown")
    self.message = StorableText.make(
      message, bytesMax: AgentFailure.messageBytesMax, fallback: "No reason was given.")
    self.isRetryable = isRetryable
    self.calls = calls
  }

  /// The same with calls that are recorded together with it.
  func with(_ calls: [CallReport]) -> AgentFailure {
    var failure = self
    failure.calls = calls + failure.calls
    return failure
  }
}

extension AgentFailure {
  static func divergence(_ index: Int) -> AgentFailure {
    // Another attempt begins with an empty journal, so it can do better.
    AgentFailure(
      code: "divergence",
      message: "Call \(index) of this attempt differs from the recorded one; the record would not fit its answer.",
      isRetryable: true)
  }
}
