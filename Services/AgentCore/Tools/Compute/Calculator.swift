/// Arithmetic for models, which are bad at it. Pure and bounded.
///
/// Grammar, from the loosest to the tightest: `+ -`, `* / %`, sign, `^` or `**` (from the right), then numbers, names
/// of constants, calls of functions and parentheses.
struct Calculator {
  static let bytesMax = 1000
  private static let depthMax = 50
  private static let argumentsMax = 200

  private let text: [UInt8]
  private var position = 0
  private var depth = 0
  /// What is wrong, when it is more than the form.
  private var fault: String?

  /// The value of an expression as text, or what is wrong with it.
  static func evaluate(_ expression: String) -> Result<String, CalculatorError> {
    guard expression.utf8.count <= bytesMax else { return .failure(CalculatorError("the expression is too long")) }
    var calculator = Calculator(text: Array(expression.utf8))
    let value = calculator.sum()
    calculator.skipBlanks()
    guard let value, calculator.position == calculator.text.count else {
      return .failure(CalculatorError(calculator.fault ?? "not an arithmetic expression"))
    }
    guard let written = value.written else { return .failure(CalculatorError("no finite result")) }
    return .success(written)
  }

  private init(text: [UInt8]) { self.text = text }

  // MARK: Reading

  private mutating func skipBlanks() {
    while position < text.count, [0x20, 0x09, 0x0A, 0x0D].contains(text[position]) { position += 1 }
  }

  private mutating func take(_ token: StaticString) -> Bool {
    skipBlanks()
    let count = token.utf8CodeUnitCount
    guard position + count <= text.count else { return false }
    for offset in 0..<count where text[position + offset] != token.utf8Start[offset] { return false }
    position += count
    return true
  }

  private mutating func takeWhile(_ isPart: (UInt8) -> Bool) -> ArraySlice<UInt8> {
    let start = position
    while position < text.count, isPart(text[position]) { position += 1 }
    return text[start..<position]
  }

  // MARK: Grammar

  private mutating func sum() -> CalculatorNumber? {
    guard depth < Calculator.depthMax else {
      fault = "the expression is nested too deeply"
      return nil
    }
    depth += 1
    defer { depth -= 1 }
    guard var value = product() else { return nil }
    while true {
      if take("+") {
        guard let next = product() else { return nil }
        value = value + next
      } else if take("-") {
        guard let next = product() else { return nil }
        value = value - next
      } else {
        return value
      }
    }
  }

  private mutating func product() -> CalculatorNumber? {
    guard var value = signed() else { return nil }
    while true {
      if take("**") { return nil }
      if take("*") {
        guard let next = signed() else { return nil }
        value = value * next
      } else if take("/") {
        guard let next = signed() else { return nil }
        value = value / next
      } else if take("%") {
        guard let next = signed() else { return nil }
        value = value.remainder(of: next)
      } else {
        return value
      }
    }
  }

  private mutating func signed() -> CalculatorNumber? {
    guard depth < Calculator.depthMax else {
      fault = "the expression is nested too deeply"
      return nil
    }
    depth += 1
    defer { depth -= 1 }
    if take("-") { return signed().map { CalculatorNumber.whole(0) - $0 } }
    if take("+") { return signed() }
    guard let base = primary() else { return nil }
    guard take("^") || take("**") else { return base }
    return signed().map { base.power($0) }
  }

  private mutating func primary() -> CalculatorNumber? {
    skipBlanks()
    if take("(") {
      guard let value = sum(), take(")") else { return nil }
      return value
    }
    guard position < text.count else { return nil }
    let byte = text[position]
    if CalculatorNumber.isDigit(byte) || byte == UInt8(ascii: ".") { return number() }
    guard (byte | 0x20) >= UInt8(ascii: "a"), (byte | 0x20) <= UInt8(ascii: "z") else { return nil }
    let name = String(
      decoding: takeWhile { CalculatorNumber.isDigit($0) || (0x61...0x7A).contains($0 | 0x20) || $0 == 0x5F },
      as: UTF8.self
    ).lowercased()
    if let constant = CalculatorFunctions.constants[name] { return .real(constant) }
    guard take("(") else {
      fault = "\"\(name)\" is no constant"
      return nil
    }
    var arguments: [CalculatorNumber] = []
    repeat {
      guard arguments.count < Calculator.argumentsMax, let argument = sum() else { return nil }
      arguments.append(argument)
    } while take(",")
    guard take(")") else { return nil }
    guard let value = CalculatorFunctions.call(name, arguments) else {
      fault = "there is no function \(name) of \(arguments.count) argument(s)"
      return nil
    }
    return value
  }

  private mutating func number() -> CalculatorNumber? {
    let start = position
    _ = takeWhile { CalculatorNumber.isDigit($0) || $0 == UInt8(ascii: ".") }
    if position < text.count, text[position] | 0x20 == UInt8(ascii: "e") {
      let before = position
      position += 1
      if position < text.count, text[position] == UInt8(ascii: "+") || text[position] == UInt8(ascii: "-") {
        position += 1
      }
      // Without digits it is a name, and then no number.
      if takeWhile(CalculatorNumber.isDigit).isEmpty { position = before }
    }
    let written = String(decoding: text[start..<position], as: UTF8.self)
    if let whole = Int128(written) { return .whole(whole) }
    return Double(written).map { .real($0) }
  }
}

/// What is wrong with an expression.
struct CalculatorError: Error, Hashable, Sendable {
  let message: String

  init(_ message: String) { self.message = message }
}
