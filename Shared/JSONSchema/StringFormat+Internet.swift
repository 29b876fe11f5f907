extension StringFormat {
  static func isIPv4(_ text: some StringProtocol) -> Bool {
    let parts = text.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
    return parts.count == 4
      && parts.allSatisfy { part in
        guard (1...3).contains(part.count), part.allSatisfy({ $0 &- 48 < 10 }) else { return false }
        if part.count > 1, part.first == UInt8(ascii: "0") { return false }
        return part.reduce(0) { $0 * 10 + Int($1 - 48) } <= 255
      }
  }

  static func isIPv6(_ text: some StringProtocol) -> Bool {
    let halves = String(text).split(separator: "::", omittingEmptySubsequences: false)
    guard halves.count <= 2, !text.isEmpty else { return false }
    var groups = 0
    for (index, half) in halves.enumerated() where !half.isEmpty {
      let parts = half.split(separator: ":", omittingEmptySubsequences: false)
      for (place, part) in parts.enumerated() {
        if index == halves.count - 1, place == parts.count - 1, part.utf8.contains(UInt8(ascii: ".")) {
          guard isIPv4(part) else { return false }
          groups += 2
        } else {
          guard (1...4).contains(part.utf8.count), part.utf8.allSatisfy(ReferenceGrammar.isHexadecimal) else {
            return false
          }
          groups += 1
        }
      }
    }
    return halves.count == 2 ? groups <= 7 : groups == 8
  }

  /// `local@domain` (RFC 5321, RFC 6531): a local part of words or in quotes, and a host name or an address literal.
  static func isEmail(_ text: String, isInternational: Bool) -> Bool {
    guard let at = text.utf8.lastIndex(of: UInt8(ascii: "@")) else { return false }
    let local = text[..<at]
    let domain = text[text.utf8.index(after: at)...]
    guard (1...64).contains(local.utf8.count), isLocalPart(local, isInternational) else { return false }
    if domain.hasPrefix("["), domain.hasSuffix("]") {
      let literal = domain.dropFirst().dropLast()
      return literal.hasPrefix("IPv6:") ? isIPv6(literal.dropFirst(5)) : isIPv4(literal)
    }
    return HostName.isValid(String(domain), isInternational: isInternational, needsNormalForm: false)
  }

  private static func isLocalPart(_ text: Substring, _ isInternational: Bool) -> Bool {
    guard isInternational || text.utf8.allSatisfy({ $0 < 128 }) else { return false }
    if text.hasPrefix("\"") {
      guard text.utf8.count >= 2, text.hasSuffix("\"") else { return false }
      var isEscaped = false
      for byte in text.utf8.dropFirst().dropLast() {
        guard byte >= 32, byte != 127 else { return false }
        if isEscaped {
          isEscaped = false
        } else if byte == UInt8(ascii: "\"") {
          return false
        } else {
          isEscaped = byte == UInt8(ascii: "\\")
        }
      }
      return !isEscaped
    }
    return text.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false).allSatisfy { word in
      !word.isEmpty
        && word.allSatisfy {
          $0 > 127 || ReferenceGrammar.isAlphanumeric($0) || "!#$%&'*+-/=?^_`{|}~".utf8.contains($0)
        }
    }
  }
}

/// The grammar of URIs (RFC 3986) and IRIs (RFC 3987).
enum ReferenceGrammar {
  static func isAlphanumeric(_ byte: UInt8) -> Bool { byte &- 48 < 10 || (byte | 0x20) &- 97 < 26 }
  static func isHexadecimal(_ byte: UInt8) -> Bool { byte &- 48 < 10 || (byte | 0x20) &- 97 < 6 }

  static func isValid(_ text: String, isInternational: Bool, needsScheme: Bool) -> Bool {
    let reference = URIReference(text)
    if reference.scheme == nil {
      if needsScheme { return false }
      // A colon in the first segment would make it a scheme.
      if reference.authority == nil,
        reference.path.utf8.prefix(while: { $0 != UInt8(ascii: "/") }).contains(UInt8(ascii: ":"))
      {
        return false
      }
    }
    if let authority = reference.authority, !isAuthority(authority, isInternational) { return false }
    let segment = ":@/"
    return isMade(reference.path, of: segment, isInternational)
      && isMade(reference.query ?? "", of: segment + "?", isInternational, allowsPrivateUse: true)
      && isMade(reference.fragment ?? "", of: segment + "?", isInternational)
  }

  private static func isAuthority(_ text: String, _ isInternational: Bool) -> Bool {
    var host = text[...]
    if let at = host.firstIndex(of: "@") {
      guard isMade(host[..<at], of: ":", isInternational) else { return false }
      host = host[host.index(after: at)...]
    }
    if host.hasPrefix("[") {
      guard let end = host.firstIndex(of: "]") else { return false }
      let literal = host[host.index(after: host.startIndex)..<end]
      let port = host[host.index(after: end)...]
      guard port.isEmpty || port.first == ":" && port.dropFirst().utf8.allSatisfy({ $0 &- 48 < 10 }) else {
        return false
      }
      return StringFormat.isIPv6(literal) || isFutureAddress(literal)
    }
    if let colon = host.firstIndex(of: ":") {
      guard host[host.index(after: colon)...].utf8.allSatisfy({ $0 &- 48 < 10 }) else { return false }
      host = host[..<colon]
    }
    return isMade(host, of: "", isInternational)
  }

  /// `v1.x`
  private static func isFutureAddress(_ text: Substring) -> Bool {
    guard text.lowercased().hasPrefix("v"), let dot = text.firstIndex(of: ".") else { return false }
    let version = text[text.index(after: text.startIndex)..<dot]
    let rest = text[text.index(after: dot)...]
    return !version.isEmpty && version.utf8.allSatisfy(isHexadecimal) && !rest.isEmpty && isMade(rest, of: ":", false)
  }

  /// Whether a text has only unreserved characters, percent escapes, sub-delimiters, and those of `others`.
  private static func isMade(
    _ text: some StringProtocol, of others: String, _ isInternational: Bool, allowsPrivateUse: Bool = false
  ) -> Bool {
    var hexadecimalDue = 0
    for scalar in text.unicodeScalars {
      guard let byte = UInt8(exactly: scalar.value), byte < 128 else {
        guard isInternational, hexadecimalDue == 0, isUnreserved(scalar, allowsPrivateUse) else { return false }
        continue
      }
      if hexadecimalDue > 0 {
        guard isHexadecimal(byte) else { return false }
        hexadecimalDue -= 1
      } else if byte == UInt8(ascii: "%") {
        hexadecimalDue = 2
      } else if !isAlphanumeric(byte), !"-._~!$&'()*+,;=".utf8.contains(byte), !others.utf8.contains(byte) {
        return false
      }
    }
    return hexadecimalDue == 0
  }

  /// `ucschar` of RFC 3987, with `iprivate` in queries.
  private static func isUnreserved(_ scalar: Unicode.Scalar, _ allowsPrivateUse: Bool) -> Bool {
    switch scalar.value {
    case 0xA0...0xD7FF, 0xF900...0xFDCF, 0xFDF0...0xFFEF: true
    case 0xE000...0xF8FF, 0xF0000...0x10FFFD: allowsPrivateUse && scalar.value & 0xFFFF < 0xFFFE
    case 0x10000...0xEFFFD: scalar.value & 0xFFFF < 0xFFFE && scalar.value >> 12 != 0xE0
    default: false
    }
  }
}
