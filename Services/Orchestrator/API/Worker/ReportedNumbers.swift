package import JSON

/// Numbers of calls as workers report them. They come from providers, who may say anything: what was paid is recorded
/// all the same, with the nearest number that can be stored.
package struct ReportedNumbers {
  /// Largest count: up to here every JSON reader knows whole numbers exactly.
  private static let max: Int64 = 1 << 53

  /// Names of numbers that were changed.
  package private(set) var changed: [String] = []

  /// Nothing was changed yet.
  package init() {}

  /// A count; 0 when there is none. What is no number is noted as a fault.
  package mutating func count(_ name: String, _ fields: inout JSONFields) -> Int64 {
    guard let view = fields.value(name) else { return 0 }
    guard view.kind == .number else {
      fields.note(name, .type, "A number is expected.")
      return 0
    }
    if let whole = view.int, (0...ReportedNumbers.max).contains(whole) { return whole }
    changed.append(name)
    if let whole = view.int { return whole < 0 ? 0 : ReportedNumbers.max }
    // A fraction, or beyond all whole numbers.
    let isNegative = view.rawBytes.first == UInt8(ascii: "-")
    guard let number = view.double else { return isNegative ? 0 : ReportedNumbers.max }
    return number <= 0 ? 0 : number >= Double(ReportedNumbers.max) ? ReportedNumbers.max : Int64(number)
  }
}

extension JSONFields {
  /// Text that is stored as far as it fits: cut at `bytesMax` bytes between two characters, without U+0000.
  package mutating func storable(_ name: String, bytesMax: Int) -> String {
    guard let view = value(name, isRequired: true) else { return "" }
    guard let text = view.string else {
      note(name, .type, "A string is expected.")
      return ""
    }
    guard text.utf8.count > bytesMax || text.utf8.contains(0) else { return text }
    var cut = String.UnicodeScalarView()
    var bytes = 0
    for scalar in text.unicodeScalars {
      let next = scalar.value == 0 ? "\u{FFFD}" : scalar
      bytes += UTF8.width(next)
      guard bytes <= bytesMax else { break }
      cut.append(next)
    }
    return String(cut)
  }
}
