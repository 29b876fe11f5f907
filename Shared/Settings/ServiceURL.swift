/// The address of a service as a setting holds it: `scheme://[user:password@]host[:port][/path][?query]`.
///
/// A strict subset of RFC 3986: ASCII only, at most 2,048 bytes, no fragment. `unix:///run/x.sock` has a path and no
/// host.
public struct ServiceURL: Sendable, Equatable {
  /// Bytes of an address.
  public static let bytesMaximum = 2048

  /// The address as written; it may hold a password, so show `description` instead.
  public let text: String
  /// The scheme in lower case.
  public let scheme: String
  /// User and password as written; empty when there are none.
  public let userInformation: String
  /// The host; an IPv6 address stands without its brackets.
  public let host: String
  /// The port when the address names one.
  public let port: Int?
  /// Path and query as written; may be empty.
  public let target: String

  /// Reads an address; `nil` when it is malformed.
  public init?(_ text: String) {
    let bytes = text.utf8
    guard bytes.count <= Self.bytesMaximum, bytes.allSatisfy({ Self.isAllowed($0) }) else { return nil }
    guard let colon = text.firstIndex(of: ":"), text[colon...].hasPrefix("://") else { return nil }
    let scheme = text[..<colon].lowercased()
    guard let first = scheme.utf8.first, (0x61...0x7A).contains(first),
      scheme.utf8.allSatisfy({ Self.isNameByte($0) || $0 == UInt8(ascii: "+") })
    else { return nil }
    let rest = text[text.index(colon, offsetBy: 3)...]
    let end = rest.firstIndex { $0 == "/" || $0 == "?" } ?? rest.endIndex
    var authority = rest[..<end]
    let target = rest[end...]

    var userInformation = ""
    if let at = authority.lastIndex(of: "@") {
      userInformation = String(authority[..<at])
      authority = authority[authority.index(after: at)...]
      guard !userInformation.contains("@") else { return nil }
    }
    guard let (host, port) = Self.hostAndPort(authority) else { return nil }
    if scheme == "unix" {
      guard host.isEmpty, port == nil, target.hasPrefix("/"), target.count > 1 else { return nil }
    } else {
      guard !host.isEmpty else { return nil }
    }
    self.text = text
    self.scheme = scheme
    self.userInformation = userInformation
    self.host = host
    self.port = port
    self.target = String(target)
  }

  private static func hostAndPort(_ authority: Substring) -> (String, Int?)? {
    var host = authority
    var portText: Substring?
    if authority.hasPrefix("[") {
      guard let close = authority.firstIndex(of: "]") else { return nil }
      host = authority[authority.index(after: authority.startIndex)..<close]
      guard host.contains(":"), host.utf8.allSatisfy({ isHexDigit($0) || $0 == 0x3A || $0 == 0x2E }) else { return nil }
      let after = authority[authority.index(after: close)...]
      if !after.isEmpty {
        guard after.hasPrefix(":") else { return nil }
        portText = after.dropFirst()
      }
    } else {
      if let colon = authority.firstIndex(of: ":") {
        host = authority[..<colon]
        portText = authority[authority.index(after: colon)...]
      }
      guard host.utf8.count <= 253, host.utf8.allSatisfy({ isNameByte($0) || $0 == UInt8(ascii: "_") }) else {
        return nil
      }
    }
    guard let portText else { return (String(host), nil) }
    guard portText.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let port = Int(portText),
      (1...65_535).contains(port)
    else { return nil }
    return (String(host), port)
  }

  /// Letters, digits, `-` and `.`.
  private static func isNameByte(_ byte: UInt8) -> Bool {
    (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte & 0xDF) || byte == 0x2D || byte == 0x2E
  }

  private static func isHexDigit(_ byte: UInt8) -> Bool {
    (0x30...0x39).contains(byte) || (0x41...0x46).contains(byte & 0xDF)
  }

  /// Printable ASCII without blanks, `"`, `#`, `<`, `>`, `\`, `^`, backtick and braces.
  private static func isAllowed(_ byte: UInt8) -> Bool {
    guard (0x21...0x7E).contains(byte) else { return false }
    switch byte {
    case 0x22, 0x23, 0x3C, 0x3E, 0x5C, 0x5E, 0x60, 0x7B, 0x7C, 0x7D: return false
    default: return true
    }
  }
}

extension ServiceURL: CustomStringConvertible, CustomReflectable {
  /// The address with user and password masked, and without the query, which may carry a key.
  public var description: String {
    let user = userInformation.isEmpty ? "" : "\(Secret.mask)@"
    let name = host.contains(":") ? "[\(host)]" : host
    let path = target.prefix { $0 != "?" }
    let query = path.count < target.count ? "?…" : ""
    return "\(scheme)://\(user)\(name)\(port.map { ":\($0)" } ?? "")\(path)\(query)"
  }

  /// Reflection shows the masked form only.
  public var customMirror: Mirror { Mirror(self, children: ["url": description]) }
}

extension ServiceURL {
  /// An address that never reaches a service.
  static let placeholder = ServiceURL(placeholderScheme: "http")

  private init(placeholderScheme scheme: String) {
    self.text = "\(scheme)://placeholder.invalid"
    self.scheme = scheme
    self.userInformation = ""
    self.host = "placeholder.invalid"
    self.port = nil
    self.target = ""
  }
}
