/// Follows a JSON object that comes in pieces: whether what came is the beginning of one, whether it is complete, and
/// how it can be closed where it stands.
struct JSONPrefix: Sendable {
  /// What may come next.
  enum Place: UInt8, Sendable {
    /// The opening brace.
    case start
    /// A value, behind a colon or a comma of a list.
    case value
    /// A value or the end of a list.
    case firstElement
    /// A key or the end of an object.
    case firstKey
    /// A key, behind a comma.
    case key
    /// More of a key.
    case keyText
    /// The colon.
    case colon
    /// More of a text.
    case text
    /// A comma or the end of the list or object.
    case next
    /// Nothing but white space.
    case done
    /// It is no JSON object.
    case broken
  }

  /// Deeper than this readers give up.
  private static let depthMax = 128

  private(set) var place = Place.start
  /// Whether it was complete once, whatever came behind.
  private(set) var wasComplete = false
  /// Whether each open container is an object.
  private(set) var stack: [Bool] = []
  /// A number or a word whose end has not come.
  private var scalar: [UInt8] = []
  /// Bytes of an escape that are still to come.
  private var escapeLeft = 0
  /// Whether they are hexadecimal digits, and what came of them.
  private var isHexadecimal = false
  private var unit: UInt16 = 0
  /// The other half of a pair has to follow.
  private var isHighSurrogate = false

  /// Whether it ended as an object.
  var isComplete: Bool { place == .done }
  var isBroken: Bool { place == .broken }

  /// Whether the object could be closed here; not within numbers, words and escapes, nor behind its end.
  var isSafe: Bool {
    place != .done && place != .broken && scalar.isEmpty && escapeLeft == 0 && !isHighSurrogate
  }

  mutating func feed(_ text: String) {
    for byte in text.utf8 { feed(byte) }
  }

  mutating func feed(_ byte: UInt8) {
    switch place {
    case .text, .keyText: inText(byte)
    case .broken: return
    default:
      if !scalar.isEmpty {
        guard JSONPrefix.endsScalar(byte) else { return scalar.append(byte) }
        guard JSONPrefix.isScalar(scalar) else { return place = .broken }
        scalar = []
        place = .next
      }
      if JSONPrefix.isSpace(byte) { return }
      structure(byte)
    }
  }

  private mutating func inText(_ byte: UInt8) {
    if escapeLeft > 0 { return inEscape(byte) }
    if isHighSurrogate, byte != UInt8(ascii: "\\") { return place = .broken }
    switch byte {
    case UInt8(ascii: "\""): place = place == .keyText ? .colon : .next
    case UInt8(ascii: "\\"): escapeLeft = 1
    case 0..<0x20: place = .broken
    default: return
    }
  }

  private mutating func inEscape(_ byte: UInt8) {
    guard isHexadecimal else {
      switch byte {
      case UInt8(ascii: "u"):
        escapeLeft = 4
        isHexadecimal = true
        unit = 0
      case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"), UInt8(ascii: "f"),
        UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
        escapeLeft = 0
        if isHighSurrogate { place = .broken }
      default: place = .broken
      }
      return
    }
    guard let digit = JSONPrefix.hexValue(byte) else { return place = .broken }
    unit = unit << 4 | UInt16(digit)
    escapeLeft -= 1
    guard escapeLeft == 0 else { return }
    isHexadecimal = false
    let isLow = unit & 0xFC00 == 0xDC00
    guard isLow == isHighSurrogate else { return place = .broken }
    isHighSurrogate = unit & 0xFC00 == 0xD800
  }

  private mutating func structure(_ byte: UInt8) {
    switch (byte, place) {
    case (UInt8(ascii: "{"), .start), (UInt8(ascii: "{"), .value), (UInt8(ascii: "{"), .firstElement):
      open(isObject: true)
    case (UInt8(ascii: "["), .value), (UInt8(ascii: "["), .firstElement): open(isObject: false)
    case (UInt8(ascii: "\""), .value), (UInt8(ascii: "\""), .firstElement): place = .text
    case (UInt8(ascii: "\""), .key), (UInt8(ascii: "\""), .firstKey): place = .keyText
    case (UInt8(ascii: ":"), .colon): place = .value
    case (UInt8(ascii: ","), .next): place = stack.last == true ? .key : .value
    case (UInt8(ascii: "}"), .next), (UInt8(ascii: "}"), .firstKey): close(isObject: true)
    case (UInt8(ascii: "]"), .next), (UInt8(ascii: "]"), .firstElement): close(isObject: false)
    case (_, .value), (_, .firstElement):
      if JSONPrefix.endsScalar(byte) { place = .broken } else { scalar.append(byte) }
    default: place = .broken
    }
  }

  private mutating func open(isObject: Bool) {
    guard stack.count < JSONPrefix.depthMax else { return place = .broken }
    stack.append(isObject)
    place = isObject ? .firstKey : .firstElement
  }

  private mutating func close(isObject: Bool) {
    guard stack.last == isObject else { return place = .broken }
    // The outermost stays, for what may have to be added to it.
    guard stack.count > 1 else {
      wasComplete = true
      return place = .done
    }
    stack.removeLast()
    place = .next
  }

  private static func endsScalar(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: ","), UInt8(ascii: "}"), UInt8(ascii: "]"), UInt8(ascii: ":"), UInt8(ascii: "\""),
      UInt8(ascii: "{"), UInt8(ascii: "["), 0x20, 0x0A, 0x0D, 0x09:
      true
    default: false
    }
  }

  private static func isScalar(_ word: [UInt8]) -> Bool {
    if word.elementsEqual("true".utf8) || word.elementsEqual("false".utf8) || word.elementsEqual("null".utf8) {
      return true
    }
    var rest = word[...]
    if rest.first == UInt8(ascii: "-") { rest = rest.dropFirst() }
    func digits() -> Int {
      let count = rest.prefix { $0 &- 48 < 10 }.count
      rest = rest.dropFirst(count)
      return count
    }
    if rest.first == UInt8(ascii: "0") { rest = rest.dropFirst() } else { guard digits() > 0 else { return false } }
    if rest.first == UInt8(ascii: ".") {
      rest = rest.dropFirst()
      guard digits() > 0 else { return false }
    }
    if let mark = rest.first, mark | 0x20 == UInt8(ascii: "e") {
      rest = rest.dropFirst()
      if let sign = rest.first, sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-") { rest = rest.dropFirst() }
      guard digits() > 0 else { return false }
    }
    return rest.isEmpty
  }

  static func hexValue(_ byte: UInt8) -> UInt8? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): byte &- UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): byte &- UInt8(ascii: "a") &+ 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): byte &- UInt8(ascii: "A") &+ 10
    default: nil
    }
  }
}
