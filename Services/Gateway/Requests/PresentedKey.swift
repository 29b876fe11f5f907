internal import Contracts
package import HTTP
internal import HTTPWire

/// The key that a request shows.
package enum PresentedKey {
  /// Longer texts are no keys of ours; virtual keys and tokens are shorter too.
  package static let bytesMax = 8192

  /// The text behind `Authorization: Bearer`, else that of `X-API-Key`; `nil` without either, and for other schemes.
  /// Throws a 401 `Problem` when there are several, of which each part of the way might take another.
  package static func text(_ request: HTTPRequest) throws(Problem) -> String? {
    let authorizations = request.headers.values(of: .authorization)
    let keys = request.headers.values(of: .xAPIKey)
    guard authorizations.count <= 1, keys.count <= 1 else {
      throw .unauthenticated("The request shows more than one credential.")
    }
    var presented = keys.first
    if let authorization = authorizations.first, let token = bearer(authorization) {
      if let presented, presented != token { throw .unauthenticated("The request shows more than one credential.") }
      presented = token
    }
    guard let presented, !presented.isEmpty else { return nil }
    guard presented.utf8.count <= bytesMax else { throw .unauthenticated("The credential is too long.") }
    return presented
  }

  private static func bearer(_ field: String) -> String? {
    let scheme = "bearer "
    guard field.utf8.count > scheme.utf8.count, field.prefix(scheme.count).lowercased() == scheme else { return nil }
    return String(field.dropFirst(scheme.count).drop { $0 == " " })
  }
}

extension Problem {
  /// 401, with how to send a credential.
  package static func unauthenticated(_ what: String) -> Problem {
    var headers = HTTPHeaders()
    headers.append(.wwwAuthenticate, "Bearer realm=\"cadre\"")
    return Problem(
      .unauthorized, "\(what) Send it as \"Authorization: Bearer KEY\" or \"X-API-Key: KEY\".", headers: headers)
  }
}
