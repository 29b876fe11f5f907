internal import Calendar

extension BuiltIns {
  static let times: [BuiltIn] = [
    BuiltIn("time.now_ns", 0, isVolatile: true) { _, evaluator in .number(.int(Int128(evaluator.now))) },
    BuiltIn("time.parse_rfc3339_ns", 1) { list, _ in
      .number(.int(Int128(try rfc3339(try Argument.string(list, 0)))))
    },
    BuiltIn("time.parse_duration_ns", 1) { list, _ in .number(.int(try duration(try Argument.string(list, 0)))) },
    BuiltIn("time.parse_ns", 2) { list, _ in
      let layout = try TimeLayout(try Argument.string(list, 0))
      return .number(.int(Int128(try layout.instant(of: try Argument.string(list, 1)))))
    },
    BuiltIn("time.date", 1) { list, evaluator in
      let date = try local(list, 0, evaluator).date
      return .array([.int(Int(date.year)), .int(Int(date.month)), .int(Int(date.day))])
    },
    BuiltIn("time.clock", 1) { list, evaluator in
      let time = try local(list, 0, evaluator)
      return .array([.int(Int(time.hour)), .int(Int(time.minute)), .int(Int(time.second))])
    },
    BuiltIn("time.weekday", 1) { list, evaluator in .string(try local(list, 0, evaluator).weekday) },
    BuiltIn("time.format", 1) { list, evaluator in
      var layout = "RFC3339Nano"
      if case .array(let parts) = list[0], parts.count > 2 {
        guard let text = parts[2].string else { throw EvaluationError(.type, "operand 1: a layout is text") }
        layout = text
      }
      return try evaluator.bounded(try TimeLayout(layout).text(of: try local(list, 0, evaluator)))
    },
    BuiltIn("time.diff", 2) { list, evaluator in
      let first = try local(list, 0, evaluator)
      let second = LocalTime(try instant(list, 1), in: first.zone)
      // An unknown zone is an error there too.
      _ = try local(list, 1, evaluator)
      return .array(LocalTime.difference(first, second).map { .int(Int($0)) })
    },
    BuiltIn("time.add_date", 4) { list, evaluator in
      let time = try local(list, 0, evaluator)
      let (years, months, days) = (
        try Argument.whole(list, 1), try Argument.whole(list, 2), try Argument.whole(list, 3)
      )
      guard [years, months, days].allSatisfy({ $0.magnitude < 1_000_000 }) else {
        throw EvaluationError(.builtIn, "time outside of valid range")
      }
      let month = (time.date.year + Int64(years)) * 12 + time.date.month - 1 + Int64(months)
      let (year, rest) = month.flooredDivision(by: 12)
      let day = CivilDate(year, rest + 1, 1).daysSince1970 + time.date.day - 1 + Int64(days)
      return .number(
        .int(
          Int128(
            try LocalTime.instant(day: day, seconds: time.seconds, nanoseconds: time.nanoseconds, in: time.zone))))
    },
  ]

  /// A time, or a list of a time, a zone and, for `time.format`, a layout.
  private static func local(_ list: [RegoValue], _ place: Int, _ evaluator: Evaluator) throws -> LocalTime {
    var zone = TimeZoneRules.utc
    if case .array(let parts) = list[place], parts.count >= 2 {
      guard let name = parts[1].string else {
        throw EvaluationError(.type, "operand \(place + 1): a time zone is text")
      }
      zone = try TimeZones.system.zone(named: name, evaluator)
    }
    return LocalTime(try instant(list, place), in: zone)
  }

  private static func instant(_ list: [RegoValue], _ place: Int) throws -> Int64 {
    var time = list[place]
    if case .array(let parts) = time, parts.count >= 2 { time = parts[0] }
    guard case .number(let number) = time else {
      throw Argument.fault(place, "either number (ns) or [number (ns), string (tz)]", list[place])
    }
    guard let whole = number.int else { throw EvaluationError(.builtIn, "timestamp too big") }
    return Int64(whole)
  }

