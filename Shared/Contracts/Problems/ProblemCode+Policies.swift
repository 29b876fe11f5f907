internal import HTTPWire

extension ProblemCode {
  /// Policies and their decisions.
  static let policies: [ProblemCode] = [accessDenied]

  /// `access_denied`
  public static let accessDenied = ProblemCode(
    "access_denied", .forbidden, meaning: "A policy does not allow this to the caller.",
    remedy: "Ask an administrator of the tenant for the role or the scope that the sentence names.")
}
