extension SettingType where Value == String {
  /// A text without control characters other than tab and line feed, at most `bytesMaximum` bytes of UTF-8.
  public static func string(bytesMaximum: Int = 4096, allowsEmpty: Bool = true) -> SettingType {
    let lower = allowsEmpty ? "at most" : "from 1 to"
    return SettingType(
      name: "text", allowed: "a text of \(lower) \(bytesMaximum) bytes without control characters",
      placeholder: { "" }, render: { $0 }
    ) { scalar in
      if scalar.value == .null { return .wrong("is empty (write \"\" for an empty text)") }
      let isText = scalar.text.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F || $0 == 0x09 || $0 == 0x0A }
      guard isText, scalar.text.utf8.count <= bytesMaximum, allowsEmpty || !scalar.text.isEmpty else {
        return .outOfRange
      }
      return .value(scalar.text)
    }
  }

  /// One of a fixed set of words.
  public static func word(from words: [String]) -> SettingType {
    let allowed = words.joined(separator: ", ")
    return SettingType(name: "word", allowed: "one of \(allowed)", placeholder: { "" }, render: { $0 }) { scalar in
      words.contains(scalar.text)
        ? .value(scalar.text) : .wrong("is not known\(NearestName.hint(for: scalar.text, among: words))")
    }
  }
}

extension SettingType where Value: RawRepresentable & CaseIterable, Value.RawValue == String {
  /// One of the cases of an enumeration, written as its raw value.
  public static func word(_ type: Value.Type = Value.self) -> SettingType {
    let words = type.allCases.map(\.rawValue)
    // An enumeration of our own code.
    guard let first = type.allCases.first else { preconditionFailure("\(type) has no cases") }
    let allowed = words.joined(separator: ", ")
    return SettingType(
      name: "word", allowed: "one of \(allowed)", placeholder: { first }, render: { $0.rawValue }
    ) { scalar in
      Value(rawValue: scalar.text).map { .value($0) }
        ?? .wrong("is not known\(NearestName.hint(for: scalar.text, among: words))")
    }
  }
}

extension SettingType where Value == Int {
  /// A whole number within a range.
  public static func int(in range: ClosedRange<Int>) -> SettingType {
    SettingType(
      name: "integer", allowed: "an integer from \(range.lowerBound) to \(range.upperBound)",
      placeholder: { range.lowerBound }, render: { String($0) }
    ) { scalar in
      guard case .integer(let value) = scalar.value else {
        return scalar.isQuoted ? .wrong("is a text (write it without quotes)") : .wrong("is not an integer")
      }
      return range.contains(value) ? .value(value) : .outOfRange
    }
  }

  /// A size in bytes, as a number or with a unit: `65536`, `64KiB`, `10 MB`. The key must end in `_bytes`.
  public static func bytes(in range: ClosedRange<Int>) -> SettingType {
    SettingType(
      name: "bytes",
      allowed: "a size from \(ByteSize.render(range.lowerBound)) to \(ByteSize.render(range.upperBound)), "
        + "in bytes or with a unit of B, KB, MB, GB, KiB, MiB, GiB, TiB",
      keySuffix: "_bytes", placeholder: { range.lowerBound }, render: { ByteSize.render($0) }
    ) { scalar in
      var value = ByteSize.parse(scalar.text)
      if case .integer(let number) = scalar.value { value = number }
      guard let value else { return .wrong("is not a size in bytes") }
      return range.contains(value) ? .value(value) : .outOfRange
    }
  }
}

extension SettingType where Value == Double {
  /// A finite number within a range.
  public static func number(in range: ClosedRange<Double>) -> SettingType {
    SettingType(
      name: "number", allowed: "a number from \(range.lowerBound) to \(range.upperBound)",
      placeholder: { range.lowerBound }, render: { String($0) }
    ) { scalar in
      let value: Double
      switch scalar.value {
      case .integer(let number): value = Double(number)
      case .number(let number): value = number
      default: return scalar.isQuoted ? .wrong("is a text (write it without quotes)") : .wrong("is not a number")
      }
      return range.contains(value) ? .value(value) : .outOfRange
    }
  }
}

extension SettingType where Value == Bool {
  /// `true` or `false`.
  public static var bool: SettingType {
    SettingType(
      name: "boolean", allowed: "true or false", placeholder: { false }, render: { String($0) }
    ) { scalar in
      guard case .boolean(let value) = scalar.value else {
        return scalar.isQuoted ? .wrong("is a text (write it without quotes)") : .wrong("is not a boolean")
      }
      return .value(value)
    }
  }
}

extension SettingType where Value == Duration {
  /// A duration as whole milliseconds. The key must end in `_ms`.
  public static func milliseconds(in range: ClosedRange<Int>) -> SettingType {
    SettingType(
      name: "milliseconds",
      allowed: "a duration from \(range.lowerBound) to \(range.upperBound) milliseconds, as a plain integer",
      keySuffix: "_ms", placeholder: { .milliseconds(range.lowerBound) },
      render: { String($0.components.seconds * 1000 + $0.components.attoseconds / 1_000_000_000_000_000) }
    ) { scalar in
      guard case .integer(let value) = scalar.value else { return .wrong("is not an integer") }
      return range.contains(value) ? .value(.milliseconds(value)) : .outOfRange
    }
  }
}

extension SettingType where Value == ServiceURL {
  /// An address with one of the given schemes.
  public static func url(schemes: [String] = ["http", "https"]) -> SettingType {
    let allowed = schemes.map { $0 + "://" }.joined(separator: ", ")
    return SettingType(
      name: "URL", allowed: "an address that starts with \(allowed)", showsRejected: false,
      placeholder: { ServiceURL.placeholder }, render: { $0.description }
    ) { scalar in
      guard let url = ServiceURL(scalar.text) else { return .wrong("the value is not a complete address") }
      return schemes.contains(url.scheme) ? .value(url) : .wrong("the scheme \(url.scheme) is not accepted")
    }
  }
}

extension SettingType where Value == Secret {
  /// A secret text of 1 to 64 KiB: never shown; accepted as the path of a file by `<key>_file`.
  public static var secret: SettingType {
    SettingType(
      name: "secret", allowed: "a text of 1 to \(SecretFile.bytesMaximum) bytes", isSecret: true,
      placeholder: { Secret("") }, render: { $0.description }
    ) { scalar in
      if scalar.value == .null || scalar.text.isEmpty { return .wrong("is empty") }
      guard scalar.text.utf8.count <= SecretFile.bytesMaximum, !scalar.text.utf8.contains(0) else { return .outOfRange }
      return .value(Secret(scalar.text))
    }
  }
}
