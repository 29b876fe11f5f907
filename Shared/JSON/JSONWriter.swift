internal import Glibc

/// Builds JSON text into its `bytes`. Commas come by themselves; the caller keeps brackets and keys in order.
public struct JSONWriter: Sendable {
  /// The text so far.
  public private(set) var bytes: [UInt8] = []
  private var needsComma = false

  /// Makes an empty writer.
  public init(reservingBytes count: Int = 256) { bytes.reserveCapacity(count) }

  /// Opens an object.
  public mutating func beginObject() { open(UInt8(ascii: "{")) }
  /// Closes an object.
  public mutating func endObject() { close(UInt8(ascii: "}")) }
  /// Opens an array.
  public mutating func beginArray() { open(UInt8(ascii: "[")) }
  /// Closes an array.
  public mutating func endArray() { close(UInt8(ascii: "]")) }

  /// Writes a member's key; its value follows.
  public mutating func key(_ name: String) {
    comma()
    quoted(name)
    bytes.append(UInt8(ascii: ":"))
    needsComma = false
  }

  /// Writes a string.
  public mutating func string(_ value: String) {
    comma()
    quoted(value)
    needsComma = true
  }

  /// Writes a string from UTF-8 bytes, which must be valid.
  public mutating func string(utf8 value: UnsafeBufferPointer<UInt8>) {
    comma()
    quoted(value)
    needsComma = true
  }

  /// Writes an integer.
  public mutating func int(_ value: Int64) {
    comma()
    if value < 0 { bytes.append(UInt8(ascii: "-")) }
    digits(value.magnitude)
    needsComma = true
  }

  /// Writes a number in the shortest form that reads back equal; `null` for NaN and infinities.
  public mutating func double(_ value: Double) {
    guard value.isFinite else { return null() }
    comma()
    if value == value.rounded(.towardZero), abs(value) < 1e15 {
      if value.sign == .minus { bytes.append(UInt8(ascii: "-")) }
      digits(UInt64(abs(value)))
    } else {
      bytes.append(contentsOf: value.description.utf8)
    }
    needsComma = true
  }

  /// Writes `true` or `false`.
  public mutating func bool(_ value: Bool) { raw(value ? "true" : "false") }

  /// Writes `null`.
  public mutating func null() { raw("null") }

  /// Writes text that is JSON already.
  public mutating func raw(_ json: some Sequence<UInt8>) {
    comma()
    bytes.append(contentsOf: json)
    needsComma = true
  }

  /// Writes a part of a text that is JSON already.
  public mutating func raw(_ json: ArraySlice<UInt8>) {
    comma()
    json.withUnsafeBufferPointer { bytes.append(contentsOf: $0) }
    needsComma = true
  }

  /// Writes a member as it stands in its document.
  public mutating func member(as key: JSONView, _ value: JSONView) {
    raw(key.rawBytes)
    bytes.append(UInt8(ascii: ":"))
    needsComma = false
    raw(value.rawBytes)
  }

  private mutating func raw(_ word: StaticString) {
    raw(UnsafeBufferPointer(start: word.utf8Start, count: word.utf8CodeUnitCount))
  }

  /// Writes a member with a string.
  public mutating func member(_ name: String, _ value: String) {
    key(name)
    string(value)
  }
  /// Writes a member with an integer.
  public mutating func member(_ name: String, _ value: Int64) {
    key(name)
    int(value)
  }
  /// Writes a member with a number.
  public mutating func member(_ name: String, _ value: Double) {
    key(name)
    double(value)
  }
  /// Writes a member with a truth value.
  public mutating func member(_ name: String, _ value: Bool) {
    key(name)
    bool(value)
  }
  /// Writes a member, or nothing for `nil`.
  public mutating func member(_ name: String, ifPresent value: String?) { if let value { member(name, value) } }
  /// Writes a member, or nothing for `nil`.
  public mutating func member(_ name: String, ifPresent value: Int64?) { if let value { member(name, value) } }
  /// Writes a member, `null` for `nil`.
  public mutating func member(_ name: String, orNull value: String?) {
    key(name)
    if let value { string(value) } else { null() }
  }
  /// A member that is a list of strings.
  public mutating func member(_ name: String, _ values: some Sequence<String>) {
    key(name)
    beginArray()
    for value in values { string(value) }
    endArray()
  }
  /// A member that is a list of objects; `write` writes the members of one.
  @inlinable
  public mutating func objects<Element>(
    _ name: String, _ elements: some Sequence<Element>, _ write: (Element, inout JSONWriter) -> Void
  ) {
    key(name)
    beginArray()
    appendObjects(elements, write)
    endArray()
  }
  /// Objects as elements of an array that is open.
  @inlinable
  public mutating func appendObjects<Element>(
    _ elements: some Sequence<Element>, _ write: (Element, inout JSONWriter) -> Void
  ) {
    for element in elements {
      beginObject()
      write(element, &self)
      endObject()
    }
  }
  /// Writes a member with JSON text.
  public mutating func member(_ name: String, raw json: some Sequence<UInt8>) {
    key(name)
    raw(json)
  }

