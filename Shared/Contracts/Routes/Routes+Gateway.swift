internal import HTTPWire

extension Routes {
  /// The platform as a server of the Model Context Protocol. Not in `gateway`: what it does is described by that
  /// protocol.
  public static let mcp = RouteSpecification(
    .post, "/mcp", .gateway, .tenant, bodyBytesMax: 3 * mebibyte, cancelsOnDisconnect: true,
    "Answers messages of the Model Context Protocol.")

  /// What the gateway answers itself.
  public static let gateway: [RouteSpecification] = accounts + signIn + audit + policies + reference
}
