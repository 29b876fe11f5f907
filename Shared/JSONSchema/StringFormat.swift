internal import Calendar

/// The values of `format` that can be required.
enum StringFormat: String, Sendable, CaseIterable {
  case dateTime = "date-time"
  case date, time, duration, email
  case idnEmail = "idn-email"
  case hostname
  case idnHostname = "idn-hostname"
  case ipv4, ipv6, uri
  case uriReference = "uri-reference"
  case iri
  case iriReference = "iri-reference"
  case uuid
  case uriTemplate = "uri-template"
  case jsonPointer = "json-pointer"
  case relativeJSONPointer = "relative-json-pointer"
  case regex

  /// With an example, for messages.
  var described: String {
    switch self {
    case .dateTime: "a date and time of RFC 3339, such as 2026-01-31T09:30:00Z"
    case .date: "a date, such as 2026-01-31"
    case .time: "a time with an offset, such as 09:30:00Z"
    case .duration: "a duration of ISO 8601, such as P3DT12H"
    case .email, .idnEmail: "an e-mail address"
    case .hostname, .idnHostname: "a host name"
    case .ipv4: "an IPv4 address, such as 192.0.2.1"
    case .ipv6: "an IPv6 address, such as 2001:db8::1"
    case .uri, .iri: "an absolute URI, such as https://example.com/a"
    case .uriReference, .iriReference: "a URI or a relative reference"
    case .uuid: "a UUID, such as 018f4e2a-0000-7000-8000-000000000000"
    case .uriTemplate: "a URI template, such as /users/{id}"
    case .jsonPointer: "a JSON pointer, such as /a/0"
    case .relativeJSONPointer: "a relative JSON pointer, such as 1/a"
    case .regex: "a regular expression of ECMA-262"
    }
  }

  /// Whether a text has the format.
  func accepts(_ text: String) -> Bool {
    switch self {
    case .dateTime: StringFormat.isDateTime(Array(text.utf8))
    case .date: StringFormat.isDate(Array(text.utf8)[...])
    case .time: StringFormat.isTime(Array(text.utf8)[...])
    case .duration: StringFormat.isDuration(Array(text.utf8))
    case .email: StringFormat.isEmail(text, isInternational: false)
    case .idnEmail: StringFormat.isEmail(text, isInternational: true)
    case .hostname: HostName.isValid(text, isInternational: false)
    case .idnHostname: HostName.isValid(text, isInternational: true)
    case .ipv4: StringFormat.isIPv4(text)
    case .ipv6: StringFormat.isIPv6(text)
    case .uri: ReferenceGrammar.isValid(text, isInternational: false, needsScheme: true)
    case .uriReference: ReferenceGrammar.isValid(text, isInternational: false, needsScheme: false)
    case .iri: ReferenceGrammar.isValid(text, isInternational: true, needsScheme: true)
    case .iriReference: ReferenceGrammar.isValid(text, isInternational: true, needsScheme: false)
    case .uuid: StringFormat.isUUID(Array(text.utf8))
    case .uriTemplate: StringFormat.isTemplate(text)
    case .jsonPointer: JSONPointer.parts(of: text) != nil
    case .relativeJSONPointer: StringFormat.isRelativePointer(text)
    case .regex: (try? RegularExpression(text)) != nil
    }
  }

  // MARK: Time

  private static func number(_ bytes: ArraySlice<UInt8>) -> Int64? {
    guard !bytes.isEmpty, bytes.count <= 4, bytes.allSatisfy({ $0 &- 48 < 10 }) else { return nil }
    return bytes.reduce(0) { $0 * 10 + Int64($1 - 48) }
  }

  private static func isDateTime(_ bytes: [UInt8]) -> Bool {
    guard bytes.count > 11, bytes[10] | 0x20 == UInt8(ascii: "t") else { return false }
    return isDate(bytes[..<10]) && isTime(bytes[11...])
  }

  private static func isDate(_ bytes: ArraySlice<UInt8>) -> Bool {
    guard bytes.count == 10 else { return false }
    let parts = bytes.split(separator: UInt8(ascii: "-"), omittingEmptySubsequences: false)
    guard parts.map(\.count) == [4, 2, 2] else { return false }
    let numbers = parts.compactMap(number)
    return numbers.count == 3 && CivilDate(year: numbers[0], month: numbers[1], day: numbers[2]) != nil
  }

