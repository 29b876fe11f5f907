public import JSON

/// Counts as workers report them. They come from providers, who may say anything: what was paid is recorded all the
/// same, with the nearest number that can be stored.
public struct ReportedCounts: Sendable {
  /// Names of numbers that were changed.
  public private(set) var corrected: [String] = []

  /// Begins without any.
  public init() {}

  /// Reads a count; 0 when there is none. What is no number is noted as a fault.
  public mutating func read(_ name: String, _ fields: inout JSONFields) -> Int64 {
    guard let view = fields.value(name) else { return 0 }
    guard view.kind == .number else {
      fields.note(name, .type, "A number is expected.")
      return 0
    }
    let max = WorkerLimits.countMax
    if let whole = view.int, (0...max).contains(whole) { return whole }
    corrected.append(name)
    if let whole = view.int { return whole < 0 ? 0 : max }
    // A fraction, or beyond all whole numbers.
    let isNegative = view.rawBytes.first == UInt8(ascii: "-")
    guard let number = view.double else { return isNegative ? 0 : max }
    return number <= 0 ? 0 : number >= Double(max) ? max : Int64(number)
  }
}

extension JSONFields {
  /// Reads text that is stored as far as it fits: cut at `bytesMax` bytes between two scalars, without U+0000.
  mutating func storableText(_ name: String, bytesMax: Int) -> String {
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
