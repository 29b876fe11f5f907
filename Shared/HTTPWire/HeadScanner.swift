/// Finds the end of a message head, line by line, and remembers how far it has come: feeding the same growing buffer
/// byte by byte stays linear. It enforces the limits and CRLF line ends; what the lines say is checked afterwards.
struct HeadScanner {
  let limits: HTTPLimits
  /// One empty line before a request line is ignored (RFC 9112, section 2.2); never before a status line.
  let skipsEmptyLine: Bool
  /// What the error of an over-long start line is.
  let startLineTooLong: HTTPWireError.Code

  private(set) var start = 0
  private(set) var startLineEnd = 0
  private(set) var fieldCount = 0
  private var searched = 0
  private var lineStart = 0
  private var began = false
  private var inFields = false

  init(limits: HTTPLimits, skipsEmptyLine: Bool, startLineTooLong: HTTPWireError.Code) {
    self.limits = limits
    self.skipsEmptyLine = skipsEmptyLine
    self.startLineTooLong = startLineTooLong
  }

  mutating func reset() {
    start = 0
    startLineEnd = 0
    fieldCount = 0
    searched = 0
    lineStart = 0
    began = false
    inFields = false
  }

  /// The index behind the empty line that ends the head, or nil when it has not arrived yet.
  mutating func scan(_ base: UnsafePointer<UInt8>, _ count: Int) throws(HTTPWireError) -> Int? {
    if count < searched { reset() }
    if !began {
      if skipsEmptyLine, base[0] == ASCII.cr {
        if count < 2 { return nil }
        if base[1] == ASCII.lf {
          start = 2
          searched = 2
          lineStart = 2
        }
      }
      began = true
    }
    let window = min(count, start + limits.headBytesMax)
    while let feed = firstIndex(of: ASCII.lf, base, searched, window) {
      searched = feed + 1
      if !inFields, feed - lineStart > limits.startLineBytesMax + 1 { throw HTTPWireError(startLineTooLong) }
      if feed == lineStart || base[feed - 1] != ASCII.cr { throw HTTPWireError(.bareLineFeed) }
      if !inFields {
        inFields = true
        startLineEnd = feed - 1
      } else if feed - 1 == lineStart {
        return feed + 1
      } else {
        fieldCount += 1
        if fieldCount > limits.headerCountMax { throw HTTPWireError(.tooManyHeaders) }
      }
      lineStart = feed + 1
    }
    searched = max(searched, window)
    if !inFields, window - lineStart > limits.startLineBytesMax + 1 { throw HTTPWireError(startLineTooLong) }
    if window - start == limits.headBytesMax { throw HTTPWireError(.headTooLarge) }
    return nil
  }
}
