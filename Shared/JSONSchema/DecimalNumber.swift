internal import JSON

/// A number exactly as it is written: `1`, `1.0` and `10e-1` are the same value. Never rounded, so that bounds and
/// multiples hold for numbers that no floating-point type can tell apart.
struct DecimalNumber: Hashable, Sendable {
  /// Exponents beyond this are taken for this one; nothing that small or large is written by anybody who means it.
  private static let exponentMax = 1 << 40

  let isNegative: Bool
  /// From the most significant, without zeros at either end; none for zero.
  let digits: [UInt8]
  /// The value is the digits as a whole number times ten to this power.
  let exponent: Int

  /// Reads a number of a document; `nil` for other kinds.
  init?(_ view: JSONView) {
    guard view.kind == .number else { return nil }
    var digits: [UInt8] = []
    var exponent = 0
    var isNegative = false
    var isFraction = false
    var written = view.rawBytes
    if written.first == UInt8(ascii: "-") {
      isNegative = true
      written = written.dropFirst()
    }
    while let byte = written.first {
      written = written.dropFirst()
      switch byte {
      case UInt8(ascii: "."): isFraction = true
      case UInt8(ascii: "e"), UInt8(ascii: "E"):
        exponent += DecimalNumber.exponent(written)
        written = []
      default:
        if byte != UInt8(ascii: "0") || !digits.isEmpty { digits.append(byte &- UInt8(ascii: "0")) }
        if isFraction { exponent -= 1 }
      }
    }
    while digits.last == 0 {
      digits.removeLast()
      exponent += 1
    }
    self.digits = digits
    self.exponent = digits.isEmpty ? 0 : exponent
    self.isNegative = isNegative && !digits.isEmpty
  }

  private static func exponent(_ text: ArraySlice<UInt8>) -> Int {
    var value = 0
    for byte in text where byte &- 48 < 10 { value = min(value * 10 + Int(byte - 48), exponentMax) }
    return text.first == UInt8(ascii: "-") ? -value : value
  }

  /// Whether there is no fraction.
  var isInteger: Bool { exponent >= 0 }

  /// The value when it is a whole number from zero that fits.
  var count: Int? {
    guard !isNegative, exponent >= 0, digits.count + exponent <= 18 else { return digits.isEmpty ? 0 : nil }
    let value = digits.reduce(0) { $0 * 10 + Int($1) }
    return (0..<exponent).reduce(value) { sum, _ in sum * 10 }
  }

  /// By value.
  static func < (left: DecimalNumber, right: DecimalNumber) -> Bool {
    if left.isNegative != right.isNegative { return left.isNegative }
    return left.isNegative ? right.isSmaller(than: left) : left.isSmaller(than: right)
  }

  private func isSmaller(than other: DecimalNumber) -> Bool {
    if digits.isEmpty || other.digits.isEmpty { return digits.isEmpty && !other.digits.isEmpty }
    let magnitude = digits.count + exponent
    let otherMagnitude = other.digits.count + other.exponent
    if magnitude != otherMagnitude { return magnitude < otherMagnitude }
    // Without zeros at the end, the shorter one is smaller where the digits agree.
    return digits.lexicographicallyPrecedes(other.digits)
  }

  /// A divisor of up to 18 digits.
  struct Divisor: Hashable, Sendable {
    let mantissa: UInt64
    let exponent: Int

    /// `nil` for zero, negative numbers, and those with more digits.
    init?(_ number: DecimalNumber) {
      guard !number.isNegative, !number.digits.isEmpty, number.digits.count <= 18 else { return nil }
      mantissa = number.digits.reduce(0) { $0 * 10 + UInt64($1) }
      exponent = number.exponent
    }
  }

  /// Whether the value is a whole multiple.
  func isMultiple(of divisor: Divisor) -> Bool {
    if digits.isEmpty { return true }
    // The digits do not end with zero, so no power of ten divides them.
    guard exponent >= divisor.exponent else { return false }
    var rest: UInt64 = 0
    for digit in digits { rest = DecimalNumber.multiply(rest, 10, digit, modulo: divisor.mantissa) }
    var power = exponent - divisor.exponent
    var base: UInt64 = 10 % divisor.mantissa
    while power > 0 {
      if power & 1 == 1 { rest = DecimalNumber.multiply(rest, base, 0, modulo: divisor.mantissa) }
      base = DecimalNumber.multiply(base, base, 0, modulo: divisor.mantissa)
      power >>= 1
    }
    return rest == 0
  }

  /// `left * right + addend`; `left` and `right` or ten are less than the modulus or small, so that nothing overflows.
  private static func multiply(_ left: UInt64, _ right: UInt64, _ addend: UInt8, modulo: UInt64) -> UInt64 {
    let (high, low) = left.multipliedFullWidth(by: right)
    let (sum, carry) = low.addingReportingOverflow(UInt64(addend))
    let upper = (high &+ (carry ? 1 : 0)) % modulo
    return modulo.dividingFullWidth((upper, sum)).remainder
  }
}
