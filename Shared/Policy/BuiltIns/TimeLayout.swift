internal import Calendar

/// A form in which times are written and read, given by how the time `Mon Jan 2 15:04:05 MST 2006` looks in it.
struct TimeLayout {
  /// An element that stands for a part of the time.
  enum Part: Hashable {
    case text(String)
    case longMonth, shortMonth
    case month(padded: Bool)
    case longWeekday, shortWeekday
    /// `_` pads with a blank.
    case day(pad: UInt8?)
    case dayOfYear(pad: UInt8)
    case hour24
    case hour12(padded: Bool)
    case minute(padded: Bool)
    case second(padded: Bool)
    case longYear, shortYear
    case afternoon(isUpper: Bool)
    case zoneName
    /// Digits of an offset, whether they are divided by colons, how many numbers there are, and whether `Z` is UTC.
    case offset(hasColons: Bool, numbers: Int, allowsZ: Bool)
    /// A fraction of a second behind the separator; without zeros at its end where they are not kept.
    case fraction(separator: UInt8, digits: Int, keepsZeros: Bool)
  }

  private static let bytesMax = 1000

  static let named: [String: String] = [
    "ANSIC": "Mon Jan _2 15:04:05 2006", "UnixDate": "Mon Jan _2 15:04:05 MST 2006",
    "RubyDate": "Mon Jan 02 15:04:05 -0700 2006", "RFC822": "02 Jan 06 15:04 MST", "RFC822Z": "02 Jan 06 15:04 -0700",
    "RFC850": "Monday, 02-Jan-06 15:04:05 MST", "RFC1123": "Mon, 02 Jan 2006 15:04:05 MST",
    "RFC1123Z": "Mon, 02 Jan 2006 15:04:05 -0700", "RFC3339": "2006-01-02T15:04:05Z07:00",
    "RFC3339Nano": "2006-01-02T15:04:05.999999999Z07:00",
  ]

  static let months = [
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
  ]
  static let weekdays = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"]

  let parts: [Part]

  /// A layout by its name or as it is written.
  init(_ layout: String) throws {
    let bytes = Array((TimeLayout.named[layout] ?? layout).utf8)
    guard bytes.count <= TimeLayout.bytesMax else {
      throw EvaluationError(.builtIn, "the layout of a time is longer than \(TimeLayout.bytesMax) bytes")
    }
    var parts: [Part] = []
    var text: [UInt8] = []
    var at = 0
    while at < bytes.count {
      guard let (part, length) = TimeLayout.part(of: bytes[at...]) else {
        text.append(bytes[at])
        at += 1
        continue
      }
      if !text.isEmpty { parts.append(.text(String(decoding: text, as: UTF8.self))) }
      text = []
      parts.append(part)
      at += length
    }
    if !text.isEmpty { parts.append(.text(String(decoding: text, as: UTF8.self))) }
    self.parts = parts
  }

  /// Elements by how they look, the longer one of two first.
  private static let fixed: [(text: [UInt8], part: Part)] = (numbers + offsets + names).map { (Array($0.0.utf8), $0.1) }

  private static let numbers: [(String, Part)] = [
    ("002", .dayOfYear(pad: UInt8(ascii: "0"))), ("__2", .dayOfYear(pad: UInt8(ascii: " "))),
    ("01", .month(padded: true)), ("02", .day(pad: UInt8(ascii: "0"))), ("03", .hour12(padded: true)),
    ("04", .minute(padded: true)), ("05", .second(padded: true)), ("06", .shortYear), ("15", .hour24),
    ("2006", .longYear), ("1", .month(padded: false)), ("2", .day(pad: nil)), ("3", .hour12(padded: false)),
    ("4", .minute(padded: false)), ("5", .second(padded: false)), ("_2", .day(pad: UInt8(ascii: " "))),
  ]

  private static let offsets: [(String, Part)] = [
    ("-07:00:00", .offset(hasColons: true, numbers: 3, allowsZ: false)),
    ("-070000", .offset(hasColons: false, numbers: 3, allowsZ: false)),
    ("-07:00", .offset(hasColons: true, numbers: 2, allowsZ: false)),
    ("-0700", .offset(hasColons: false, numbers: 2, allowsZ: false)),
    ("-07", .offset(hasColons: false, numbers: 1, allowsZ: false)),
    ("Z07:00:00", .offset(hasColons: true, numbers: 3, allowsZ: true)),
    ("Z070000", .offset(hasColons: false, numbers: 3, allowsZ: true)),
    ("Z07:00", .offset(hasColons: true, numbers: 2, allowsZ: true)),
    ("Z0700", .offset(hasColons: false, numbers: 2, allowsZ: true)),
    ("Z07", .offset(hasColons: false, numbers: 1, allowsZ: true)),
  ]

