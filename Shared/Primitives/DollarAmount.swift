/// Amounts of US dollars as they are shown: one rule of rounding, so that a sum and what it is made of look alike.
public enum DollarAmount {
  /// Billionths of a dollar as millionths, rounded to the nearest; a half away from zero.
  public static func micro(nano: Int64) -> Int64 {
    let (whole, rest) = nano.quotientAndRemainder(dividingBy: 1000)
    // The quotient is far from the ends of `Int64`.
    return rest >= 500 ? whole + 1 : rest <= -500 ? whole - 1 : whole
  }

  /// Millionths of a dollar as dollars with six places, such as `$1.234567`.
  public static func text(micro: Int64) -> String {
    let (whole, rest) = micro.magnitude.quotientAndRemainder(dividingBy: 1_000_000)
    let fraction = String(rest)
    let zeros = String(repeating: "0", count: max(0, 6 - fraction.count))
    return "\(micro < 0 ? "-" : "")$\(whole).\(zeros)\(fraction)"
  }
}
