import Glibc

/// One text file of the repository.
struct SourceFile {
  /// Relative to the root of the package, with `/`.
  let path: String
  let bytes: [UInt8]
  /// The code of a Swift file; `nil` for others.
  let masked: MaskedSource?
  /// Where each line starts.
  private let lineStarts: [Int]

  init(path: String, bytes: [UInt8]) {
    self.path = path
    self.bytes = bytes
    self.masked = path.hasSuffix(".swift") ? MaskedSource(bytes) : nil
    var starts = [0]
    for position in Self.occurrences(of: "\n", in: bytes) where position + 1 < bytes.count {
      starts.append(position + 1)
    }
    lineStarts = bytes.isEmpty ? [] : starts
  }

  var name: String { String(path[(path.lastIndex(of: "/").map { path.index(after: $0) } ?? path.startIndex)...]) }
  var folder: String { path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "" }
  var lineCount: Int { lineStarts.count }
  var isSwift: Bool { masked != nil }
  /// Whether the file is part of a product, not of a test.
  var isShippedSwift: Bool { isSwift && (path.hasPrefix("Shared/") || path.hasPrefix("Services/")) }
  /// Whether the file is input of a test, which must stay byte for byte as it is.
  var isTestInput: Bool {
    path.split(separator: "/").dropLast().contains {
      ["seeds", "corpus", "fixtures", "golden"].contains($0.lowercased())
    }
  }

  func isUnder(_ folders: String...) -> Bool { folders.contains { path.hasPrefix($0 + "/") } }

  /// The line, counted from one, of a byte.
  func line(of position: Int) -> Int {
    var low = 0
    var high = lineStarts.count
    while low < high {
      let middle = (low + high) / 2
      if lineStarts[middle] <= position { low = middle + 1 } else { high = middle }
    }
    return low
  }

  /// The text of the lines without their ends.
  var lines: [String] { Self.lines(of: bytes, starts: lineStarts) }

  /// The code of the lines, everything else blank.
  var codeLines: [String] { masked.map { Self.lines(of: $0.code, starts: lineStarts) } ?? [] }

  private static func lines(of bytes: [UInt8], starts: [Int]) -> [String] {
    starts.indices.map { index in
      var end = index + 1 < starts.count ? starts[index + 1] : bytes.count
      if end > starts[index], bytes[end - 1] == UInt8(ascii: "\n") { end -= 1 }
      return String(decoding: bytes[starts[index]..<end], as: UTF8.self)
    }
  }

  /// Where a text, which is not empty, stands in bytes; libc does the searching, which keeps a debug build of the tests
  /// quick.
  static func occurrences(of text: String, in bytes: [UInt8]) -> [Int] {
    let needle = Array(text.utf8)
    guard let first = needle.first else { return [] }
    var found: [Int] = []
    bytes.withUnsafeBytes { buffer in
      guard let base = buffer.baseAddress else { return }
      var position = 0
      while position + needle.count <= buffer.count,
        let hit = memchr(base + position, Int32(first), buffer.count - needle.count + 1 - position)
      {
        let start = base.distance(to: UnsafeRawPointer(hit))
        if memcmp(hit, needle, needle.count) == 0 { found.append(start) }
        position = start + 1
      }
    }
    return found
  }

  /// The places of a word in the text: neither a letter, a digit nor `_` stands on either side.
  static func words(_ word: String, in bytes: [UInt8]) -> [Int] {
    occurrences(of: word, in: bytes).filter { start in
      let end = start + word.utf8.count
      return (start == 0 || !isIdentifier(bytes[start - 1])) && (end == bytes.count || !isIdentifier(bytes[end]))
    }
  }

  static func isIdentifier(_ byte: UInt8) -> Bool {
    (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte & 0xDF) || byte == 0x5F || byte >= 0x80
  }
}
