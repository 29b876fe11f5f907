/// What a reasoning item carries for its provider in `encrypted_content`: a signature of thoughts that stand beside it,
/// or the thoughts themselves, encrypted. Marked, so that neither goes to a provider that did not make it.
public enum ReasoningSignature {
  /// Begins what only Anthropic can read.
  static let mark = "cadre:"
  private static let signedMark = "cadre:signature:"
  private static let redactedMark = "cadre:redacted:"

  /// A signature as `encrypted_content`.
  public static func signed(_ signature: String) -> String { signedMark + signature }

  /// Encrypted thoughts as `encrypted_content`.
  public static func redacted(_ data: String) -> String { redactedMark + data }

  /// The signature in an `encrypted_content`; nil when it is none.
  public static func signature(_ content: String) -> String? { tail(content, signedMark) }

  /// The encrypted thoughts in an `encrypted_content`; nil when there are none.
  public static func redactedData(_ content: String) -> String? { tail(content, redactedMark) }

  private static func tail(_ content: String, _ mark: String) -> String? {
    content.hasPrefix(mark) ? String(content.dropFirst(mark.count)) : nil
  }
}