  private static func rfc3339(_ text: String) throws -> Int64 {
    let bytes = Array(text.utf8)
    func fault() -> EvaluationError { EvaluationError(.builtIn, "parsing time \"\(text)\": not RFC 3339") }
    func number(_ range: Range<Int>) throws -> Int64 {
      guard range.upperBound <= bytes.count, bytes[range].allSatisfy({ Lexer.isDigit($0) }),
        let value = Int64(String(decoding: bytes[range], as: UTF8.self))
      else { throw fault() }
      return value
    }
    guard bytes.count >= 20, bytes[4] == UInt8(ascii: "-"), bytes[7] == UInt8(ascii: "-"),
      bytes[10] | 0x20 == UInt8(ascii: "t"),
      bytes[13] == UInt8(ascii: ":"), bytes[16] == UInt8(ascii: ":")
    else { throw fault() }
    guard let date = CivilDate(year: try number(0..<4), month: try number(5..<7), day: try number(8..<10)) else {
      throw fault()
    }
    let (hour, minute, seconds) = (try number(11..<13), try number(14..<16), try number(17..<19))
    guard hour < 24, minute < 60, seconds < 60 else { throw fault() }
    var at = 19
    var nanoseconds: Int64 = 0
    if bytes[at] == UInt8(ascii: ".") {
      let start = at + 1
      at = start
      while at < bytes.count, Lexer.isDigit(bytes[at]) { at += 1 }
      guard at > start else { throw fault() }
      let digits = String(decoding: bytes[start..<min(at, start + 9)], as: UTF8.self)
      nanoseconds = Int64(digits + String(repeating: "0", count: 9 - digits.utf8.count)) ?? 0
    }
    guard at < bytes.count else { throw fault() }
    var offset: Int64 = 0
    if bytes[at] | 0x20 == UInt8(ascii: "z") {
      at += 1
    } else {
      guard bytes[at] == UInt8(ascii: "+") || bytes[at] == UInt8(ascii: "-"), at + 6 <= bytes.count,
        bytes[at + 3] == UInt8(ascii: ":")
      else { throw fault() }
      offset = (try number((at + 1)..<(at + 3)) * 60 + (try number((at + 4)..<(at + 6)))) * 60
      if bytes[at] == UInt8(ascii: "-") { offset = -offset }
      at += 6
    }
    guard at == bytes.count else { throw fault() }
    return try LocalTime.instant(
      day: date.daysSince1970, seconds: hour * 3600 + minute * 60 + seconds - offset, nanoseconds: nanoseconds)
  }

  private static func duration(_ text: String) throws -> Int128 {
    func fault() -> EvaluationError { EvaluationError(.builtIn, "time: invalid duration \"\(text)\"") }
    let units: [(String, Double)] = [
      ("ns", 1), ("us", 1e3), ("µs", 1e3), ("ms", 1e6), ("s", 1e9), ("m", 60e9), ("h", 3600e9),
    ]
    var rest = Substring(text)
    let isNegative = rest.first == "-"
    if rest.first == "-" || rest.first == "+" { rest.removeFirst() }
    if rest == "0" { return 0 }
    guard !rest.isEmpty else { throw fault() }
    var sum = 0.0
    while !rest.isEmpty {
      let digits = rest.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
      guard !digits.isEmpty, let amount = Double(digits) else { throw fault() }
      rest = rest.dropFirst(digits.count)
      let name = rest.prefix { !($0.isASCII && ($0.isNumber || $0 == ".")) }
      guard let unit = units.first(where: { $0.0 == name }) else { throw fault() }
      sum += amount * unit.1
      rest = rest.dropFirst(name.count)
    }
    guard sum < 9.2e18 else { throw fault() }
    return Int128(sum.rounded()) * (isNegative ? -1 : 1)
  }
}
