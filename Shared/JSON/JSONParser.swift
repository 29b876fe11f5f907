/// Turns text into a tape in one pass without recursion.
struct JSONParser: ~Copyable {
  private struct Open {
    let node: Int
    var count: Int
    let isObject: Bool
  }

  private let text: UnsafeBufferPointer<UInt8>
  private let limits: JSONLimits
  private var position = 0
  private var tape: [UInt64] = []
  private var stack: [Open] = []

  init(_ text: UnsafeBufferPointer<UInt8>, _ limits: JSONLimits) {
    self.text = text
    self.limits = limits
  }

  mutating func parse() throws(JSONError) -> [UInt64] {
    guard text.count <= limits.bytesMax else { throw JSONError(.tooLarge, offset: limits.bytesMax) }
    do {
      _ = try UTF8Span(validating: text.span)
    } catch {
      throw JSONError(.invalidUTF8, offset: error.byteOffsets.lowerBound)
    }
    tape.reserveCapacity(min(text.count / 4 + 8, 1 << 16))
    skipSpace()
    guard position < text.count else { throw JSONError(.empty, offset: position) }
    repeat { try value() } while try closeContainers()
    skipSpace()
    guard position == text.count else { throw JSONError(.trailingContent, offset: position) }
    return tape
  }

  // MARK: Structure

  /// After a value: closes what ends and moves to the next value. Returns whether one follows.
  private mutating func closeContainers() throws(JSONError) -> Bool {
    while let open = stack.last {
      skipSpace()
      let byte = try peek()
      if byte == UInt8(ascii: ",") {
        position += 1
        stack[stack.count - 1].count += 1
        if open.isObject { try key() }
        return true
      }
      guard byte == (open.isObject ? UInt8(ascii: "}") : UInt8(ascii: "]")) else {
        throw JSONError(.unexpectedCharacter, offset: position)
      }
      try close(open, count: open.count + 1)
    }
    return false
  }

  private mutating func close(_ open: Open, count: Int) throws(JSONError) {
    position += 1
    stack.removeLast()
    tape[open.node * 2 + 1] = UInt64(count) << 32 | UInt64(tape.count / 2)
    if open.isObject, count > 1, !limits.allowsDuplicateKeys { try checkKeys(of: open.node, count: count) }
  }

  private mutating func value() throws(JSONError) {
    while true {
      skipSpace()
      let byte = try peek()
      switch byte {
      case UInt8(ascii: "{"), UInt8(ascii: "["):
        let isObject = byte == UInt8(ascii: "{")
        guard stack.count < limits.depthMax else { throw JSONError(.tooDeep, offset: position) }
        let open = Open(node: tape.count / 2, count: 0, isObject: isObject)
        try append(isObject ? .object : .array, position, 0)
        stack.append(open)
        position += 1
        skipSpace()
        if try peek() == (isObject ? UInt8(ascii: "}") : UInt8(ascii: "]")) {
          try close(open, count: 0)
          return
        }
        if isObject { try key() }
      case UInt8(ascii: "\""):
        try string()
        return
      case UInt8(ascii: "t"):
        try literal("true", .true)
        return
      case UInt8(ascii: "f"):
        try literal("false", .false)
        return
      case UInt8(ascii: "n"):
        try literal("null", .null)
        return
      default:
        try number()
        return
      }
    }
  }

  private mutating func key() throws(JSONError) {
    skipSpace()
    guard try peek() == UInt8(ascii: "\"") else { throw JSONError(.unexpectedCharacter, offset: position) }
    try string()
    skipSpace()
    guard try peek() == UInt8(ascii: ":") else { throw JSONError(.unexpectedCharacter, offset: position) }
    position += 1
  }

  private mutating func append(_ kind: JSONKind, _ offset: Int, _ length: Int, escaped: Bool = false) throws(JSONError)
  {
    guard tape.count / 2 < limits.nodesMax else { throw JSONError(.tooLarge, offset: offset) }
    tape.append(UInt64(kind.rawValue) << 56 | (escaped ? 1 << 48 : 0) | UInt64(offset))
    tape.append(UInt64(length))
  }

  private func peek() throws(JSONError) -> UInt8 {
    guard position < text.count else { throw JSONError(.unexpectedEnd, offset: position) }
    return text[position]
  }

  private mutating func skipSpace() {
    while position < text.count {
      let byte = text[position]
      guard byte <= 0x20, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 else { return }
      position += 1
    }
  }

  // MARK: Scalars

  private mutating func literal(_ word: StaticString, _ kind: JSONKind) throws(JSONError) {
    for offset in 0..<word.utf8CodeUnitCount {
      guard position + offset < text.count else { throw JSONError(.unexpectedEnd, offset: text.count) }
      guard text[position + offset] == word.utf8Start[offset] else {
        throw JSONError(.unexpectedCharacter, offset: position + offset)
      }
    }
    try append(kind, position, word.utf8CodeUnitCount)
    position += word.utf8CodeUnitCount
  }

  /// Scans a string; word 0 points behind the opening quote and the length excludes both quotes.
  private mutating func string() throws(JSONError) {
    position += 1
    let start = position
    var escaped = false
    while true {
      skipPlain()
      guard position < text.count else { throw JSONError(.unexpectedEnd, offset: position) }
      switch text[position] {
      case UInt8(ascii: "\""):
        try append(.string, start, position - start, escaped: escaped)
        position += 1
        return
      case UInt8(ascii: "\\"):
        escaped = true
        try escape()
      default: throw JSONError(.controlCharacter, offset: position)
      }
    }
  }

