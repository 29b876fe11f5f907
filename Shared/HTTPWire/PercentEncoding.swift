/// Percent-encoding (RFC 3986, section 2.1), strict on the way in.
public enum PercentEncoding {
  /// The text behind one path segment. A decoded segment may contain `/`: split the raw path first, then decode.
  ///
  /// Throws `invalidPercentEncoding` for an incomplete or non-hexadecimal escape, an escaped NUL, or invalid UTF-8.
  public static func decode(_ segment: some StringProtocol) throws(HTTPWireError) -> String {
    try decode(Array(segment.utf8), plusIsSpace: false)
  }

  /// The same from bytes, as `RequestHead.withPathBytes` hands them out.
  public static func decode(_ segment: UnsafeRawBufferPointer) throws(HTTPWireError) -> String {
    try decode(Array(segment), plusIsSpace: false)
  }

  /// Escapes everything but the unreserved characters, so the result fits any part of a URL.
  public static func encode(_ text: String) -> String {
    let digits: StaticString = "0123456789ABCDEF"
    var out: [UInt8] = []
    out.reserveCapacity(text.utf8.count)
    for byte in text.utf8 {
      if ByteSet.unreserved.contains(byte) {
        out.append(byte)
      } else {
        out.append(0x25)
        out.append(digits.utf8Start[Int(byte >> 4)])
        out.append(digits.utf8Start[Int(byte & 15)])
      }
    }
    return String(decoding: out, as: UTF8.self)
  }

  static func decode(_ bytes: [UInt8], plusIsSpace: Bool) throws(HTTPWireError) -> String {
    var out: [UInt8] = []
    out.reserveCapacity(bytes.count)
    var i = 0
    while i < bytes.count {
      let byte = bytes[i]
      if byte == 0x25 {
        guard i + 2 < bytes.count, let high = hexValue(bytes[i + 1]), let low = hexValue(bytes[i + 2]) else {
          throw HTTPWireError(.invalidPercentEncoding)
        }
        out.append(high << 4 | low)
        i += 3
      } else {
        out.append(plusIsSpace && byte == 0x2B ? ASCII.space : byte)
        i += 1
      }
    }
    guard !out.contains(0), let text = String(validating: out, as: UTF8.self) else {
      throw HTTPWireError(.invalidPercentEncoding)
    }
    return text
  }
}
