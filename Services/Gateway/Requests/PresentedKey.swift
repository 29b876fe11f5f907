internal import Contracts
package import HTTP
internal import HTTPWire

/// The key that a request shows.
package enum PresentedKey {
  /// Longer texts are no keys of ours; virtual keys and tokens are shorter too.
  package static let bytesMax = 8192

  /// The text behind `Authorization: Bearer`, else that of `X-API-Key`; `nil` without either, and for other schemes.
  /// Throws a 401 `Problem` when a field stands there twice: each part of the way might take another.
  package static func text(_ request: HTTPRequest) throws(Problem) -> String? {
    guard request.headers.count(of: .authorization) <= 1, request.headers.count(of: .xAPIKey) <= 1 else {
      throw .unauthenticated("The request shows more than one credential.")
    }
    let presented = request.headers.withValue(of: .authorization, bearer) ?? request.headers[.xAPIKey]
    guard let presented, !presented.isEmpty else { return nil }
    guard presented.utf8.count <= bytesMax else { throw .unauthenticated("The credential is too long.") }
    return presented
  }

  private static func bearer(_ field: UnsafeRawBufferPointer) -> String? {
    let scheme = "bearer ".utf8
    guard field.count > scheme.count, zip(field, scheme).allSatisfy({ $1 == 0x20 ? $0 == $1 : $0 | 0x20 == $1 }) else {
      return nil
    }
    return String(decoding: field.dropFirst(scheme.count).drop { $0 == 0x20 }, as: UTF8.self)
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
