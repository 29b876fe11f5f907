extension Routes {
  /// Policies, their decisions and the halt switch.
  static let policies: [RouteSpecification] = []
}
