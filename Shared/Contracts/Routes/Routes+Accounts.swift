extension Routes {
  /// Tenants, users, service accounts, keys and invitations.
  static let accounts: [RouteSpecification] = []
}
