extension ProblemCode {
  /// Tenants, users, service accounts, keys and invitations.
  static let accounts: [ProblemCode] = []
}
