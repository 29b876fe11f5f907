internal import HTTPWire

extension ProblemCode {
  /// Signing in, sessions and tokens.
  static let signIn: [ProblemCode] = [
    signInFailed, signInBlocked, signInBusy, signInUnavailable, sessionInvalid, sessionRequired, sessionDenied,
    secondFactorRequired,
    secondFactorEnrolmentRequired,
    secondFactorFailed, secondFactorExists, secondFactorMissing, csrfRefused, crossOriginRefused, passwordRefused,
    tokenInvalid, tokenKeysUnavailable, tooManyCredentials, providerSignInFailed, identityProviderUnavailable,
    notFound("identity provider"), notFound("session"),
  ]

  /// `sign_in_failed`
  public static let signInFailed = ProblemCode(
    "sign_in_failed", .unauthorized,
    meaning: "The e-mail address and the password do not belong together, or to one tenant only.",
    remedy: "Correct them; name the tenant when the address belongs to several.")
  /// `sign_in_blocked`
  public static let signInBlocked = ProblemCode(
    "sign_in_blocked", .tooManyRequests, meaning: "Too many attempts to sign in have failed.",
    remedy: "Try again after `Retry-After`. Keys and sessions are not affected.")
  /// `sign_in_busy`
  public static let signInBusy = ProblemCode(
    "sign_in_busy", .serviceUnavailable, meaning: "Too many passwords wait to be checked.",
    remedy: "Try again after `Retry-After`.")
  /// `sign_in_unavailable`
  public static let signInUnavailable = ProblemCode(
    "sign_in_unavailable", .serviceUnavailable,
    meaning: "Sessions or accounts cannot be read, so nobody is let in by them. API keys go on.",
    remedy: "Check Redis and Postgres of the gateway; try again.")
  /// `session_invalid`
  public static let sessionInvalid = ProblemCode(
    "session_invalid", .unauthorized, meaning: "The session has ended, or there is none.", remedy: "Sign in.")
  /// `session_required`
  public static let sessionRequired = ProblemCode(
    "session_required", .forbidden, meaning: "The address is for browsers that have signed in, not for keys.",
    remedy: "Sign in.")
  /// `session_denied`
  public static let sessionDenied = ProblemCode(
    "session_denied", .forbidden, meaning: "The policies do not let the session go on.",
    remedy: "Add a second factor if the tenant asks for one, or sign in again.")
  /// `second_factor_enrolment_required`
  public static let secondFactorEnrolmentRequired = ProblemCode(
    "second_factor_enrolment_required", .unauthorized,
    meaning: "The tenant asks for a second factor, and the user has none.",
    remedy: "Add one: `/auth/v1/totp`, then `/auth/v1/totp/confirm`.")
  /// `second_factor_required`
  public static let secondFactorRequired = ProblemCode(
    "second_factor_required", .unauthorized, meaning: "The sign-in waits for the second factor.",
    remedy: "Send a code to `/auth/v1/second-factor`.")
  /// `second_factor_failed`
  public static let secondFactorFailed = ProblemCode(
    "second_factor_failed", .unauthorized, or: .unprocessableContent,
    meaning: "The code is wrong, too old, or was used before.", remedy: "Send the next code that the app shows.")
  /// `second_factor_exists`
  public static let secondFactorExists = ProblemCode(
    "second_factor_exists", .conflict, meaning: "There is a second factor.", remedy: "Remove it first.")
  /// `second_factor_missing`
  public static let secondFactorMissing = ProblemCode(
    "second_factor_missing", .conflict, meaning: "There is no second factor, or no enrolment that waits for its code.",
    remedy: "Begin with `/auth/v1/totp`.")
  /// `csrf_refused`
  public static let csrfRefused = ProblemCode(
    "csrf_refused", .forbidden, meaning: "A change by a browser came without the CSRF token of its session.",
    remedy: "Send `X-CSRF-Token` with the value of `csrf_token` from `/auth/v1/session`.")
  /// `cross_origin_refused`
  public static let crossOriginRefused = ProblemCode(
    "cross_origin_refused", .forbidden, meaning: "The request comes from a web page of another origin.",
    remedy: "Call from a page of `sign_in.url`, or with an API key.")
  /// `password_refused`
  public static let passwordRefused = ProblemCode(
    "password_refused", .unprocessableContent, meaning: "The new password is too short, too long or too simple.",
    remedy: "Use 12 to 1,024 bytes that are not the e-mail address.")
  /// `token_invalid`
  public static let tokenInvalid = ProblemCode(
    "token_invalid", .unauthorized, meaning: "The signed token is not accepted.",
    remedy: "Get a new one for the audience of this installation; `detail` names the reason.")
  /// `token_keys_unavailable`
  public static let tokenKeysUnavailable = ProblemCode(
    "token_keys_unavailable", .serviceUnavailable, meaning: "The keys of the issuer of the token cannot be fetched.",
    remedy: "Check `jwks_url` of the issuer; try again.")
  /// `too_many_credentials`
  public static let tooManyCredentials = ProblemCode(
    "too_many_credentials", .badRequest, meaning: "The request has a credential twice.", remedy: "Send one.")
  /// `provider_sign_in_failed`
  public static let providerSignInFailed = ProblemCode(
    "provider_sign_in_failed", .unauthorized,
    meaning: "The identity provider did not vouch for a user of this installation.",
    remedy: "Begin again; the verified e-mail address must be that of a user.")
  /// `identity_provider_unavailable`
  public static let identityProviderUnavailable = ProblemCode(
    "identity_provider_unavailable", .badGateway, meaning: "The identity provider does not answer as it should.",
    remedy: "Try again; an operator checks `sign_in.providers`.")
}
