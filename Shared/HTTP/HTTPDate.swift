internal import Primitives

/// The date form of HTTP fields (RFC 9110, section 5.6.7).
public enum HTTPDate {
  private static let days = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"]
  private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

  /// For example `Sun, 06 Nov 1994 08:49:37 GMT`; moments before 1970 and after 9999 become the nearest of these years.
  public static func format(unixSeconds: Int64) -> String {
    let unixSeconds = min(max(0, unixSeconds), 253_402_300_799)
    let moment = Timestamp(unixMicroseconds: unixSeconds * 1_000_000).description.utf8.map { Int($0) - 48 }
    func number(_ start: Int, _ count: Int) -> Int { moment[start..<start + count].reduce(0) { $0 * 10 + $1 } }
    func two(_ value: Int) -> String { value < 10 ? "0\(value)" : "\(value)" }
    let weekday = days[Int(unixSeconds / 86_400 % 7)]
    let date = "\(two(number(8, 2))) \(months[number(5, 2) - 1]) \(number(0, 4))"
    return "\(weekday), \(date) \(two(number(11, 2))):\(two(number(14, 2))):\(two(number(17, 2))) GMT"
  }
}