  private static func isTime(_ bytes: ArraySlice<UInt8>) -> Bool {
    guard bytes.count >= 9 else { return false }
    let start = bytes.startIndex
    guard let clock = clock(bytes[start..<(start + 5)]), bytes[start + 5] == UInt8(ascii: ":"),
      let second = number(bytes[(start + 6)..<(start + 8)]), second <= 60
    else { return false }
    var rest = bytes[(start + 8)...]
    if rest.first == UInt8(ascii: ".") {
      let fraction = rest.dropFirst().prefix { $0 &- 48 < 10 }
      guard !fraction.isEmpty else { return false }
      rest = rest[fraction.endIndex...]
    }
    var offset: Int64 = 0
    switch rest.first {
    case UInt8(ascii: "Z"), UInt8(ascii: "z"): guard rest.count == 1 else { return false }
    case UInt8(ascii: "+"), UInt8(ascii: "-"):
      guard let minutes = Self.clock(rest.dropFirst()) else { return false }
      offset = rest.first == UInt8(ascii: "+") ? minutes : -minutes
    default: return false
    }
    // A leap second ends a day in UTC.
    return second < 60 || (clock - offset).flooredDivision(by: 1440).remainder == 1439
  }

  /// `HH:MM` in minutes.
  private static func clock(_ bytes: ArraySlice<UInt8>) -> Int64? {
    let start = bytes.startIndex
    guard bytes.count == 5, let hour = number(bytes[start..<(start + 2)]), hour < 24,
      bytes[start + 2] == UInt8(ascii: ":"), let minute = number(bytes[(start + 3)...]), minute < 60
    else { return nil }
    return hour * 60 + minute
  }

  /// RFC 3339, appendix A: units in their order, none between two others left out within date and time.
  private static func isDuration(_ bytes: [UInt8]) -> Bool {
    guard bytes.first == UInt8(ascii: "P"), bytes.count > 2, bytes.count < 100 else { return false }
    var rest = bytes[1...]
    func units(_ allowed: String) -> [Int]? {
      let names = Array(allowed.utf8)
      var found: [Int] = []
      while let first = rest.first, first &- 48 < 10 {
        let digits = rest.prefix { $0 &- 48 < 10 }
        rest = rest[digits.endIndex...]
        guard let unit = rest.popFirst(), let index = names.firstIndex(of: unit) else { return nil }
        // The next one of the same part, as in 1Y2M, never 1Y2D.
        guard found.last.map({ $0 + 1 == index }) ?? true else { return nil }
        found.append(index)
      }
      return found
    }
    if rest.last == UInt8(ascii: "W") { return units("W")?.count == 1 && rest.isEmpty }
    guard let date = units("YMD") else { return false }
    guard rest.first == UInt8(ascii: "T") else { return !date.isEmpty && rest.isEmpty }
    rest = rest.dropFirst()
    guard let time = units("HMS") else { return false }
    return !time.isEmpty && rest.isEmpty
  }

  // MARK: Names

  private static func isUUID(_ bytes: [UInt8]) -> Bool {
    guard bytes.count == 36 else { return false }
    return bytes.indices.allSatisfy { index in
      [8, 13, 18, 23].contains(index)
        ? bytes[index] == UInt8(ascii: "-") : ReferenceGrammar.isHexadecimal(bytes[index])
    }
  }

  private static func isRelativePointer(_ text: String) -> Bool {
    let digits = text.utf8.prefix { $0 &- 48 < 10 }
    guard let first = digits.first, digits.count == 1 || first != UInt8(ascii: "0") else { return false }
    let rest = text[digits.endIndex...]
    return rest == "#" || JSONPointer.parts(of: rest) != nil
  }

  /// RFC 6570: literals, and expressions in braces.
  private static func isTemplate(_ text: String) -> Bool {
    var rest = text.unicodeScalars[...]
    while let scalar = rest.popFirst() {
      switch scalar {
      case "{":
        guard let end = rest.firstIndex(of: "}"), isTemplateExpression(rest[..<end]) else { return false }
        rest = rest[rest.index(after: end)...]
      case "}", " ", "\"", "'", "<", ">", "\\", "^", "`", "|": return false
      default: if scalar.value < 32 || scalar.value == 127 { return false }
      }
    }
    return true
  }

  private static func isTemplateExpression(_ text: Substring.UnicodeScalarView) -> Bool {
    var names = Substring(text)
    if let first = names.unicodeScalars.first, "+#./;?&=,!@|".unicodeScalars.contains(first) { names.removeFirst() }
    return names.split(separator: ",", omittingEmptySubsequences: false).allSatisfy { variable in
      var name = variable
      if name.hasSuffix("*") {
        name = name.dropLast()
      } else if let colon = name.firstIndex(of: ":") {
        let length = name[name.index(after: colon)...]
        guard (1...4).contains(length.utf8.count), length.utf8.allSatisfy({ $0 &- 48 < 10 }), length.first != "0" else {
          return false
        }
        name = name[..<colon]
      }
      return !name.isEmpty && !name.hasPrefix(".") && !name.hasSuffix(".")
        && name.utf8.allSatisfy { ReferenceGrammar.isAlphanumeric($0) || "_.%".utf8.contains($0) }
    }
  }
}