  private static let names: [(String, Part)] = [
    ("January", .longMonth), ("Monday", .longWeekday), ("PM", .afternoon(isUpper: true)),
    ("pm", .afternoon(isUpper: false)), ("MST", .zoneName),
  ]

  private static func part(of rest: ArraySlice<UInt8>) -> (Part, length: Int)? {
    // In `_2006` the mark is text.
    if rest.starts(with: "_2006".utf8) { return (.text("_"), 1) }
    if let found = fixed.first(where: { rest.starts(with: $0.text) }) { return (found.part, found.text.count) }
    for (text, part) in [("Jan", Part.shortMonth), ("Mon", .shortWeekday)] where rest.starts(with: text.utf8) {
      // Words that only begin so are text.
      guard rest.dropFirst(3).first.map({ !(0x61...0x7A).contains($0) }) ?? true else { return nil }
      return (part, 3)
    }
    guard let separator = rest.first, separator == UInt8(ascii: ".") || separator == UInt8(ascii: ","),
      let digit = rest.dropFirst().first, digit == UInt8(ascii: "0") || digit == UInt8(ascii: "9")
    else { return nil }
    let digits = rest.dropFirst().prefix { $0 == digit }.count
    guard rest.dropFirst(1 + digits).first.map({ !Lexer.isDigit($0) }) ?? true else { return nil }
    return (.fraction(separator: separator, digits: digits, keepsZeros: digit == UInt8(ascii: "0")), 1 + digits)
  }

  // MARK: Writing

  /// A time as the layout has it.
  func text(of time: LocalTime) -> String {
    var text = ""
    for part in parts { text += self.text(of: part, time) }
    return text
  }

  private func text(of part: Part, _ time: LocalTime) -> String {
    switch part {
    case .text(let text): return text
    case .longMonth: return TimeLayout.months[Int(time.date.month - 1)]
    case .shortMonth: return String(TimeLayout.months[Int(time.date.month - 1)].prefix(3))
    case .month(let padded): return number(time.date.month, padded)
    case .longWeekday: return time.weekday
    case .shortWeekday: return String(time.weekday.prefix(3))
    case .day(let pad): return number(time.date.day, pad, width: 2)
    case .dayOfYear(let pad): return number(time.dayOfYear, pad, width: 3)
    case .hour24: return number(time.hour, true)
    case .hour12(let padded): return number((time.hour + 11) % 12 + 1, padded)
    case .minute(let padded): return number(time.minute, padded)
    case .second(let padded): return number(time.second, padded)
    case .longYear: return number(time.date.year, UInt8(ascii: "0"), width: 4)
    case .shortYear: return number(time.date.year.flooredDivision(by: 100).remainder, true)
    case .afternoon(let isUpper): return time.hour < 12 ? (isUpper ? "AM" : "am") : (isUpper ? "PM" : "pm")
    case .zoneName: return time.offset.name
    case .offset(let hasColons, let numbers, let allowsZ):
      let seconds = time.offset.seconds
      if allowsZ, seconds == 0 { return "Z" }
      let size = abs(seconds)
      let all = [size / 3600, size / 60 % 60, size % 60].prefix(numbers).map { number($0, true) }
      return (seconds < 0 ? "-" : "+") + all.joined(separator: hasColons ? ":" : "")
    case .fraction(let separator, let digits, let keepsZeros):
      var text = number(time.nanoseconds, UInt8(ascii: "0"), width: 9).prefix(digits)
      if keepsZeros { text += String(repeating: "0", count: max(0, digits - 9)) }
      while !keepsZeros, text.last == "0" { text.removeLast() }
      return text.isEmpty ? "" : String(UnicodeScalar(separator)) + text
    }
  }

  private func number(_ value: Int64, _ isPadded: Bool) -> String {
    number(value, isPadded ? UInt8(ascii: "0") : nil, width: 2)
  }

  private func number(_ value: Int64, _ pad: UInt8?, width: Int) -> String {
    let text = String(value)
    guard let pad, text.utf8.count < width else { return text }
    return String(repeating: String(UnicodeScalar(pad)), count: width - text.utf8.count) + text
  }
}
