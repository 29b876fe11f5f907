/// Sizes in bytes as people write them.
enum ByteSize {
  /// Largest first, so that rendering finds the largest exact unit. The decimal ones are only read.
  private static let binaryUnits: [(name: String, bytes: Int)] = [
    ("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10),
  ]
  private static let decimalUnits: [(name: String, bytes: Int)] = [
    ("GB", 1_000_000_000), ("MB", 1_000_000), ("KB", 1000), ("B", 1),
  ]

  /// `65536`, `64KiB` or `64 KiB`; `nil` for anything else and for what does not fit 64 bits.
  static func parse(_ text: String) -> Int? {
    let digits = text.prefix { ("0"..."9").contains($0) }
    guard let number = Int(digits) else { return nil }
    let unit = text[digits.endIndex...].trimmingBlanks
    if unit.isEmpty { return number }
    guard let factor = (binaryUnits + decimalUnits).first(where: { $0.name == unit })?.bytes else { return nil }
    let (product, overflow) = number.multipliedReportingOverflow(by: factor)
    return overflow ? nil : product
  }

  /// The shortest exact form.
  static func render(_ bytes: Int) -> String {
    for unit in binaryUnits where bytes >= unit.bytes && bytes % unit.bytes == 0 {
      return "\(bytes / unit.bytes)\(unit.name)"
    }
    return String(bytes)
  }
}
