/// Splits a module into tokens.
struct Lexer {
  private static let signs = [
    ":=", "==", "!=", "<=", ">=", "{", "}", "[", "]", "(", ")", ",", ";", ":", ".", "=", "<", ">", "+", "-", "*", "/",
    "%",
    "|", "&",
  ].map { Array($0.utf8) }

  private let bytes: [UInt8]
  private let file: String
  private var at = 0
  private var line: Int
  private var lineStart: Int

  init(_ bytes: [UInt8], file: String, from place: PolicyPlace = PolicyPlace(line: 1, column: 1)) {
    self.bytes = bytes
    self.file = file
    line = place.line
    lineStart = 1 - place.column
  }

  private var place: PolicyPlace { PolicyPlace(line: line, column: at - lineStart + 1) }

  private func fault(_ message: String, _ place: PolicyPlace? = nil) -> PolicyError {
    PolicyError(code: .syntax, file: file, place: place ?? self.place, message: message)
  }

  private func peek(_ offset: Int = 0) -> UInt8 { at + offset < bytes.count ? bytes[at + offset] : 0 }

  mutating func tokens() throws(PolicyError) -> [Token] {
    var tokens: [Token] = []
    while true {
      let (isSpaced, isFirst) = skipSpace()
      let start = place
      let offset = at
      func token(_ kind: Token.Kind) -> Token {
        Token(
          kind: kind, place: start, isSpaced: isSpaced, isFirst: isFirst || tokens.isEmpty, start: offset, end: at)
      }
      guard at < bytes.count else {
        tokens.append(token(.end))
        return tokens
      }
      let byte = peek()
      if Lexer.isLetter(byte) {
        tokens.append(token(.name(name())))
      } else if Lexer.isDigit(byte) {
        tokens.append(token(.number(try number())))
      } else if byte == UInt8(ascii: "\"") {
        tokens.append(token(.string(try quoted())))
      } else if byte == UInt8(ascii: "`") {
        tokens.append(token(.string(try raw())))
      } else if byte == UInt8(ascii: "$"), peek(1) == UInt8(ascii: "\"") || peek(1) == UInt8(ascii: "`") {
        tokens.append(token(.template(try template())))
      } else if let sign = Lexer.signs.first(where: { bytes[at...].starts(with: $0) }) {
        at += sign.count
        tokens.append(token(.sign(String(decoding: sign, as: UTF8.self))))
      } else {
        throw fault("illegal token")
      }
    }
  }

  static func isLetter(_ byte: UInt8) -> Bool {
    (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte) || byte == UInt8(ascii: "_")
  }

