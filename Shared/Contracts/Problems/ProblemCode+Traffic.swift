extension ProblemCode {
  /// Limits, load and repeated requests.
  static let traffic: [ProblemCode] = []
}
