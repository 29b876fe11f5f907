internal import Glibc

/// An extended regular expression of POSIX, matched anywhere in a text. Back references are not admitted, so matching
/// takes a time that grows with the text only.
///
/// `@unchecked Sendable`: the compiled form is never changed; `regexec` may be called by many threads (POSIX).
public final class Pattern: @unchecked Sendable {
  /// The longest pattern, in bytes.
  public static let bytesMax = 500
  /// The longest text that is matched, in bytes.
  public static let textBytesMax = 64 << 10
  /// What all repetitions multiply to at most.
  private static let copiesMax = 100

  /// The pattern as it was given.
  public let source: String
  private let compiled: UnsafeMutablePointer<regex_t>

  /// Compiles a pattern. Throws what is wrong with it.
  public init(_ source: String) throws(CheckFault) {
    guard source.utf8.count <= Pattern.bytesMax, !source.isEmpty else {
      throw CheckFault("a pattern has 1 to \(Pattern.bytesMax) bytes")
    }
    try Pattern.inspect(source)
    let made = UnsafeMutablePointer<regex_t>.allocate(capacity: 1)
    guard regcomp(made, source, REG_EXTENDED) == 0 else {
      made.deallocate()
      throw CheckFault("the pattern is no extended regular expression of POSIX")
    }
    // Not before: an initializer that fails after its last assignment runs `deinit`.
    self.source = source
    compiled = made
  }

  deinit {
    regfree(compiled)
    compiled.deallocate()
  }

  /// Whether the pattern occurs in a text; in one that is longer than `textBytesMax` it does not, because the matcher
  /// keeps a state for each prefix that it has met.
  public func matches(_ text: String) -> Bool {
    text.utf8.count <= Pattern.textBytesMax && regexec(compiled, text, 0, nil, 0) == 0
  }

  /// The text with each match replaced.
  public func replacing(in text: String, with substitute: String) -> String {
    var result = ""
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
      var match = regmatch_t()
      let found = Array(rest + [0]).withUnsafeBytes { bytes in
        bytes.withMemoryRebound(to: CChar.self) { characters in
          guard let start = characters.baseAddress else { return false }
          return regexec(compiled, start, 1, &match, 0) == 0
        }
      }
      guard found, match.rm_eo > match.rm_so else { break }
      let begin = rest.startIndex
      result += String(decoding: rest[begin..<(begin + Int(match.rm_so))], as: UTF8.self) + substitute
      rest = rest[(begin + Int(match.rm_eo))...]
    }
    return result + String(decoding: rest, as: UTF8.self)
  }

  /// Refuses what makes matching, or the compiled form, grow without measure: repetitions are unrolled when they are
  /// compiled, and those within others multiply.
  private static func inspect(_ source: String) throws(CheckFault) {
    var copies = 1
    var isEscaped = false
    var number: Int?
    var largest = 1
    for byte in source.utf8 {
      if isEscaped {
        isEscaped = false
        if (UInt8(ascii: "1")...UInt8(ascii: "9")).contains(byte) {
          throw CheckFault("a pattern has no back references")
        }
        continue
      }
      switch byte {
      case 0: throw CheckFault("a pattern has no zero byte")
      case UInt8(ascii: "\\"): isEscaped = true
      case UInt8(ascii: "{"):
        number = 0
        largest = 1
      case UInt8(ascii: "}"):
        if number != nil { copies = copies.multipliedReportingOverflow(by: largest).partialValue }
        number = nil
      case UInt8(ascii: ","): if number != nil { number = 0 }
      case UInt8(ascii: "0")...UInt8(ascii: "9"):
        if let value = number {
          let next = min(value * 10 + Int(byte - UInt8(ascii: "0")), copiesMax + 1)
          number = next
          largest = max(largest, next)
        }
      default: break
      }
      guard copies <= copiesMax, largest <= copiesMax else {
        throw CheckFault("the repetitions of a pattern multiply to \(copiesMax) at most")
      }
    }
  }
}
