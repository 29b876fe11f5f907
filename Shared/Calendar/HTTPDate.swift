/// The date form of HTTP fields (RFC 9110, section 5.6.7).
public enum HTTPDate {
  private static let weekdays = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
  private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
  /// 9999-12-31T23:59:59Z
  private static let secondsMax: Int64 = 253_402_300_799

  /// For example `Sun, 06 Nov 1994 08:49:37 GMT`; moments before 1970 and after 9999 become the nearest of these years.
  public static func format(unixSeconds: Int64) -> String {
    let (days, seconds) = min(max(0, unixSeconds), secondsMax).flooredDivision(by: 86_400)
    let date = CivilDate(daysSince1970: days)
    func two(_ value: Int64) -> String { value < 10 ? "0\(value)" : "\(value)" }
    let day = "\(weekdays[Int(date.weekday)]), \(two(date.day)) \(months[Int(date.month) - 1]) \(date.year)"
    return "\(day) \(two(seconds / 3600)):\(two(seconds / 60 % 60)):\(two(seconds % 60)) GMT"
  }

  /// The number of a month from the first three letters of its English name in any case, `nil` for other words.
  public static func month(named name: some StringProtocol) -> Int64? {
    let name = name.lowercased()
    return months.firstIndex { $0.lowercased() == name }.map { Int64($0) + 1 }
  }
}
