/// Arithmetic for models, which are bad at it: numbers, + - * / and parentheses, nothing else. Pure and bounded.
struct Calculator {
  private static let bytesMax = 1000
  private static let depthMax = 50

  private let text: [UInt8]
  private var position = 0
  private var depth = 0

  /// The value of an expression as text, or what is wrong with it.
  static func evaluate(_ expression: String) -> String {
    guard expression.utf8.count <= bytesMax else { return "error: the expression is too long" }
    var calculator = Calculator(text: expression.utf8.filter { $0 != 0x20 })
    guard let value = calculator.sum(), calculator.position == calculator.text.count else {
      return "error: not an arithmetic expression"
    }
    guard value.isFinite else { return "error: no finite result" }
    return value == value.rounded() && abs(value) < 1e15 ? String(Int64(value)) : value.description
  }

  private init(text: [UInt8]) { self.text = text }

  private func peek() -> UInt8? { position < text.count ? text[position] : nil }

  private mutating func take(_ byte: Character) -> Bool {
    guard peek() == byte.asciiValue else { return false }
    position += 1
    return true
  }

  private mutating func sum() -> Double? {
    guard var value = product() else { return nil }
    while true {
      if take("+") {
        guard let next = product() else { return nil }
        value += next
      } else if take("-") {
        guard let next = product() else { return nil }
        value -= next
      } else {
        return value
      }
    }
  }

  private mutating func product() -> Double? {
    guard var value = factor() else { return nil }
    while true {
      if take("*") {
        guard let next = factor() else { return nil }
        value *= next
      } else if take("/") {
        guard let next = factor() else { return nil }
        value /= next
      } else {
        return value
      }
    }
  }

  private mutating func factor() -> Double? {
    guard depth < Calculator.depthMax else { return nil }
    depth += 1
    defer { depth -= 1 }
    if take("-") { return factor().map { -$0 } }
    if take("(") {
      guard let value = sum(), take(")") else { return nil }
      return value
    }
    let start = position
    while let byte = peek(), (48...57).contains(byte) || byte == 46 { position += 1 }
    return Double(String(decoding: text[start..<position], as: UTF8.self))
  }
}
