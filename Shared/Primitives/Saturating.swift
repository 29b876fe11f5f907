extension Int64 {
  /// The whole number next to `value`; the ends of `Int64` for what lies beyond them, 0 for what is no number. The
  /// usual conversion ends the process for these.
  public init(saturating value: Double) {
    let rounded = value.rounded()
    if rounded.isNaN {
      self = 0
    } else if rounded >= 9_223_372_036_854_775_808 {
      self = .max
    } else if rounded <= -9_223_372_036_854_775_808 {
      self = .min
    } else {
      self = Int64(exactly: rounded) ?? 0
    }
  }
}