  /// Moves to the next quote, backslash or control character, eight bytes at a time.
  private mutating func skipPlain() {
    guard let base = UnsafeRawPointer(text.baseAddress) else { return }
    let ones: UInt64 = 0x0101_0101_0101_0101
    let tops: UInt64 = 0x8080_8080_8080_8080
    while position + 8 <= text.count {
      let word = base.loadUnaligned(fromByteOffset: position, as: UInt64.self)
      let quote = word ^ (ones &* 0x22)
      let slash = word ^ (ones &* 0x5C)
      let found =
        ((quote &- ones) & ~quote | (slash &- ones) & ~slash | (word &- ones &* 0x20) & ~word) & tops
      if found != 0 {
        position += found.trailingZeroBitCount / 8
        return
      }
      position += 8
    }
    while position < text.count {
      let byte = text[position]
      if byte == 0x22 || byte == 0x5C || byte < 0x20 { return }
      position += 1
    }
  }

  private mutating func escape() throws(JSONError) {
    let start = position
    position += 1
    switch try peek() {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"), UInt8(ascii: "f"),
      UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
      position += 1
    case UInt8(ascii: "u"):
      position += 1
      let unit = try hexUnit(start)
      if unit & 0xFC00 == 0xDC00 { throw JSONError(.invalidEscape, offset: start) }
      if unit & 0xFC00 == 0xD800 {
        guard position + 1 < text.count, text[position] == UInt8(ascii: "\\"), text[position + 1] == UInt8(ascii: "u")
        else { throw JSONError(.invalidEscape, offset: start) }
        position += 2
        guard try hexUnit(start) & 0xFC00 == 0xDC00 else { throw JSONError(.invalidEscape, offset: start) }
      }
    default: throw JSONError(.invalidEscape, offset: start)
    }
  }

  private mutating func hexUnit(_ start: Int) throws(JSONError) -> UInt16 {
    guard position + 4 <= text.count else { throw JSONError(.unexpectedEnd, offset: text.count) }
    var unit: UInt16 = 0
    for _ in 0..<4 {
      guard let digit = JSONString.hexValue(text[position]) else { throw JSONError(.invalidEscape, offset: start) }
      unit = unit << 4 | UInt16(digit)
      position += 1
    }
    return unit
  }

  private mutating func number() throws(JSONError) {
    let start = position
    func digit(_ at: Int) -> Bool { at < text.count && text[at] &- 48 < 10 }
    var at = position
    if text[at] == UInt8(ascii: "-") { at += 1 }
    guard digit(at) else {
      throw JSONError(at == start ? .unexpectedCharacter : .invalidNumber, offset: start)
    }
    if text[at] == UInt8(ascii: "0") { at += 1 } else { while digit(at) { at += 1 } }
    if at < text.count, text[at] == UInt8(ascii: ".") {
      at += 1
      guard digit(at) else { throw JSONError(.invalidNumber, offset: start) }
      while digit(at) { at += 1 }
    }
    if at < text.count, text[at] | 0x20 == UInt8(ascii: "e") {
      at += 1
      if at < text.count, text[at] == UInt8(ascii: "+") || text[at] == UInt8(ascii: "-") { at += 1 }
      guard digit(at) else { throw JSONError(.invalidNumber, offset: start) }
      while digit(at) { at += 1 }
    }
    if digit(at) { throw JSONError(.invalidNumber, offset: start) }
    try append(.number, start, at - start)
    position = at
  }

  // MARK: Keys

  /// Few keys are compared with each other; many go through a keyed hash, so that no input makes this quadratic.
  private func checkKeys(of object: Int, count: Int) throws(JSONError) {
    if count <= 16 {
      var keys: [Int] = []
      keys.reserveCapacity(count)
      var node = object + 1
      for _ in 0..<count {
        for other in keys where same(other, node) { throw JSONError(.duplicateKey, offset: offset(node)) }
        keys.append(node)
        node = next(node + 1)
      }
      return
    }
    var seen: Set<[UInt8]> = []
    var node = object + 1
    for _ in 0..<count {
      guard seen.insert(JSONString.decode(slice(node), escaped: escaped(node))).inserted else {
        throw JSONError(.duplicateKey, offset: offset(node))
      }
      node = next(node + 1)
    }
  }

  private func same(_ left: Int, _ right: Int) -> Bool {
    if escaped(left) || escaped(right) {
      return JSONString.decode(slice(left), escaped: escaped(left))
        == JSONString.decode(slice(right), escaped: escaped(right))
    }
    return tape[left * 2 + 1] == tape[right * 2 + 1] && slice(left).elementsEqual(slice(right))
  }

  private func offset(_ node: Int) -> Int { Int(tape[node * 2] & 0xFFFF_FFFF_FFFF) }
  private func escaped(_ node: Int) -> Bool { tape[node * 2] >> 48 & 1 == 1 }
  private func slice(_ node: Int) -> UnsafeBufferPointer<UInt8> {
    UnsafeBufferPointer(rebasing: text[offset(node)..<offset(node) + Int(tape[node * 2 + 1])])
  }
  private func next(_ node: Int) -> Int {
    let kind = UInt8(tape[node * 2] >> 56)
    return kind >= JSONKind.array.rawValue ? Int(tape[node * 2 + 1] & 0xFFFF_FFFF) : node + 1
  }
}
