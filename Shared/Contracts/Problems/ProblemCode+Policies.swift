internal import HTTPWire

extension ProblemCode {
  /// Policies and their decisions.
  static let policies: [ProblemCode] = [accessDenied, policyUnavailable, explanationUnavailable]

  /// `policy_unavailable`
  public static let policyUnavailable = ProblemCode(
    "policy_unavailable", .serviceUnavailable,
    meaning: "Nobody can say at the moment whether the policies allow this, so it is not done.",
    remedy: "Try again after `Retry-After`; operators look at the OPA server, or at the bundle.")
  /// `access_denied`
  public static let accessDenied = ProblemCode(
    "access_denied", .forbidden, meaning: "A policy does not allow this to the caller.",
    remedy: "Ask an administrator of the tenant for the role or the scope that the sentence names.")
  /// `explanation_unavailable`
  public static let explanationUnavailable = ProblemCode(
    "explanation_unavailable", .notImplemented,
    meaning: "A server beside the gateway decides (`policy.url`), and it alone can explain its decisions.",
    remedy: "Ask that server.")
}
