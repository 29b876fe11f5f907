internal import HTTPWire

/// References as they stand in redirects (RFC 3986, section 5).
enum URLReference {
  /// The absolute URL that is meant; not checked any further. `nil` when it can be none.
  static func resolve(_ reference: String, against base: HTTPURL) -> String? {
    let reference = String(reference.prefix { $0 != "#" })
    guard reference.utf8.count <= FetchRules.urlBytesMax else { return nil }
    let origin = (base.isSecure ? "https://" : "http://") + base.authority
    if reference.isEmpty { return origin + base.target }
    if reference.hasPrefix("//") { return (base.isSecure ? "https:" : "http:") + reference }
    if hasScheme(reference) { return reference }
    let path = base.target.prefix { $0 != "?" }
    if reference.hasPrefix("?") { return origin + path + reference }
    let query = reference.drop { $0 != "?" }
    let written = reference.prefix { $0 != "?" }
    if reference.hasPrefix("/") { return origin + withoutDots(String(written)) + query }
    let folder = path[...(path.lastIndex(of: "/") ?? path.startIndex)]
    return origin + withoutDots(String(folder) + written) + query
  }

  private static func hasScheme(_ text: String) -> Bool {
    guard let colon = text.firstIndex(of: ":"), colon > text.startIndex else { return false }
    let scheme = text[..<colon].utf8
    return scheme.first.map { (0x61...0x7A).contains($0 | 0x20) } ?? false
      && scheme.allSatisfy {
        (0x61...0x7A).contains($0 | 0x20) || $0 &- 48 < 10 || $0 == UInt8(ascii: "+") || $0 == UInt8(ascii: "-")
          || $0 == UInt8(ascii: ".")
      }
  }

  private static func withoutDots(_ path: String) -> String {
    var parts: [Substring] = []
    let all = path.split(separator: "/", omittingEmptySubsequences: false).dropFirst()
    for (place, part) in all.enumerated() {
      let isLast = place == all.count - 1
      switch part {
      case ".": if isLast { parts.append("") }
      case "..":
        _ = parts.popLast()
        if isLast { parts.append("") }
      default: parts.append(part)
      }
    }
    return "/" + parts.joined(separator: "/")
  }
}
