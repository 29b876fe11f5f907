internal import Glibc

/// A number of the calculator: whole ones are exact as long as they fit 38 digits, others have the precision of
/// `Double`.
enum CalculatorNumber: Sendable {
  case whole(Int128)
  case real(Double)

  /// Whole powers with larger exponents are computed as real ones.
  private static let exponentMax: Int128 = 1024
  /// Digits that a real number is written with.
  private static let digitsMax = 15.0

  static func isDigit(_ byte: UInt8) -> Bool { byte &- 48 < 10 }

  var real: Double {
    switch self {
    case .whole(let value): Double(value)
    case .real(let value): value
    }
  }

  static func + (left: CalculatorNumber, right: CalculatorNumber) -> CalculatorNumber {
    exactly(left, right) { $0.addingReportingOverflow($1) } ?? .real(left.real + right.real)
  }

  static func - (left: CalculatorNumber, right: CalculatorNumber) -> CalculatorNumber {
    exactly(left, right) { $0.subtractingReportingOverflow($1) } ?? .real(left.real - right.real)
  }

  static func * (left: CalculatorNumber, right: CalculatorNumber) -> CalculatorNumber {
    exactly(left, right) { $0.multipliedReportingOverflow(by: $1) } ?? .real(left.real * right.real)
  }

  static func / (left: CalculatorNumber, right: CalculatorNumber) -> CalculatorNumber {
    if case .whole(let dividend) = left, case .whole(let divisor) = right, divisor != 0,
      !dividend.remainderReportingOverflow(dividingBy: divisor).overflow, dividend % divisor == 0
    {
      return .whole(dividend / divisor)
    }
    return .real(left.real / right.real)
  }

  /// The rest of a division, with the sign of the divisor.
  func remainder(of divisor: CalculatorNumber) -> CalculatorNumber {
    if case .whole(let left) = self, case .whole(let right) = divisor, right != 0,
      !left.remainderReportingOverflow(dividingBy: right).overflow
    {
      let rest = left % right
      return .whole(rest != 0 && (rest < 0) != (right < 0) ? rest + right : rest)
    }
    let (left, right) = (real, divisor.real)
    let rest = fmod(left, right)
    return .real(rest != 0 && (rest < 0) != (right < 0) ? rest + right : rest)
  }

  func power(_ exponent: CalculatorNumber) -> CalculatorNumber {
    if case .whole(let base) = self, case .whole(let count) = exponent,
      (0...CalculatorNumber.exponentMax).contains(count)
    {
      var result: Int128 = 1
      var isExact = true
      for _ in 0..<Int(count) {
        let (product, overflow) = result.multipliedReportingOverflow(by: base)
        if overflow {
          isExact = false
          break
        }
        result = product
      }
      if isExact { return .whole(result) }
    }
    return .real(pow(real, exponent.real))
  }

  /// Both exactly, or nothing.
  private static func exactly(
    _ left: CalculatorNumber, _ right: CalculatorNumber, _ operation: (Int128, Int128) -> (Int128, Bool)
  ) -> CalculatorNumber? {
    guard case .whole(let left) = left, case .whole(let right) = right else { return nil }
    let (value, overflow) = operation(left, right)
    return overflow ? nil : .whole(value)
  }

  /// As text; `nil` when it is not finite.
  var written: String? {
    switch self {
    case .whole(let value): return value.description
    case .real(let value):
      guard value.isFinite else { return nil }
      let short = CalculatorNumber.shortened(value)
      if abs(short) < 1e15, let whole = Int64(exactly: short) { return whole.description }
      return short.description
    }
  }

  /// The nearest number of 15 digits when it is shorter: 0.3 for 0.1 + 0.2.
  private static func shortened(_ value: Double) -> Double {
    guard value != 0, abs(value) > 1e-300, abs(value) < 1e300 else { return value }
    let places = digitsMax - ceil(log10(abs(value)))
    guard abs(places) < 290 else { return value }
    let scale = pow(10, places)
    let rounded = (value * scale).rounded() / scale
    return rounded.isFinite && rounded.description.utf8.count < value.description.utf8.count ? rounded : value
  }
}

/// What the calculator knows by name.
enum CalculatorFunctions {
  static let constants: [String: Double] = ["pi": .pi, "e": M_E]

  /// The value of a function; `nil` when there is none of that name and count of arguments.
  static func call(_ name: String, _ arguments: [CalculatorNumber]) -> CalculatorNumber? {
    guard let first = arguments.first else { return nil }
    switch name {
    case "min": return arguments.dropFirst().reduce(first) { $1.real < $0.real ? $1 : $0 }
    case "max": return arguments.dropFirst().reduce(first) { $1.real > $0.real ? $1 : $0 }
    case "sum": return arguments.dropFirst().reduce(first) { $0 + $1 }
    case "mean": return arguments.dropFirst().reduce(first) { $0 + $1 } / .whole(Int128(arguments.count))
    case "mod" where arguments.count == 2: return first.remainder(of: arguments[1])
    case "pow" where arguments.count == 2: return first.power(arguments[1])
    case "round" where arguments.count == 2:
      guard case .whole(let places) = arguments[1], (-15...15).contains(places) else { return .real(.nan) }
      let scale = Glibc.pow(10, Double(places))
      return .real((first.real * scale).rounded() / scale)
    default: break
    }
    guard arguments.count == 1 else { return nil }
    if case .whole(let value) = first {
      switch name {
      case "abs": return value < 0 ? .whole(0) - first : first
      case "round", "floor", "ceil": return first
      default: break
      }
    }
    let value = first.real
    switch name {
    case "sqrt": return .real(value.squareRoot())
    case "abs": return .real(abs(value))
    case "round": return .real(value.rounded())
    case "floor": return .real(value.rounded(.down))
    case "ceil": return .real(value.rounded(.up))
    case "ln": return .real(log(value))
    case "log10": return .real(Glibc.log10(value))
    case "log2": return .real(Glibc.log2(value))
    case "exp": return .real(Glibc.exp(value))
    case "sin": return .real(Glibc.sin(value))
    case "cos": return .real(Glibc.cos(value))
    case "tan": return .real(Glibc.tan(value))
    default: return nil
    }
  }
}
