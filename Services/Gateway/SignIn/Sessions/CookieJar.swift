internal import HTTPWire

/// The cookies of the gateway in requests and answers.
struct CookieJar: Sendable {
  /// Longest `Cookie` field that is read.
  static let fieldBytesMax = 16 << 10

  /// What a request has under a name.
  enum Found: Equatable, Sendable {
    case none
    case one(String)
    /// Several, or a field that is too long: nobody can say which is meant.
    case unclear
  }

  /// Whether browsers reach the gateway by https.
  let isSecure: Bool

  /// The session.
  var session: String { isSecure ? "__Host-cadre_session" : "cadre_session" }
  /// What binds a sign-in at a provider to the browser that began it.
  var federation: String { isSecure ? "__Host-cadre_oidc" : "cadre_oidc" }
  /// What knows a browser that has signed in before.
  var device: String { isSecure ? "__Host-cadre_device" : "cadre_device" }

  /// A cookie of a request.
  func find(_ name: String, in headers: HTTPHeaders) -> Found {
    var found = Found.none
    var length = 0
    for field in headers.values(of: .cookie) {
      length += field.utf8.count
      guard length <= CookieJar.fieldBytesMax else { return .unclear }
      for pair in field.utf8.split(separator: UInt8(ascii: ";")) {
        guard let equals = pair.firstIndex(of: UInt8(ascii: "=")) else { continue }
        let blanks: Set<UInt8> = [0x20, 0x09]
        let key = pair[..<equals].drop { blanks.contains($0) }
        guard key.elementsEqual(name.utf8) else { continue }
        var value = pair[pair.index(after: equals)...].drop { blanks.contains($0) }
        while let last = value.last, blanks.contains(last) { value = value.dropLast() }
        if found != .none { return .unclear }
        found = .one(String(Substring(value)))
      }
    }
    return found
  }

  /// The field that sets a cookie for a time; `nil` for as long as the browser runs.
  func set(_ name: String, _ value: String, seconds: Int64?) -> String {
    let age = seconds.map { "; Max-Age=\($0)" } ?? ""
    return "\(name)=\(value); Path=/; HttpOnly; SameSite=Lax\(isSecure ? "; Secure" : "")\(age)"
  }

  /// The field that removes a cookie.
  func clear(_ name: String) -> String { set(name, "", seconds: 0) }
}
