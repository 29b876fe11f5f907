internal import Calendar

extension TimeLayout {
  /// Nanoseconds since 1970 of a time that is written as the layout has it. Without a zone it is UTC; of names of zones
  /// only UTC and `GMT` with a number have an offset, as in OPA.
  func instant(of text: String) throws -> Int64 {
    var reader = TimeReader(text)
    for (place, part) in parts.enumerated() {
      let next = place + 1 < parts.count ? parts[place + 1] : nil
      guard reader.read(part, next) else { throw reader.fault() }
    }
    guard reader.rest.isEmpty else { throw reader.fault() }
    return try reader.instant()
  }
}

/// Reads a time element by element.
private struct TimeReader {
  let text: String
  var rest: ArraySlice<UInt8>
  private var year: Int64 = 0
  private var month: Int64?
  private var day: Int64?
  private var dayOfYear: Int64?
  private var hour: Int64 = 0
  private var minute: Int64 = 0
  private var second: Int64 = 0
  private var nanoseconds: Int64 = 0
  private var offset: Int64 = 0
  private var isAfternoon: Bool?

  init(_ text: String) {
    self.text = text
    rest = Array(text.utf8)[...]
  }

  func fault() -> EvaluationError {
    EvaluationError(.builtIn, "parsing time \"\(text.prefix(200))\": the layout is another one")
  }

  // MARK: Elements

  mutating func read(_ part: TimeLayout.Part, _ next: TimeLayout.Part?) -> Bool {
    switch part {
    case .text(let text): return skip(Array(text.utf8))
    case .longMonth: month = name(TimeLayout.months).map { $0 + 1 }
    case .shortMonth: month = name(TimeLayout.months.map { String($0.prefix(3)) }).map { $0 + 1 }
    case .month(let padded): month = number(padded, 1...12)
    case .longWeekday: return name(TimeLayout.weekdays) != nil
    case .shortWeekday: return name(TimeLayout.weekdays.map { String($0.prefix(3)) }) != nil
    case .day(let pad):
      if pad == UInt8(ascii: " ") { _ = take(" ") }
      // Whether the month has it is known at the end.
      day = number(pad == UInt8(ascii: "0"), 1...31)
      return day != nil
    case .dayOfYear(let pad):
      while pad == UInt8(ascii: " "), take(" ") {}
      dayOfYear = digits(pad == UInt8(ascii: "0") ? 3...3 : 1...3)
      return dayOfYear.map { (1...366).contains($0) } ?? false
    case .hour24: return set(\.hour, number(false, 0...23))
    case .hour12(let padded): return set(\.hour, number(padded, 0...12))
    case .minute(let padded): return set(\.minute, number(padded, 0...59))
    case .second(let padded):
      guard set(\.second, number(padded, 0...59)) else { return false }
      // A fraction may stand there although the layout has none.
      if case .fraction? = next { return true }
      return fraction(separators: [UInt8(ascii: "."), UInt8(ascii: ",")], digits: nil, isNeeded: false)
    case .longYear: return set(\.year, digits(4...4))
    case .shortYear: return set(\.year, digits(2...2).map { $0 + ($0 >= 69 ? 1900 : 2000) })
    case .afternoon(let isUpper):
      isAfternoon = name(isUpper ? ["AM", "PM"] : ["am", "pm"], isExact: true).map { $0 == 1 }
      return isAfternoon != nil
    case .zoneName: return zoneName()
    case .offset(let hasColons, let numbers, let allowsZ):
      if allowsZ, take("Z") { return true }
      return zoneOffset(hasColons: hasColons, numbers: numbers)
    case .fraction(let separator, let digits, let keepsZeros):
      return fraction(
        separators: [separator, UInt8(ascii: "."), UInt8(ascii: ",")], digits: keepsZeros ? digits : nil,
        isNeeded: keepsZeros)
    }
    return month != nil
  }

  private mutating func set(_ path: WritableKeyPath<TimeReader, Int64>, _ value: Int64?) -> Bool {
    guard let value else { return false }
    self[keyPath: path] = value
    return true
  }

  private mutating func take(_ sign: Unicode.Scalar) -> Bool {
    guard rest.first == UInt8(ascii: sign) else { return false }
    rest.removeFirst()
    return true
  }

  /// Text of the layout; blanks there are any number of blanks.
  private mutating func skip(_ text: [UInt8]) -> Bool {
    var text = text[...]
    let blank = UInt8(ascii: " ")
    while let byte = text.first {
      if byte == blank {
        if let first = rest.first, first != blank { return false }
        text = text.drop { $0 == blank }
        rest = rest.drop { $0 == blank }
      } else {
        guard rest.first == byte else { return false }
        text.removeFirst()
        rest.removeFirst()
      }
    }
    return true
  }