  private mutating func open(_ bracket: UInt8) {
    comma()
    bytes.append(bracket)
    needsComma = false
  }

  private mutating func close(_ bracket: UInt8) {
    bytes.append(bracket)
    needsComma = true
  }

  private mutating func comma() { if needsComma { bytes.append(UInt8(ascii: ",")) } }

  private mutating func digits(_ value: UInt64) {
    guard value >= 10 else { return bytes.append(48 + UInt8(value)) }
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 20) { buffer in
      var start = 20
      var rest = value
      while rest > 0 {
        start -= 1
        buffer[start] = 48 + UInt8(rest % 10)
        rest /= 10
      }
      bytes.append(contentsOf: buffer[start..<20])
    }
  }

  private mutating func quoted(_ value: String) {
    var value = value
    value.withUTF8 { quoted($0) }
  }

  /// Copies runs that need no escape in one piece.
  private mutating func quoted(_ value: UnsafeBufferPointer<UInt8>) {
    bytes.append(UInt8(ascii: "\""))
    var start = 0
    var at = 0
    while at < value.count {
      at = JSONWriter.nextSpecial(value, at)
      guard at < value.count else { break }
      bytes.append(contentsOf: UnsafeBufferPointer(rebasing: value[start..<at]))
      escape(value[at])
      at += 1
      start = at
    }
    bytes.append(contentsOf: UnsafeBufferPointer(rebasing: value[start..<value.count]))
    bytes.append(UInt8(ascii: "\""))
  }

  private mutating func escape(_ byte: UInt8) {
    bytes.append(UInt8(ascii: "\\"))
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"): bytes.append(byte)
    case 0x08: bytes.append(UInt8(ascii: "b"))
    case 0x09: bytes.append(UInt8(ascii: "t"))
    case 0x0A: bytes.append(UInt8(ascii: "n"))
    case 0x0C: bytes.append(UInt8(ascii: "f"))
    case 0x0D: bytes.append(UInt8(ascii: "r"))
    default:
      bytes.append(contentsOf: "u00".utf8)
      bytes.append(byte >> 4 == 0 ? UInt8(ascii: "0") : UInt8(ascii: "1"))
      let low = byte & 0xF
      bytes.append(low < 10 ? 48 + low : 87 + low)
    }
  }

  private static func nextSpecial(_ text: UnsafeBufferPointer<UInt8>, _ start: Int) -> Int {
    guard let base = UnsafeRawPointer(text.baseAddress) else { return text.count }
    var at = start
    let ones: UInt64 = 0x0101_0101_0101_0101
    while at + 8 <= text.count {
      let word = base.loadUnaligned(fromByteOffset: at, as: UInt64.self)
      let quote = word ^ (ones &* 0x22)
      let slash = word ^ (ones &* 0x5C)
      let found =
        ((quote &- ones) & ~quote | (slash &- ones) & ~slash | (word &- ones &* 0x20) & ~word)
        & 0x8080_8080_8080_8080
      if found != 0 { return at + found.trailingZeroBitCount / 8 }
      at += 8
    }
    while at < text.count, text[at] != 0x22, text[at] != 0x5C, text[at] >= 0x20 { at += 1 }
    return at
  }
}
