/// Why an assertion is not believed.
public enum AssertionError: String, Error, Sendable, CaseIterable, CustomStringConvertible {
  /// Longer than any that is signed.
  case tooLong = "too_long"
  /// Not five parts, or a part in a form that no signer writes.
  case malformed
  /// Another version of the format; there is one.
  case unsupportedVersion = "unsupported_version"
  /// No keys of this issuer are configured here.
  case unknownIssuer = "unknown_issuer"
  /// The issuer has no key of this id in force.
  case unknownKey = "unknown_key"
  /// The signature is not the key's.
  case wrongSignature = "wrong_signature"
  /// It says what its issuer may not say, or leaves out what it must say.
  case notPermitted = "not_permitted"
  /// It is for another service.
  case wrongAudience = "wrong_audience"
  /// Its time is over.
  case expired
  /// It would be valid for longer than its issuer may sign.
  case lifetimeTooLong = "lifetime_too_long"

  /// What is wrong, in a sentence.
  public var description: String {
    switch self {
    case .tooLong: "The assertion is too long."
    case .malformed: "The assertion is malformed."
    case .unsupportedVersion: "The version of the assertion is not supported."
    case .unknownIssuer: "The issuer of the assertion is not trusted here."
    case .unknownKey: "The key of the assertion is not in force."
    case .wrongSignature: "The signature of the assertion is wrong."
    case .notPermitted: "The assertion says what its issuer may not say."
    case .wrongAudience: "The assertion is for another service."
    case .expired: "The assertion has expired."
    case .lifetimeTooLong: "The assertion would be valid for too long; compare the clocks of the services."
    }
  }
}
