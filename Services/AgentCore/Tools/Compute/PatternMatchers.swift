/// Finds a text in others in linear time (Knuth, Morris and Pratt).
struct SubstringMatcher {
  private let wanted: [UInt8]
  /// For each place the length of the longest own end that is also a beginning.
  private let borders: [Int]

  init(_ wanted: [UInt8]) {
    self.wanted = wanted
    var borders = [Int](repeating: 0, count: wanted.count)
    var length = 0
    for place in wanted.indices.dropFirst() {
      while length > 0, wanted[place] != wanted[length] { length = borders[length - 1] }
      if wanted[place] == wanted[length] { length += 1 }
      borders[place] = length
    }
    self.borders = borders
  }

  func isFound(in text: [UInt8], steps: inout Int) -> Bool { first(in: text[...], steps: &steps) != nil }

  /// Where it begins for the first time.
  func first(in text: ArraySlice<UInt8>, steps: inout Int) -> Int? {
    guard !wanted.isEmpty else { return text.startIndex }
    steps -= text.count
    guard steps >= 0 else { return nil }
    var length = 0
    for place in text.indices {
      while length > 0, text[place] != wanted[length] { length = borders[length - 1] }
      if text[place] == wanted[length] { length += 1 }
      if length == wanted.count { return place - length + 1 }
    }
    return nil
  }
}

/// A pattern with `*` and `?`, found anywhere in a text. Each piece between stars is looked for from the left once, so
/// the time is bounded by the product of both lengths.
struct GlobMatcher {
  private let pieces: [[UInt8]]

  init(_ pattern: [UInt8]) {
    pieces = pattern.split(separator: UInt8(ascii: "*")).map { Array($0) }
  }

  func isFound(in text: [UInt8], steps: inout Int) -> Bool {
    var place = 0
    for piece in pieces {
      guard let found = GlobMatcher.find(piece, in: text, from: place, steps: &steps) else { return false }
      place = found
    }
    return true
  }

  /// The place behind the first occurrence; `?` stands for one scalar.
  private static func find(_ piece: [UInt8], in text: [UInt8], from start: Int, steps: inout Int) -> Int? {
    var first = start
    while first <= text.count {
      var place = first
      var isMatch = true
      for byte in piece {
        steps -= 1
        guard steps >= 0, place < text.count else {
          isMatch = false
          break
        }
        if byte == UInt8(ascii: "?") {
          place += 1
          while place < text.count, text[place] & 0xC0 == 0x80 { place += 1 }
        } else if byte == text[place] {
          place += 1
        } else {
          isMatch = false
          break
        }
      }
      if isMatch { return place }
      if steps < 0 { return nil }
      first += 1
    }
    return nil
  }
}
