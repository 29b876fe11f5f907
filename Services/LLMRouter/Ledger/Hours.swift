package import Primitives

/// Lengths of time in microseconds.
enum Hours {
  static let hour: Int64 = 3_600_000_000
  static let day: Int64 = 24 * hour
}

extension Timestamp {
  /// The begin of the hour or day (UTC) of this time.
  package func floor(_ length: Int64) -> Timestamp {
    let rest = unixMicroseconds % length
    return Timestamp(unixMicroseconds: unixMicroseconds - (rest < 0 ? rest + length : rest))
  }

  /// The begin of the first hour or day (UTC) that does not begin before this time.
  package func ceiling(_ length: Int64) -> Timestamp {
    let start = floor(length)
    return start == self ? self : Timestamp(unixMicroseconds: start.unixMicroseconds + length)
  }
}
