internal import Primitives

/// The text of a spool file. The first line is the time at which the process was last alive, in microseconds since
/// 1970; the others are calls, of each its last line counts.
struct SpoolContents: Sendable, Equatable {
  /// Digits of the first line.
  private static let timeDigits = 20
  private static let lineEnd: UInt8 = 10
  /// The length of an id in a line, with the character before it.
  private static let idWidth = 37

  /// The last whole line of each call.
  let lines: [[UInt8]]
  /// When the process was last known to be alive; nil when the first line does not say.
  let aliveAt: Timestamp?

  /// Reads a file. A line that was cut by the end of the process is left out.
  init(_ bytes: [UInt8]) {
    var last: [UUID: [UInt8]] = [:]
    // What was never written is zero.
    for line in bytes.split(separator: SpoolContents.lineEnd) where line.first != 0 {
      guard line.first == UInt8(ascii: "("), line.last == UInt8(ascii: ")"),
        let id = SpoolContents.uuid(in: line, at: 0)
      else { continue }
      last[id] = Array(line)
    }
    lines = Array(last.values)
    aliveAt = Int64(String(decoding: bytes.prefix(SpoolContents.timeDigits), as: UTF8.self))
      .map { Timestamp(unixMicroseconds: $0) }
  }

  /// The first line of a file.
  static func head(_ time: Timestamp) -> [UInt8] {
    let digits = String(max(0, time.unixMicroseconds))
    let zeros = Array(repeating: UInt8(ascii: "0"), count: max(0, timeDigits - digits.utf8.count))
    return zeros + Array(digits.utf8) + [lineEnd]
  }

  /// The line of a call.
  static func line(_ row: [UInt8]) -> [UInt8] { row + [lineEnd] }

  /// The tenant of a line.
  static func tenant(of line: [UInt8]) -> UUID? { uuid(in: line[...], at: 1) }

  /// A line begins with the id of the call and that of its tenant, each of 36 characters and one before it.
  private static func uuid(in line: ArraySlice<UInt8>, at index: Int) -> UUID? {
    let start = line.startIndex + 1 + index * idWidth
    let end = start + idWidth - 1
    return end <= line.endIndex ? UUID(ascii: line[start..<end]) : nil
  }
}
