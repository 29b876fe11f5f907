internal import Contracts
internal import Crypto
internal import HTTP
internal import HTTPWire

/// Refuses what pages of other origins make a browser send.
struct BrowserGuard: Sendable {
  static let tokenField = HTTPFieldName("x-csrf-token")
  private static let fetchSite = HTTPFieldName("sec-fetch-site")

  /// The configured origin, `https://host[:port]`; `nil`: that of the request.
  let origin: String?

  /// Whether a request can change something: by its method, or as a connection that stays open.
  static func isUnsafe(_ head: RequestHead) -> Bool {
    ![.get, .head, .options].contains(head.method) || head.headers.contains(.upgrade)
  }

  /// Throws a 403 `Problem` for a request of a page of another origin. Programs send neither field.
  func checkOrigin(_ head: RequestHead) throws(Problem) {
    let sites = head.headers.values(of: BrowserGuard.fetchSite)
    guard sites.isEmpty || sites == ["same-origin"] else { throw Problem(.crossOriginRefused) }
    let origins = head.headers.values(of: .origin)
    guard !origins.isEmpty else { return }
    guard origins.count == 1, isOwn(origins[0], head) else { throw Problem(.crossOriginRefused) }
  }

  private func isOwn(_ shown: String, _ head: RequestHead) -> Bool {
    if let origin { return shown == origin }
    guard let host = head.host?.lowercased() else { return false }
    return shown == "http://\(host)" || shown == "https://\(host)"
  }

  /// Throws a 403 `Problem` for a change without the token of the session.
  func checkToken(_ headers: HTTPHeaders, of session: SessionToken) throws(Problem) {
    let shown = headers.values(of: BrowserGuard.tokenField)
    guard shown.count == 1, Secrets.equal(shown[0], session.csrfToken) else { throw Problem(.csrfRefused) }
  }
}