  /// So many digits.
  private mutating func digits(_ range: ClosedRange<Int>) -> Int64? {
    let digits = rest.prefix { Lexer.isDigit($0) }.prefix(range.upperBound)
    guard digits.count >= range.lowerBound else { return nil }
    rest = rest.dropFirst(digits.count)
    return digits.reduce(0) { $0 * 10 + Int64($1 - 48) }
  }

  /// One digit or two.
  private mutating func number(_ isPadded: Bool, _ range: ClosedRange<Int64>) -> Int64? {
    digits((isPadded ? 2 : 1)...2).flatMap { range.contains($0) ? $0 : nil }
  }

  /// The place of the name that stands there, whatever the case of its letters.
  private mutating func name(_ names: [String], isExact: Bool = false) -> Int64? {
    for (place, name) in names.enumerated() {
      let head = rest.prefix(name.utf8.count)
      let fits =
        isExact ? head.elementsEqual(name.utf8) : head.map { $0 | 0x20 } == name.utf8.map { $0 | 0x20 }
      guard fits else { continue }
      rest = rest.dropFirst(head.count)
      return Int64(place)
    }
    return nil
  }

  private mutating func fraction(separators: [UInt8], digits wanted: Int?, isNeeded: Bool) -> Bool {
    guard let first = rest.first, separators.contains(first), let digit = rest.dropFirst().first, Lexer.isDigit(digit)
    else { return !isNeeded }
    let found = rest.dropFirst().prefix { Lexer.isDigit($0) }
    let digits = wanted.map { found.prefix($0) } ?? found
    guard digits.count == wanted ?? digits.count else { return false }
    rest = rest.dropFirst(1 + digits.count)
    let value = digits.prefix(9).reduce(Int64(0)) { $0 * 10 + Int64($1 - 48) }
    nanoseconds = (digits.count..<max(digits.count, 9)).reduce(value) { value, _ in value * 10 }
    return true
  }

  private mutating func zoneOffset(hasColons: Bool, numbers: Int) -> Bool {
    let isWest = rest.first == UInt8(ascii: "-")
    guard isWest || rest.first == UInt8(ascii: "+") else { return false }
    rest.removeFirst()
    var seconds: Int64 = 0
    for (place, size) in [Int64(3600), 60, 1].prefix(numbers).enumerated() {
      if place > 0, hasColons, !take(":") { return false }
      guard let count = digits(2...2), count <= (place == 0 ? 24 : 60) else { return false }
      seconds += count * size
    }
    offset = isWest ? -seconds : seconds
    return true
  }

  /// `UTC`, `GMT+3`, and other abbreviations, whose offset nobody knows.
  private mutating func zoneName() -> Bool {
    if rest.starts(with: "UTC".utf8) {
      rest = rest.dropFirst(3)
      return true
    }
    if rest.starts(with: "GMT".utf8) {
      rest = rest.dropFirst(3)
      guard let sign = rest.first, sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-") else { return true }
      var inner = self
      inner.rest.removeFirst()
      guard let hours = inner.digits(1...2), hours < 24 else { return true }
      self = inner
      offset = (sign == UInt8(ascii: "-") ? -hours : hours) * 3600
      return true
    }
    if let sign = rest.first, sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-") {
      let digits = rest.dropFirst().prefix { Lexer.isDigit($0) }.count
      rest = rest.dropFirst(1 + digits)
      return digits == 2 || digits == 4
    }
    let letters = rest.prefix { (0x41...0x5A).contains($0) }.count
    rest = rest.dropFirst(letters)
    return (3...5).contains(letters)
  }

  // MARK: Result

  func instant() throws -> Int64 {
    var hour = hour
    if let isAfternoon {
      if isAfternoon, hour < 12 { hour += 12 }
      if !isAfternoon, hour == 12 { hour = 0 }
    }
    let date: CivilDate
    if let dayOfYear {
      date = CivilDate(daysSince1970: CivilDate(year, 1, 1).daysSince1970 + dayOfYear - 1)
      guard date.year == year, month.map({ $0 == date.month }) ?? true, day.map({ $0 == date.day }) ?? true else {
        throw fault()
      }
    } else {
      guard let known = CivilDate(year: year, month: month ?? 1, day: day ?? 1) else { throw fault() }
      date = known
    }
    return try LocalTime.instant(
      day: date.daysSince1970, seconds: hour * 3600 + minute * 60 + second - offset, nanoseconds: nanoseconds)
  }
}
