/// Arithmetic on counts and amounts that stops at the ends of `Int64`: input is never a reason to trap.
extension Int64 {
  /// The sum, at most the largest and at least the smallest number.
  @inlinable public func addingClamped(_ other: Int64) -> Int64 {
    let (sum, overflow) = addingReportingOverflow(other)
    return overflow ? (other < 0 ? .min : .max) : sum
  }

  /// The difference, at most the largest and at least the smallest number.
  @inlinable public func subtractingClamped(_ other: Int64) -> Int64 {
    let (difference, overflow) = subtractingReportingOverflow(other)
    return overflow ? (other < 0 ? .max : .min) : difference
  }

  /// The product, at most the largest and at least the smallest number.
  @inlinable public func multipliedClamped(by other: Int64) -> Int64 {
    let (product, overflow) = multipliedReportingOverflow(by: other)
    return overflow ? ((self < 0) != (other < 0) ? .min : .max) : product
  }

  /// Adds in place, as `addingClamped`.
  @inlinable public mutating func addClamped(_ other: Int64) { self = addingClamped(other) }

  /// Subtracts in place, as `subtractingClamped`.
  @inlinable public mutating func subtractClamped(_ other: Int64) { self = subtractingClamped(other) }
}
