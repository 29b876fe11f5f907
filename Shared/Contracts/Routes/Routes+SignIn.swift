extension Routes {
  /// Browsers that sign in, and their sessions.
  static let signIn: [RouteSpecification] = []
}
