extension ProblemCode {
  /// Signing in, sessions and tokens.
  static let signIn: [ProblemCode] = []
}
