internal import Calendar

/// The pause that a provider asks for, in any of its notations. Pure, without floating point: nothing that a peer sends
/// can be more than the bound.
public enum RetryAfter {
  /// Longer pauses are taken for this one.
  public static let millisecondsMax: Int64 = 3_600_000

  /// Reads `retry-after-ms` and `retry-after`; what makes no sense is left out. `now` is in seconds since 1970.
  public static func milliseconds(inMilliseconds: String?, inSeconds: String?, now: Int64) -> Int64? {
    if let text = inMilliseconds, let value = decimal(text, scale: 1) { return value }
    guard let text = inSeconds else { return nil }
    if let value = seconds(text) ?? duration(text) { return value }
    guard let moment = date(text) else { return nil }
    let (pause, overflow) = moment.subtractingReportingOverflow(now)
    guard !overflow, pause > 0 else { return 0 }
    return min(pause, millisecondsMax / 1000) * 1000
  }

  /// Seconds with or without a fraction, as milliseconds.
  public static func seconds(_ text: String) -> Int64? { decimal(text, scale: 1000) }

  /// A duration such as `34s`, `1.5s`, `250ms`, `6m0s`, `1h`, as milliseconds.
  public static func duration(_ text: String) -> Int64? {
    var rest = trimmed(text)[...]
    var sum: Int64 = 0
    var parts = 0
    while !rest.isEmpty {
      let number = rest.prefix { isDigit($0) || $0 == UInt8(ascii: ".") }
      let unit = rest.dropFirst(number.count).prefix { !isDigit($0) && $0 != UInt8(ascii: ".") }
      guard !number.isEmpty, let scale = scale(unit), let value = decimal(Array(number), scale: scale), parts < 4 else {
        return nil
      }
      sum = min(millisecondsMax, sum + value)
      parts += 1
      rest = rest.dropFirst(number.count + unit.count)
    }
    return parts == 0 ? nil : sum
  }

  /// What a sentence such as "Please try again in 1.2s" asks for.
  static func inWords(_ message: String) -> Int64? {
    let text = message.lowercased()
    for phrase in ["try again in ", "retry in ", "retry after "] {
      guard let start = text.firstRange(of: phrase) else { continue }
      let words = text[start.upperBound...].prefix(40).split(separator: " ", omittingEmptySubsequences: true)
      guard let first = words.first else { continue }
      let plain = String(first.reversed().drop { $0 == "." || $0 == "," }.reversed())
      if let value = duration(plain) { return value }
      if words.count > 1, words[1].hasPrefix("second"), let value = seconds(plain) { return value }
      if words.count > 1, words[1].hasPrefix("minute"), let value = decimal(plain, scale: 60_000) { return value }
    }
    return nil
  }

  // MARK: Numbers

  private static func isDigit(_ byte: UInt8) -> Bool { byte &- 48 < 10 }

  private static func trimmed(_ text: String) -> [UInt8] {
    var bytes = Array(text.utf8.prefix(100))
    while let last = bytes.last, last <= 0x20 { bytes.removeLast() }
    return Array(bytes.drop { $0 <= 0x20 })
  }

  private static func scale(_ unit: ArraySlice<UInt8>) -> Int64? {
    switch String(decoding: unit, as: UTF8.self) {
    case "ms": 1
    case "s", "sec": 1000
    case "m", "min": 60_000
    case "h": 3_600_000
    default: nil
    }
  }

  private static func decimal(_ text: String, scale: Int64) -> Int64? { decimal(trimmed(text), scale: scale) }

  /// Digits with or without a fraction; `scale` is at most that of an hour. What is too large becomes the bound.
  private static func decimal(_ bytes: [UInt8], scale: Int64) -> Int64? {
    let parts = bytes.split(separator: UInt8(ascii: "."), maxSplits: 1, omittingEmptySubsequences: false)
    guard let first = parts.first, parts.count == 2 || !first.isEmpty, bytes.contains(where: isDigit) else {
      return nil
    }
    guard parts.allSatisfy({ $0.allSatisfy(isDigit) }) else { return nil }
    var whole: Int64 = 0
    for byte in first { whole = min(millisecondsMax, whole * 10 + Int64(byte - 48)) }
    var value = min(millisecondsMax, whole * scale)
    var place = scale
    for byte in parts.count == 2 ? parts[1].prefix(6) : [] {
      place /= 10
      value += Int64(byte - 48) * place
    }
    return min(millisecondsMax, value)
  }

  // MARK: Dates

  /// `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110) and the notation of RFC 3339 in UTC, in seconds since 1970.
  private static func date(_ text: String) -> Int64? {
    let words = String(decoding: trimmed(text), as: UTF8.self).lowercased()
      .split { " ,-:".contains($0) }
    if words.count >= 7, let day = number(words[1]), let month = HTTPDate.month(named: words[2]),
      let year = number(words[3]), let time = time(words[4...])
    {
      return moment(year, month, day, time)
    }
    let digits = String(decoding: trimmed(text), as: UTF8.self).split { !$0.isNumber }
    guard text.contains("-"), digits.count >= 6, let year = number(digits[0]), let month = number(digits[1]),
      let day = number(digits[2]), let time = time(digits[3...])
    else { return nil }
    return moment(year, month, day, time)
  }

  private static func number(_ text: Substring) -> Int64? {
    guard (1...4).contains(text.utf8.count), text.utf8.allSatisfy(isDigit) else { return nil }
    return Int64(text)
  }

  private static func time(_ parts: ArraySlice<Substring>) -> Int64? {
    let values = parts.prefix(3).compactMap(number)
    guard values.count == 3, values[0] < 24, values[1] < 60, values[2] <= 60 else { return nil }
    return values[0] * 3600 + values[1] * 60 + values[2]
  }

  /// Years have four digits, so nothing overflows.
  private static func moment(_ year: Int64, _ month: Int64, _ day: Int64, _ time: Int64) -> Int64? {
    guard (1970...9999).contains(year), (1...12).contains(month), (1...31).contains(day) else { return nil }
    return CivilDate(year, month, day).daysSince1970 * 86_400 + time
  }
}
