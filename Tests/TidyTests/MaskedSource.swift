/// Swift source in which everything that is not code is blank: the contents of comments and string literals
/// (interpolated code stays) and of raw identifiers. Line and column stay as they are.
struct MaskedSource {
  /// The code, as many bytes as the source.
  private(set) var code: [UInt8]
  /// For each line, whether some of it is a comment.
  private(set) var hasComment: [Bool] = [false]
  /// For each line, whether it starts inside a multi-line string.
  private(set) var startsInText: [Bool] = [false]

  private enum State {
    /// Code, with the count of open parentheses when it stands in an interpolation.
    case code(parentheses: Int)
    case lineComment
    case blockComment(depth: Int)
    case text(hashes: Int, isMultiline: Bool)
  }

  private var stack: [State] = [.code(parentheses: 0)]

  init(_ source: [UInt8]) {
    code = source
    var position = 0
    while position < source.count {
      if source[position] == UInt8(ascii: "\n") {
        endLine()
        position += 1
      } else {
        position += step(source, position)
      }
    }
  }

  private mutating func endLine() {
    switch stack.last {
    case .lineComment, .text(_, isMultiline: false): stack.removeLast()
    default: break
    }
    var inComment = false
    var inText = false
    switch stack.last {
    case .blockComment: inComment = true
    case .text: inText = true
    default: break
    }
    hasComment.append(inComment)
    startsInText.append(inText)
  }

  /// Handles what stands at `position` and returns how many bytes that was.
  private mutating func step(_ source: [UInt8], _ position: Int) -> Int {
    switch stack.last {
    case .code(let parentheses): return stepInCode(source, position, parentheses)
    case .lineComment: return blank(position, 1)
    case .blockComment(let depth):
      if Self.has("/*", source, position) {
        stack[stack.count - 1] = .blockComment(depth: depth + 1)
        return blank(position, 2)
      }
      if Self.has("*/", source, position) {
        if depth == 1 { stack.removeLast() } else { stack[stack.count - 1] = .blockComment(depth: depth - 1) }
        return blank(position, 2)
      }
      return blank(position, 1)
    case .text(let hashes, let isMultiline): return stepInText(source, position, hashes, isMultiline)
    case nil: return 1
    }
  }

  private mutating func stepInCode(_ source: [UInt8], _ position: Int, _ parentheses: Int) -> Int {
    let isInterpolation = stack.count > 1
    switch source[position] {
    case UInt8(ascii: "/"):
      if Self.has("//", source, position) {
        hasComment[hasComment.count - 1] = true
        stack.append(.lineComment)
        return blank(position, 2)
      }
      if Self.has("/*", source, position) {
        hasComment[hasComment.count - 1] = true
        stack.append(.blockComment(depth: 1))
        return blank(position, 2)
      }
    case UInt8(ascii: "("): if isInterpolation { stack[stack.count - 1] = .code(parentheses: parentheses + 1) }
    case UInt8(ascii: ")"):
      if isInterpolation {
        if parentheses == 1 { stack.removeLast() } else { stack[stack.count - 1] = .code(parentheses: parentheses - 1) }
      }
    case UInt8(ascii: "#"), UInt8(ascii: "\""):
      var hashes = 0
      while position + hashes < source.count, source[position + hashes] == UInt8(ascii: "#") { hashes += 1 }
      let quote = position + hashes
      guard quote < source.count, source[quote] == UInt8(ascii: "\"") else { return max(hashes, 1) }
      let isMultiline = Self.has("\"\"\"", source, quote)
      stack.append(.text(hashes: hashes, isMultiline: isMultiline))
      return hashes + (isMultiline ? 3 : 1)
    case UInt8(ascii: "`"):
      var end = position + 1
      while end < source.count, source[end] != UInt8(ascii: "`"), source[end] != UInt8(ascii: "\n") { end += 1 }
      guard end < source.count, source[end] == UInt8(ascii: "`") else { return 1 }
      return 1 + blank(position + 1, end - position - 1) + 1
    default: break
    }
    return 1
  }

  private mutating func stepInText(_ source: [UInt8], _ position: Int, _ hashes: Int, _ isMultiline: Bool) -> Int {
    if source[position] == UInt8(ascii: "\"") {
      let quotes = isMultiline ? 3 : 1
      let isEnd =
        (!isMultiline || Self.has("\"\"\"", source, position))
        && (0..<hashes).allSatisfy { offset in
          let index = position + quotes + offset
          return index < source.count && source[index] == UInt8(ascii: "#")
        }
      if isEnd {
        stack.removeLast()
        return quotes + hashes
      }
    } else if source[position] == UInt8(ascii: "\\") {
      var next = position + 1
      while next < source.count, next - position - 1 < hashes, source[next] == UInt8(ascii: "#") { next += 1 }
      if next - position - 1 == hashes, next < source.count {
        if source[next] == UInt8(ascii: "(") {
          stack.append(.code(parentheses: 1))
          _ = blank(position, next - position)
          return next - position + 1
        }
        // An escaped line end must still be seen as one.
        if source[next] != UInt8(ascii: "\n") { return blank(position, next - position + 1) }
      }
    }
    return blank(position, 1)
  }

  private mutating func blank(_ position: Int, _ count: Int) -> Int {
    for index in position..<min(position + count, code.count) { code[index] = UInt8(ascii: " ") }
    return count
  }

  private static func has(_ text: StaticString, _ source: [UInt8], _ position: Int) -> Bool {
    guard position + text.utf8CodeUnitCount <= source.count else { return false }
    for offset in 0..<text.utf8CodeUnitCount where source[position + offset] != text.utf8Start[offset] { return false }
    return true
  }
}
