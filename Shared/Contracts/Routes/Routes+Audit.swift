extension Routes {
  /// The audit log.
  static let audit: [RouteSpecification] = []
}
