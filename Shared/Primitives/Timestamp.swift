internal import Calendar

/// A moment in UTC with microsecond precision, the precision of Postgres.
public struct Timestamp: Hashable, Sendable, Comparable {
  /// Microseconds since 1970-01-01T00:00:00Z.
  public let unixMicroseconds: Int64

  /// Makes a moment from microseconds since the Unix epoch.
  public init(unixMicroseconds: Int64) {
    self.unixMicroseconds = unixMicroseconds
  }

  /// Earlier is less.
  public static func < (left: Timestamp, right: Timestamp) -> Bool { left.unixMicroseconds < right.unixMicroseconds }

  /// The first and the last moment that RFC 3339 can name: years 0000 to 9999.
  public static let nameable =
    Timestamp(
      unixMicroseconds: -62_167_219_200_000_000)...Timestamp(
      unixMicroseconds: 253_402_300_799_999_999)

  /// The moment `duration` later.
  public static func + (left: Timestamp, duration: Duration) -> Timestamp {
    Timestamp(unixMicroseconds: left.unixMicroseconds &+ duration.nanoseconds / 1000)
  }

  /// The time between two moments.
  public static func - (left: Timestamp, right: Timestamp) -> Duration {
    let (difference, overflow) = left.unixMicroseconds.subtractingReportingOverflow(right.unixMicroseconds)
    return .microseconds(overflow ? (left < right ? Int64.min : .max) : difference)
  }
}

extension Timestamp: CustomStringConvertible {
  /// RFC 3339 in UTC with milliseconds, for example `2026-11-20T22:34:05.123Z`; the nearest that can be named.
  public var description: String {
    let unixMicroseconds = min(max(self, Timestamp.nameable.lowerBound), Timestamp.nameable.upperBound).unixMicroseconds
    let (days, microsecondsOfDay) = unixMicroseconds.flooredDivision(by: 86_400_000_000)
    let date = CivilDate(daysSince1970: days)
    let milliseconds = microsecondsOfDay / 1000
    return String(unsafeUninitializedCapacity: 24) { buffer in
      func put(_ value: Int64, digits: Int, at start: Int) {
        var rest = value
        for index in stride(from: start + digits - 1, through: start, by: -1) {
          buffer[index] = UInt8(ascii: "0") + UInt8(rest % 10)
          rest /= 10
        }
      }
      put(date.year, digits: 4, at: 0)
      buffer[4] = UInt8(ascii: "-")
      put(date.month, digits: 2, at: 5)
      buffer[7] = UInt8(ascii: "-")
      put(date.day, digits: 2, at: 8)
      buffer[10] = UInt8(ascii: "T")
      put(milliseconds / 3_600_000, digits: 2, at: 11)
      buffer[13] = UInt8(ascii: ":")
      put(milliseconds / 60_000 % 60, digits: 2, at: 14)
      buffer[16] = UInt8(ascii: ":")
      put(milliseconds / 1000 % 60, digits: 2, at: 17)
      buffer[19] = UInt8(ascii: ".")
      put(milliseconds % 1000, digits: 3, at: 20)
      buffer[23] = UInt8(ascii: "Z")
      return 24
    }
  }

  /// Reads an RFC 3339 date-time with any fraction and offset; `nil` for anything else, and for moments outside
  /// of `nameable`.
  public init?(rfc3339 text: some StringProtocol) {
    let bytes = Array(text.utf8)
    func number(_ start: Int, _ count: Int) -> Int64? {
      guard start + count <= bytes.count else { return nil }
      var value: Int64 = 0
      for byte in bytes[start..<(start + count)] {
        guard byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") else { return nil }
        value = value * 10 + Int64(byte - UInt8(ascii: "0"))
      }
      return value
    }
    guard bytes.count >= 20, let year = number(0, 4), bytes[4] == UInt8(ascii: "-"), let month = number(5, 2),
      bytes[7] == UInt8(ascii: "-"), let day = number(8, 2), bytes[10] | 0x20 == UInt8(ascii: "t"),
      let hour = number(11, 2), bytes[13] == UInt8(ascii: ":"), let minute = number(14, 2),
      bytes[16] == UInt8(ascii: ":"), let second = number(17, 2), hour < 24, minute < 60, second <= 60,
      let date = CivilDate(year: year, month: month, day: day)
    else { return nil }
    var position = 19
    var microseconds: Int64 = 0
    if bytes[position] == UInt8(ascii: ".") {
      position += 1
      let start = position
      var scale: Int64 = 100_000
      while position < bytes.count, let digit = number(position, 1) {
        microseconds += digit * scale
        scale /= 10
        position += 1
      }
      guard position > start else { return nil }
    }
    guard position < bytes.count else { return nil }
    var offsetMinutes: Int64 = 0
    switch bytes[position] {
    case UInt8(ascii: "Z"), UInt8(ascii: "z"):
      guard position + 1 == bytes.count else { return nil }
    case UInt8(ascii: "+"), UInt8(ascii: "-"):
      guard position + 6 == bytes.count, let hours = number(position + 1, 2), hours < 24,
        bytes[position + 3] == UInt8(ascii: ":"), let minutes = number(position + 4, 2), minutes < 60
      else { return nil }
      offsetMinutes = (hours * 60 + minutes) * (bytes[position] == UInt8(ascii: "-") ? -1 : 1)
    default: return nil
    }
    let seconds = date.daysSince1970 * 86_400 + hour * 3600 + (minute - offsetMinutes) * 60 + second
    self.init(unixMicroseconds: seconds * 1_000_000 + microseconds)
    // An offset can lead out of the years that can be named.
    guard Timestamp.nameable.contains(self) else { return nil }
  }
}
