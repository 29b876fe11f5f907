internal import Primitives
internal import SystemSources

/// The place of an operation in a trace, as it travels between processes (W3C Trace Context, level 1).
public struct TraceContext: Hashable, Sendable {
  /// First half of the trace id.
  public let traceHigh: UInt64
  /// Second half of the trace id.
  public let traceLow: UInt64
  /// The id of the span; never 0.
  public let spanID: UInt64
  /// Whether the trace is recorded.
  public let isSampled: Bool
  /// The vendors' own list, passed on as it came; at most 512 bytes.
  public let state: String?

  /// Makes a context from its parts.
  public init(traceHigh: UInt64, traceLow: UInt64, spanID: UInt64, isSampled: Bool, state: String? = nil) {
    self.traceHigh = traceHigh
    self.traceLow = traceLow
    self.spanID = spanID
    self.isSampled = isSampled
    self.state = state
  }

  /// A new trace.
  public static func root(isSampled: Bool) -> TraceContext {
    var random = SystemRandom.shared
    return TraceContext(
      traceHigh: random.next(), traceLow: random.next() | 1, spanID: random.next() | 1, isSampled: isSampled)
  }

  /// A new span of the same trace, with an id that is made where none is given.
  public func child(isSampled: Bool? = nil, spanID: UInt64? = nil) -> TraceContext {
    var random = SystemRandom.shared
    return TraceContext(
      traceHigh: traceHigh, traceLow: traceLow, spanID: spanID ?? random.next() | 1,
      isSampled: isSampled ?? self.isSampled, state: state)
  }

  /// Reads `traceparent` and `tracestate`; `nil` when the first is not valid. A bad `tracestate` is dropped alone.
  public init?(traceparent: UnsafeRawBufferPointer, tracestate: String? = nil) {
    // version "-" trace-id "-" parent-id "-" flags
    guard traceparent.count >= 55, traceparent[2] == 0x2D, traceparent[35] == 0x2D, traceparent[52] == 0x2D,
      let version = TraceContext.hex(traceparent, 0, 2), version != 0xFF,
      traceparent.count == 55 || version > 0 && traceparent[55] == 0x2D,
      let high = TraceContext.hex(traceparent, 3, 16), let low = TraceContext.hex(traceparent, 19, 16),
      let span = TraceContext.hex(traceparent, 36, 16), let flags = TraceContext.hex(traceparent, 53, 2),
      high | low != 0, span != 0
    else { return nil }
    self.init(
      traceHigh: high, traceLow: low, spanID: span, isSampled: flags & 1 == 1,
      state: tracestate.flatMap { TraceContext.isValid(state: $0) ? $0 : nil })
  }

  /// Reads `traceparent` from text.
  public init?(traceparent: String, tracestate: String? = nil) {
    var text = traceparent
    guard let context = text.withUTF8({ TraceContext(traceparent: UnsafeRawBufferPointer($0), tracestate: tracestate) })
    else { return nil }
    self = context
  }

  private static func hex(_ bytes: UnsafeRawBufferPointer, _ start: Int, _ count: Int) -> UInt64? {
    var value: UInt64 = 0
    for byte in bytes[start..<start + count] {
      // Upper case is not allowed here.
      guard !(0x41...0x5A).contains(byte), let digit = Hex.value(of: byte) else { return nil }
      value = value << 4 | UInt64(digit)
    }
    return value
  }

  private static func isValid(state: String) -> Bool {
    guard !state.isEmpty, state.utf8.count <= 512 else { return false }
    let members = state.split(separator: ",", omittingEmptySubsequences: true)
    var keys: Set<Substring> = []
    return !members.isEmpty && members.count <= 32
      && members.allSatisfy { member in
        let member = member.trimmed
        guard let equals = member.firstIndex(of: "="), equals > member.startIndex,
          keys.insert(member[..<equals]).inserted
        else { return false }
        return isKey(member[..<equals]) && isValue(member[member.index(after: equals)...])
      }
  }

  /// 1 to 256 of `a-z 0-9 _ - * /`, at most one `@`, with a letter or digit in front.
  private static func isKey(_ key: Substring) -> Bool {
    func isLetterOrDigit(_ byte: UInt8) -> Bool { (0x61...0x7A).contains(byte) || (0x30...0x39).contains(byte) }
    let parts = key.utf8.split(separator: 0x40, omittingEmptySubsequences: false)
    return key.utf8.count <= 256 && parts.count <= 2
      && parts.allSatisfy { part in
        guard let first = part.first, isLetterOrDigit(first) else { return false }
        return part.allSatisfy { isLetterOrDigit($0) || [0x5F, 0x2D, 0x2A, 0x2F].contains($0) }
      }
  }

  /// 1 to 256 printable characters without `,` and `=`.
  private static func isValue(_ value: Substring) -> Bool {
    (1...256).contains(value.utf8.count) && value.utf8.allSatisfy { (0x20...0x7E).contains($0) && $0 != 0x3D }
  }

  /// 32 hexadecimal digits.
  public var traceIDText: String { Hex.encode(traceHigh) + Hex.encode(traceLow) }

  /// 16 hexadecimal digits.
  public var spanIDText: String { Hex.encode(spanID) }

  /// The header value.
  public var traceparent: String { "00-\(traceIDText)-\(spanIDText)-0\(isSampled ? 1 : 0)" }

  /// Appends the header lines `traceparent` and, when there is one, `tracestate`.
  public func appendHeaders(to bytes: inout [UInt8]) {
    bytes += "traceparent: 00-".utf8
    for word in [traceHigh, traceLow] { TraceContext.append(word, to: &bytes) }
    bytes.append(0x2D)
    TraceContext.append(spanID, to: &bytes)
    bytes += isSampled ? "-01\r\n".utf8 : "-00\r\n".utf8
    if let state { bytes += "tracestate: \(state)\r\n".utf8 }
  }

  private static func append(_ word: UInt64, to bytes: inout [UInt8]) {
    for shift in stride(from: 60, through: 0, by: -4) {
      bytes.append(Hex.digit(UInt8(truncatingIfNeeded: word >> UInt64(shift)) & 0xF))
    }
  }
}

extension Substring {
  /// Without blanks and tabs on both sides.
  fileprivate var trimmed: Substring {
    var text = drop { $0 == " " || $0 == "\t" }
    while let last = text.last, last == " " || last == "\t" { text.removeLast() }
    return text
  }
}
