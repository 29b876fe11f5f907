internal import HTTPWire

extension Routes {
  /// The description of the API.
  public static let reference: [RouteSpecification] = [
    .init(.get, "/openapi.json", .gateway, .anonymous, "Describes the API for programs (OpenAPI 3.1)."),
    .init(.get, "/reference", .gateway, .anonymous, "Describes the API for people."),
    .init(.get, "/reference/{file}", .gateway, .anonymous, "Reads a style or a script of the reference."),
  ]
}