  static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }

  private mutating func newline() {
    line += 1
    lineStart = at + 1
  }

  private mutating func skipSpace() -> (isSpaced: Bool, isFirst: Bool) {
    let start = at
    var isFirst = false
    while at < bytes.count {
      switch bytes[at] {
      case 0x0A:
        newline()
        isFirst = true
        at += 1
      case 0x20, 0x09, 0x0D: at += 1
      case UInt8(ascii: "#"): while at < bytes.count, bytes[at] != 0x0A { at += 1 }
      default: return (at > start, isFirst)
      }
    }
    return (at > start, isFirst)
  }

  private mutating func name() -> String {
    let start = at
    while Lexer.isLetter(peek()) || Lexer.isDigit(peek()) { at += 1 }
    return String(decoding: bytes[start..<at], as: UTF8.self)
  }

  private mutating func number() throws(PolicyError) -> String {
    let start = at
    let begin = place
    while Lexer.isDigit(peek()) { at += 1 }
    if bytes[start] == UInt8(ascii: "0"), at - start > 1 { throw fault("expected number without leading zero", begin) }
    if peek() == UInt8(ascii: "."), Lexer.isDigit(peek(1)) {
      at += 1
      while Lexer.isDigit(peek()) { at += 1 }
    }
    if peek() | 0x20 == UInt8(ascii: "e") {
      at += 1
      if peek() == UInt8(ascii: "+") || peek() == UInt8(ascii: "-") { at += 1 }
      guard Lexer.isDigit(peek()) else { throw fault("a digit is expected in an exponent") }
      while Lexer.isDigit(peek()) { at += 1 }
    }
    guard !Lexer.isLetter(peek()) else { throw fault("illegal number format") }
    return String(decoding: bytes[start..<at], as: UTF8.self)
  }

  // MARK: Texts

  private mutating func raw() throws(PolicyError) -> String {
    let begin = place
    at += 1
    let start = at
    while at < bytes.count, bytes[at] != UInt8(ascii: "`") {
      if bytes[at] == 0x0A { newline() }
      at += 1
    }
    guard at < bytes.count else { throw fault("non-terminated string", begin) }
    defer { at += 1 }
    return String(decoding: bytes[start..<at], as: UTF8.self)
  }

  private mutating func quoted() throws(PolicyError) -> String {
    let begin = place
    at += 1
    var text: [UInt8] = []
    while true {
      guard at < bytes.count, bytes[at] != 0x0A else { throw fault("non-terminated string", begin) }
      if bytes[at] == UInt8(ascii: "\"") {
        at += 1
        return String(decoding: text, as: UTF8.self)
      }
      try character(&text)
    }
  }

  private mutating func character(_ text: inout [UInt8]) throws(PolicyError) {
    guard bytes[at] == UInt8(ascii: "\\") else {
      text.append(bytes[at])
      at += 1
      return
    }
    at += 1
    let escape = peek()
    at += 1
    switch escape {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "{"): text.append(escape)
    case UInt8(ascii: "b"): text.append(8)
    case UInt8(ascii: "f"): text.append(12)
    case UInt8(ascii: "n"): text.append(10)
    case UInt8(ascii: "r"): text.append(13)
    case UInt8(ascii: "t"): text.append(9)
    case UInt8(ascii: "u"):
      var code = try hex()
      if (0xD800..<0xDC00).contains(code), peek() == UInt8(ascii: "\\"), peek(1) == UInt8(ascii: "u") {
        at += 2
        let low = try hex()
        code = 0x10000 + ((code - 0xD800) << 10) + (low &- 0xDC00) & 0x3FF
      }
      text += Array(String(Character(Unicode.Scalar(code) ?? "\u{FFFD}")).utf8)
    default: throw fault("illegal escape sequence")
    }
  }

  private mutating func hex() throws(PolicyError) -> UInt32 {
    guard at + 4 <= bytes.count, let value = UInt32(String(decoding: bytes[at..<(at + 4)], as: UTF8.self), radix: 16)
    else { throw fault("illegal escape sequence") }
    at += 4
    return value
  }

  /// `$"text {expression} text"`; a brace of the text itself is written `\{`.
  private mutating func template() throws(PolicyError) -> [Token.Piece] {
    let begin = place
    let mark = peek(1)
    at += 2
    var pieces: [Token.Piece] = []
    var text: [UInt8] = []
    while true {
      guard at < bytes.count, mark == UInt8(ascii: "`") || bytes[at] != 0x0A else {
        throw fault("non-terminated template string", begin)
      }
      let byte = bytes[at]
      if byte == mark {
        at += 1
        if !text.isEmpty { pieces.append(.text(String(decoding: text, as: UTF8.self))) }
        return pieces
      }
      if byte == UInt8(ascii: "{") {
        if !text.isEmpty { pieces.append(.text(String(decoding: text, as: UTF8.self))) }
        text = []
        at += 1
        let start = at
        let from = place
        try skipExpression(begin)
        pieces.append(.source(Array(bytes[start..<at]), from))
        at += 1
      } else if mark == UInt8(ascii: "`") {
        if byte == UInt8(ascii: "\\"), peek(1) == UInt8(ascii: "{") { at += 1 }
        if bytes[at] == 0x0A { newline() }
        text.append(bytes[at])
        at += 1
      } else {
        try character(&text)
      }
    }
  }

  /// Goes to the brace that ends an expression of a template.
  private mutating func skipExpression(_ begin: PolicyPlace) throws(PolicyError) {
    var depth = 0
    while at < bytes.count {
      switch bytes[at] {
      case UInt8(ascii: "{"): depth += 1
      case UInt8(ascii: "}"):
        if depth == 0 { return }
        depth -= 1
      case UInt8(ascii: "\""):
        _ = try quoted()
        continue
      case UInt8(ascii: "`"):
        _ = try raw()
        continue
      case UInt8(ascii: "$") where peek(1) == UInt8(ascii: "\"") || peek(1) == UInt8(ascii: "`"):
        _ = try template()
        continue
      case UInt8(ascii: "#"):
        while at < bytes.count, bytes[at] != 0x0A { at += 1 }
        continue
      case 0x0A: newline()
      default: break
      }
      at += 1
    }
    throw fault("non-terminated template string", begin)
  }
}
