internal import Contracts
internal import HTTP
internal import HTTPWire
internal import JSON

/// A service does not believe the gateway: that is a fault of the installation, which its user must not take for one of
/// the API key.
enum AssertionRefusal {
  /// Whether an answer refuses the assertion that was sent with the request.
  static func isMeant(by response: HTTPResponse) -> Bool {
    guard response.status == .unauthorized, case .bytes(let bytes) = response.body,
      let root = try? JSONDocument(parsing: bytes).root
    else { return false }
    // A problem document, or an error in the shape of a model's dialect.
    let code = root["code"]?.string ?? root["error"]?["code"]?.string
    return code?.hasPrefix("assertion_") ?? false
  }

  /// The problem that the caller gets instead.
  static func problem(_ service: String) -> Problem {
    Problem(
      .assertionRefused,
      "The \(service) does not accept the gateway's assertions. Compare identity.gateway_keys and the clocks of both.")
  }
}
