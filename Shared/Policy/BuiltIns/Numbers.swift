internal import Glibc

extension BuiltIns {
  static let comparisons: [BuiltIn] = [
    BuiltIn("equal", 2) { list, _ in .bool(list[0] == list[1]) },
    BuiltIn("neq", 2) { list, _ in .bool(list[0] != list[1]) },
    BuiltIn("lt", 2) { list, _ in .bool(list[0] < list[1]) },
    BuiltIn("lte", 2) { list, _ in .bool(!(list[1] < list[0])) },
    BuiltIn("gt", 2) { list, _ in .bool(list[1] < list[0]) },
    BuiltIn("gte", 2) { list, _ in .bool(!(list[0] < list[1])) },
    BuiltIn("internal.member_2", 2) { list, _ in .bool(contains(list[1], list[0])) },
    BuiltIn("internal.member_3", 3) { list, _ in
      switch list[2] {
      case .array, .object: .bool(Evaluator.element(list[2], list[0]) == list[1])
      case .set(let set): .bool(list[0] == list[1] && set.contains(list[1]))
      default: .bool(false)
      }
    },
  ]

  private static func contains(_ collection: RegoValue, _ value: RegoValue) -> Bool {
    switch collection {
    case .array(let list): list.contains(value)
    case .object(let object): object.values.contains(value)
    case .set(let set): set.contains(value)
    default: false
    }
  }

  static let numbers: [BuiltIn] = [
    BuiltIn("plus", 2) { list, _ in
      try arithmetic(list, { $0.addingReportingOverflow($1) }) { $0 + $1 }
    },
    BuiltIn("minus", 2) { list, _ in
      if case .set(let left) = list[0] {
        let right = try Argument.set(list, 1)
        return .set(RegoSet(left.elements.filter { !right.contains($0) }))
      }
      if case .set = list[1] { throw Argument.fault(0, "set", list[0]) }
      return try arithmetic(list, { $0.subtractingReportingOverflow($1) }) { $0 - $1 }
    },
    BuiltIn("mul", 2) { list, _ in try arithmetic(list, { $0.multipliedReportingOverflow(by: $1) }) { $0 * $1 } },
    BuiltIn("div", 2) { list, _ in
      let (a, b) = (try Argument.number(list, 0), try Argument.number(list, 1))
      guard b.double != 0 else { throw EvaluationError(.builtIn, "divide by zero") }
      if let left = a.whole, let right = b.whole, !(left == .min && right == -1), left % right == 0 {
        return .number(.int(left / right))
      }
      return .number(RegoNumber(a.double / b.double))
    },
    BuiltIn("rem", 2) { list, _ in
      let (a, b) = (try Argument.number(list, 0), try Argument.number(list, 1))
      guard let left = a.whole, let right = b.whole else {
        throw EvaluationError(.builtIn, "modulo on floating-point number")
      }
      guard right != 0 else { throw EvaluationError(.builtIn, "modulo by zero") }
      return .number(.int(right == -1 ? 0 : left % right))
    },
    BuiltIn("abs", 1) { list, _ in
      let number = try Argument.number(list, 0)
      if let whole = number.whole, whole != .min { return .number(.int(abs(whole))) }
      return .number(RegoNumber(abs(number.double)))
    },
    BuiltIn("round", 1) { list, _ in try rounded(list) { $0.rounded(.toNearestOrAwayFromZero) } },
    BuiltIn("ceil", 1) { list, _ in try rounded(list) { $0.rounded(.up) } },
    BuiltIn("floor", 1) { list, _ in try rounded(list) { $0.rounded(.down) } },
    BuiltIn("numbers.range", 2) { list, evaluator in
      try range(try bound(list, 0), try bound(list, 1), step: 1, evaluator)
    },
    BuiltIn("numbers.range_step", 3) { list, evaluator in
      let step = try bound(list, 2)
      guard step > 0 else { throw EvaluationError(.builtIn, "step must be a positive number above zero") }
      return try range(try bound(list, 0), try bound(list, 1), step: step, evaluator)
    },
    BuiltIn("to_number", 1) { list, _ in
      switch list[0] {
      case .null: return .int(0)
      case .bool(let value): return .int(value ? 1 : 0)
      case .number: return list[0]
      case .string(let text):
        let word = text.lowercased().drop { $0 == "-" || $0 == "+" }
        guard !["nan", "inf", "infinity"].contains(word) else {
          throw EvaluationError(.type, "operand 1 must be valid number but got string")
        }
        guard isNumber(text), let number = RegoNumber(text) else { throw EvaluationError(.builtIn, "invalid syntax") }
        return .number(number)
      default: throw Argument.fault(0, "one of {null, boolean, number, string}", list[0])
      }
    },
    BuiltIn("format_int", 2) { list, _ in
      let number = try Argument.number(list, 0)
      let base = try Argument.number(list, 1).int ?? 0
      guard [2, 8, 10, 16].contains(base) else {
        throw EvaluationError(.type, "operand 2 must be one of {2, 8, 10, 16}")
      }
      guard let whole = number.whole ?? Int128(exactly: number.double.rounded(.down)) else {
        throw EvaluationError(.builtIn, "number is too large")
      }
      return .string(String(whole, radix: base))
    },
  ]

