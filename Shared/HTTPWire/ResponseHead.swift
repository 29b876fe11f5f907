/// The head of a response that a client received.
public struct ResponseHead: Sendable {
  /// The status.
  public let status: HTTPStatus
  /// The version of the server.
  public let version: HTTPVersion
  /// The fields.
  public let headers: HTTPHeaders
  /// How the end of the body is found, the request method and the status considered.
  public let framing: BodyFraming
  /// Whether the connection may be used again after the body; false with `untilClose` and after 101.
  public let keepAlive: Bool
}

extension ResponseHead: CustomStringConvertible {
  /// The status.
  public var description: String { "\(status)" }
}
