/// Arithmetic on amounts that stops at the ends of `Int64`.
extension Int64 {
  func addingClamped(_ other: Int64) -> Int64 {
    let (sum, overflow) = addingReportingOverflow(other)
    return overflow ? (other < 0 ? .min : .max) : sum
  }

  func subtractingClamped(_ other: Int64) -> Int64 {
    let (difference, overflow) = subtractingReportingOverflow(other)
    return overflow ? (other < 0 ? .max : .min) : difference
  }

  mutating func addClamped(_ other: Int64) { self = addingClamped(other) }
  mutating func subtractClamped(_ other: Int64) { self = subtractingClamped(other) }
}
