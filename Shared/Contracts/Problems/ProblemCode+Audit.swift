internal import HTTPWire

extension ProblemCode {
  /// `audit_unavailable`
  public static let auditUnavailable = ProblemCode(
    "audit_unavailable", .serviceUnavailable,
    meaning: "The audit log cannot be written at the moment, and without an entry nothing is changed.",
    remedy: "Try again shortly; reading goes on.")
  /// `audit_overloaded`
  public static let auditOverloaded = ProblemCode(
    "audit_overloaded", .tooManyRequests, meaning: "Too many requests without a tenant want to change something.",
    remedy: "Try again in a second.")

  /// The audit log.
  static let audit: [ProblemCode] = [auditUnavailable, auditOverloaded]
}
