internal import Contracts
internal import GatewayRequests
internal import JSON
internal import Primitives

/// Members of documents that several addresses read.
extension JSONFields {
  /// A role.
  mutating func role(_ name: String, isRequired: Bool = false) -> Role? {
    string(name, isRequired: isRequired, bytesMax: 20, allowed: Role.allCases.map(\.rawValue))
      .flatMap(Role.init(rawValue:))
  }

  /// A list of grants, none of them twice.
  mutating func grants(_ name: String) -> Grants? {
    guard let names = strings(name, countMax: Grants.allNames.count, bytesMax: 20) else { return nil }
    var grants: Grants = []
    for word in names {
      guard let grant = Grants(name: word) else {
        note(name, .notAllowed, "Allowed are: \(Grants.allNames.joined(separator: ", ")).")
        return nil
      }
      grants.insert(grant)
    }
    guard !grants.isEmpty else {
      note(name, .range, "At least one grant is needed.")
      return nil
    }
    return grants
  }

  /// An e-mail address.
  mutating func email(_ name: String, isRequired: Bool = false) -> EmailAddress? {
    guard let text = string(name, isRequired: isRequired, bytesMax: EmailAddress.bytesMax) else { return nil }
    guard let email = EmailAddress(text) else {
      note(name, .malformed, "An e-mail address is expected.")
      return nil
    }
    return email
  }

  /// A name for people: one line, without characters that steer terminals.
  mutating func label(
    _ name: String, isRequired: Bool = false, bytesMax: Int = AccountLimits.nameBytesMax, allowsEmpty: Bool = false
  ) -> String? {
    guard let text = string(name, isRequired: isRequired, bytesMax: bytesMax, allowsEmpty: allowsEmpty) else {
      return nil
    }
    guard !text.unicodeScalars.contains(where: JSONFields.isUnprintable) else {
      note(name, .malformed, "Control characters are not allowed.")
      return nil
    }
    guard allowsEmpty || text.unicodeScalars.contains(where: { !$0.properties.isWhitespace }) else {
      note(name, .range, "The string must not be blank.")
      return nil
    }
    return text
  }

  private static func isUnprintable(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.properties.generalCategory {
    case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse: true
    default: false
    }
  }

  /// A time that is yet to come.
  mutating func future(_ name: String, after now: Timestamp) -> Timestamp? {
    guard let text = string(name, bytesMax: 40) else { return nil }
    guard let time = Timestamp(rfc3339: text) else {
      note(name, .malformed, "A time as 2026-01-31T00:00:00Z is expected.")
      return nil
    }
    guard time > now else {
      note(name, .range, "The time has passed.")
      return nil
    }
    return time
  }
}
