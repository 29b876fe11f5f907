extension Routes {
  /// The description of the API.
  static let reference: [RouteSpecification] = []
}
