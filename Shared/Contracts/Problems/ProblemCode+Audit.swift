extension ProblemCode {
  /// The audit log.
  static let audit: [ProblemCode] = []
}
