internal import Contracts
public import HTTP
public import HTTPWire

/// The version of a resource, as `ETag` and `If-Match` carry it (RFC 9110, section 8.8.3): `"3"`.
public enum EntityTag {
  /// The text of a version.
  public static func text(_ version: Int) -> String { "\"\(version)\"" }

  /// The version that `If-Match` demands; `nil` without the field, and with `*`, which any version meets. A version
  /// without quotation marks is taken too. An address that creates what is not there refuses `*` with
  /// `acceptsAny: false`: it demands that something is there, which such an address does not check. Throws a 400
  /// `Problem`.
  public static func demanded(by request: HTTPRequest, acceptsAny: Bool = true) throws(Problem) -> Int? {
    try demanded(by: request.headers, acceptsAny: acceptsAny)
  }

  /// The same for header fields.
  public static func demanded(by headers: HTTPHeaders, acceptsAny: Bool = true) throws(Problem) -> Int? {
    guard let text = headers[.ifMatch] else { return nil }
    if acceptsAny, text == "*" { return nil }
    var digits = Substring(text)
    if digits.count >= 2, digits.hasPrefix("\""), digits.hasSuffix("\"") { digits = digits.dropFirst().dropLast() }
    guard let version = Int(digits), version > 0 else {
      throw .badParameter("If-Match", "The ETag of an earlier answer is expected.")
    }
    return version
  }
}

extension HTTPResponse {
  /// Sets the version of the resource that this answer describes.
  public mutating func setVersion(_ version: Int) { headers.append(.eTag, EntityTag.text(version)) }
}

extension Problem {
  /// 412: somebody has changed it since it was read.
  public static func outdated() -> Problem {
    Problem(.outdated, "It was changed since you read it; read it again and repeat the change.")
  }
}