  /// Whether a text is a number as JSON has it.
  static func isNumber(_ text: String) -> Bool {
    var bytes = Substring(text).utf8[...]
    if bytes.first == UInt8(ascii: "-") { bytes = bytes.dropFirst() }
    guard let first = bytes.first, Lexer.isDigit(first) else { return false }
    return bytes.allSatisfy { byte in
      Lexer.isDigit(byte)
        || [UInt8(ascii: "."), UInt8(ascii: "e"), UInt8(ascii: "E"), UInt8(ascii: "+"), UInt8(ascii: "-")].contains(
          byte)
    }
  }

  private static func arithmetic(
    _ list: [RegoValue], _ exact: (Int128, Int128) -> (partialValue: Int128, overflow: Bool),
    _ rough: (Double, Double) -> Double
  ) throws -> RegoValue {
    let (a, b) = (try Argument.number(list, 0), try Argument.number(list, 1))
    if let left = a.whole, let right = b.whole {
      let result = exact(left, right)
      if !result.overflow { return .number(.int(result.partialValue)) }
    }
    let value = rough(a.double, b.double)
    guard value.isFinite else { throw EvaluationError(.builtIn, "the result is too large") }
    return .number(RegoNumber(value))
  }

  private static func rounded(_ list: [RegoValue], _ round: (Double) -> Double) throws -> RegoValue {
    let number = try Argument.number(list, 0)
    return .number(number.whole.map { .int($0) } ?? RegoNumber(round(number.double)))
  }

  private static func bound(_ list: [RegoValue], _ place: Int) throws -> Int128 {
    let number = try Argument.number(list, place)
    guard let whole = number.whole else {
      throw EvaluationError(.type, "operand \(place + 1) must be integer number but got floating-point number")
    }
    return whole
  }

  private static func range(_ from: Int128, _ to: Int128, step: Int128, _ evaluator: Evaluator) throws -> RegoValue {
    let (distance, overflow) = (from > to ? from : to).subtractingReportingOverflow(from > to ? to : from)
    guard !overflow, distance / step < Int128(evaluator.limits.elementsMax) else {
      throw EvaluationError(.limit, "a range has more than \(evaluator.limits.elementsMax) elements")
    }
    var values: [RegoValue] = []
    var value = from
    while from <= to ? value <= to : value >= to {
      values.append(.number(.int(value)))
      value += from <= to ? step : -step
    }
    return .array(values)
  }

  static let bits: [BuiltIn] = [
    BuiltIn("bits.and", 2) { list, _ in .number(.int(try bound(list, 0) & (try bound(list, 1)))) },
    BuiltIn("bits.or", 2) { list, _ in .number(.int(try bound(list, 0) | (try bound(list, 1)))) },
    BuiltIn("bits.xor", 2) { list, _ in .number(.int(try bound(list, 0) ^ (try bound(list, 1)))) },
    BuiltIn("bits.negate", 1) { list, _ in .number(.int(~(try bound(list, 0)))) },
    BuiltIn("bits.lsh", 2) { list, _ in
      let (value, count) = (try bound(list, 0), try bound(list, 1))
      guard count >= 0 else {
        throw EvaluationError(.type, "operand 2 must be an unsigned integer number but got a negative integer")
      }
      guard count < 127, value == 0 || value.magnitude.leadingZeroBitCount > Int(count) else {
        throw EvaluationError(.builtIn, "the result is too large")
      }
      return .number(.int(value << count))
    },
    BuiltIn("bits.rsh", 2) { list, _ in
      let (value, count) = (try bound(list, 0), try bound(list, 1))
      guard count >= 0 else {
        throw EvaluationError(.type, "operand 2 must be an unsigned integer number but got a negative integer")
      }
      return .number(.int(value >> min(count, 127)))
    },
  ]

  static let aggregates: [BuiltIn] = [
    BuiltIn("count", 1) { list, _ in
      switch list[0] {
      case .array(let elements): return .int(elements.count)
      case .object(let object): return .int(object.count)
      case .set(let set): return .int(set.count)
      case .string(let text): return .int(text.unicodeScalars.count)
      default: throw Argument.fault(0, "one of {array, object, set, string}", list[0])
      }
    },
    BuiltIn("sum", 1) { list, _ in
      try fold(list, .int(0)) { try arithmetic([$0, $1], { $0.addingReportingOverflow($1) }) { $0 + $1 } }
    },
    BuiltIn("product", 1) { list, _ in
      try fold(list, .int(1)) { try arithmetic([$0, $1], { $0.multipliedReportingOverflow(by: $1) }) { $0 * $1 } }
    },
    BuiltIn("max", 1) { list, _ in try Argument.elements(list, 0).max() },
    BuiltIn("min", 1) { list, _ in try Argument.elements(list, 0).min() },
    BuiltIn("sort", 1) { list, _ in .array(try Argument.elements(list, 0).sorted()) },
    BuiltIn("all", 1) { list, _ in .bool(try Argument.elements(list, 0).allSatisfy { $0 == .bool(true) }) },
    BuiltIn("any", 1) { list, _ in .bool(try Argument.elements(list, 0).contains(.bool(true))) },
  ]

  private static func fold(
    _ list: [RegoValue], _ first: RegoValue, _ add: (RegoValue, RegoValue) throws -> RegoValue
  ) throws -> RegoValue {
    try Argument.elements(list, 0).reduce(first) { sum, element in
      guard case .number = element else {
        throw EvaluationError(.type, "operand 1 must be array of numbers but got \(element.typeName)")
      }
      return try add(sum, element)
    }
  }
}
