/// What logs of all kinds hide.
public enum LogSecrets {
  /// Whether a field of this name may hold a secret: passwords, tokens, keys, cookies.
  public static func isSecret(_ name: String) -> Bool { LogText.isSecret(name) }

  /// A text without bearer tokens, keys in the usual spellings and passwords in URLs.
  public static func masked(_ text: String) -> String { LogText.masked(text) }
}
