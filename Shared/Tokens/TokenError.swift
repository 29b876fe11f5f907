/// Why a token is not believed. The raw values are bounded: they serve as labels of metrics.
public enum TokenError: String, Error, Sendable, CaseIterable {
  /// Longer than the limit.
  case tooLong = "too_long"
  /// Not three parts of base64url with JSON objects in them.
  case malformed
  /// The algorithm is not one of those that the issuer may use, or not that of the key.
  case algorithm
  /// The header names extensions that have to be understood.
  case criticalExtension = "critical_extension"
  /// No configured issuer has this name.
  case unknownIssuer = "unknown_issuer"
  /// The issuer has no key of this name, or several and the token names none.
  case unknownKey = "unknown_key"
  /// The keys of the issuer cannot be had at the moment.
  case keysUnavailable = "keys_unavailable"
  /// The signature is not that of the key.
  case signature
  /// It is for somebody else.
  case audience
  /// It has expired, or says not when it does.
  case expired
  /// It is not good yet.
  case notYetValid = "not_yet_valid"
  /// It is issued in the future, or is good for longer than allowed.
  case lifetime
  /// It names no subject, or lacks a claim that the configuration asks for.
  case claims
}
