/// Amounts of money as text.
public enum Dollars {
  /// Billionths of a dollar as dollars with nine places.
  public static func text(nanoUSD nano: Int64) -> String {
    let (whole, rest) = (nano / 1_000_000_000, (nano % 1_000_000_000).magnitude)
    let digits = String(repeating: "0", count: 9 - String(rest).count) + String(rest)
    return "\(whole).\(digits)"
  }
}
