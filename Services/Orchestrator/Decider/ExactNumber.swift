/// A decimal number of any length, as it is written: compared digit by digit, never rounded.
struct ExactNumber: Hashable, Comparable, Sendable {
  /// Exponents beyond this are all the same; no text that is compared has as many digits.
  private static let exponentMax = 1_000_000_000

  private let isNegative: Bool
  /// Without zeros at either end; empty for zero.
  private let digits: [UInt8]
  /// The power of ten of the first digit.
  private let exponent: Int

  /// Reads a number as JSON writes it; `nil` for anything else.
  init?(_ text: String) {
    var rest = text.utf8[...]
    let isNegative = rest.first == UInt8(ascii: "-")
    if isNegative { rest = rest.dropFirst() }
    var digits: [UInt8] = []
    var before = 0
    var isFraction = false
    while let byte = rest.first, byte != UInt8(ascii: "e"), byte != UInt8(ascii: "E") {
      rest = rest.dropFirst()
      if byte == UInt8(ascii: "."), !isFraction {
        isFraction = true
        continue
      }
      guard byte &- 48 < 10 else { return nil }
      digits.append(byte - 48)
      if !isFraction { before += 1 }
    }
    guard before > 0 else { return nil }
    var shift = 0
    if !rest.isEmpty {
      guard let written = ExactNumber.exponent(rest.dropFirst()) else { return nil }
      shift = written
    }
    let leading = digits.prefix { $0 == 0 }.count
    digits.removeFirst(leading)
    while digits.last == 0 { digits.removeLast() }
    self.digits = digits
    self.isNegative = isNegative && !digits.isEmpty
    exponent = digits.isEmpty ? 0 : before - leading + shift
  }

  /// Digits with a sign; beyond the bound, the bound.
  private static func exponent(_ text: Substring.UTF8View) -> Int? {
    var rest = text
    let isNegative = rest.first == UInt8(ascii: "-")
    if isNegative || rest.first == UInt8(ascii: "+") { rest = rest.dropFirst() }
    guard !rest.isEmpty, rest.allSatisfy({ $0 &- 48 < 10 }) else { return nil }
    let size = rest.reduce(0) { min(exponentMax, $0 * 10 + Int($1 - 48)) }
    return isNegative ? -size : size
  }

  static func < (left: ExactNumber, right: ExactNumber) -> Bool {
    if left.sign != right.sign { return left.sign < right.sign }
    return left.isNegative ? right.isSmallerInSize(than: left) : left.isSmallerInSize(than: right)
  }

  private var sign: Int { digits.isEmpty ? 0 : isNegative ? -1 : 1 }

  private func isSmallerInSize(than other: ExactNumber) -> Bool {
    exponent == other.exponent ? digits.lexicographicallyPrecedes(other.digits) : exponent < other.exponent
  }
}
