public import HTTPWire

/// When the gateway may send a request again whose connection broke after it may have been received.
///
/// A request of which no byte has left is always sent again.
public enum Repetition: Sendable, Hashable {
  /// As its method promises (RFC 9110, section 9.2.2): GET, HEAD, PUT, DELETE. A condition (`If-Match`) takes the
  /// promise away: met by its own first effect it would answer that somebody else was faster.
  case asMethod
  /// Never: a second one would cost, or do, something again.
  case never
  /// When it has an Idempotency-Key, which this endpoint honours.
  case withKey
  /// Always: the gateway names what the request makes, so a second one makes the same.
  case always

  /// Whether a request may be sent again.
  public func allows(_ method: HTTPMethod, hasKey: Bool, hasCondition: Bool) -> Bool {
    switch self {
    case .asMethod: [.get, .head, .put, .delete, .options].contains(method) && !hasCondition
    case .never: false
    case .withKey: hasKey
    case .always: true
    }
  }

  /// Whether the endpoint does things once for each Idempotency-Key.
  public var honoursKeys: Bool { self == .withKey || self == .always }
}
