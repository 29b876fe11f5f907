public import JSON

/// The claims of a token that was verified.
public struct TokenClaims: Sendable {
  /// Bytes of a subject; more are refused.
  public static let subjectBytesMax = 255

  /// Who vouches for it.
  public let issuer: String
  /// Whom it is about, in the issuer's own words.
  public let subject: String
  /// When it ends, in seconds of Unix time, without leeway.
  public let expiresAt: Int64
  /// For how many audiences it is.
  public let audienceCount: Int
  /// All claims.
  public let document: JSONDocument

  /// A claim that is a text.
  public func string(_ name: String) -> String? { document.root[name]?.string }

  /// A claim that is a text, or a list of texts; a text of several words when `splits`.
  public func strings(_ name: String, splits: Bool = false) -> [String] {
    guard let value = document.root[name] else { return [] }
    if let text = value.string { return splits ? text.split(separator: " ").map(String.init) : [text] }
    return value.elements.compactMap(\.string)
  }
}
