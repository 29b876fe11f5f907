public import JSON

/// Reads the JSON of providers, which is not always JSON, and may hold halves of characters.
public struct ProviderJSON: Sendable {
  /// The document.
  public let document: JSONDocument
  /// Whether it had to be mended; halves of characters are marks then, see `SplitCharacters`.
  public let isRepaired: Bool

  /// Reads a text; nil when it cannot be understood.
  public init?(_ bytes: [UInt8]) {
    if let document = try? JSONDocument(parsing: bytes) {
      self.document = document
      isRepaired = false
      return
    }
    guard bytes.count <= JSONLimits.standard.bytesMax,
      let document = try? JSONDocument(lenientlyParsing: SplitCharacters.marked(bytes))
    else { return nil }
    self.document = document
    isRepaired = true
  }

  /// A text that was made of the document, as it can be sent: marks are halves of surrogate pairs again, which clients
  /// put together, or the sign for what is no character.
  public func sendable(_ text: [UInt8]) -> [UInt8] { isRepaired ? SplitCharacters.unmarked(text) : text }

  /// The outermost value.
  public var root: JSONView { document.root }
}

/// Characters that a stream has cut in two: halves of surrogate pairs, and bytes of UTF-8. In repaired documents each
/// half is a mark in plane 16 (private use); the halves are put together here.
struct SplitCharacters: Sendable {
  /// Plus a surrogate (U+D800 to U+DFFF) it is a mark.
  static let surrogates: UInt32 = 0x10_0000
  /// Plus a byte it is a mark.
  static let bytes: UInt32 = 0x10_E000

  /// A text with marks in place of the halves.
  static func marked(_ text: [UInt8]) -> [UInt8] {
    var result: [UInt8] = []
    result.reserveCapacity(text.count + 16)
    var at = 0
    while at < text.count {
      let byte = text[at]
      if byte == UInt8(ascii: "\\") {
        let length = escapeLength(text, at)
        if let unit = unit(text, at), length == 6, unit & 0xF800 == 0xD800 {
          append(surrogates + UInt32(unit), to: &result)
        } else {
          result += text[at..<at + length]
        }
        at += length
      } else if byte < 0x80 {
        result.append(byte)
        at += 1
      } else {
        let length = length(byte)
        if length > 1, at + length <= text.count, String(validating: text[at..<at + length], as: UTF8.self) != nil {
          result += text[at..<at + length]
          at += length
        } else {
          append(bytes + UInt32(byte), to: &result)
          at += 1
        }
      }
    }
    return result
  }

  /// The text without marks.
  static func unmarked(_ text: [UInt8]) -> [UInt8] {
    var result: [UInt8] = []
    result.reserveCapacity(text.count)
    for scalar in String(decoding: text, as: UTF8.self).unicodeScalars {
      if scalar.value & 0x1F_F800 == surrogates + 0xD800 {
        result += Array("\\u\(String(scalar.value - surrogates, radix: 16))".utf8)
      } else {
        result += Array((isByte(scalar) ? "\u{FFFD}" : String(scalar)).utf8)
      }
    }
    return result
  }

  /// The bytes of an escape: 12 of a pair, 6 of a unit, 2 of others.
  private static func escapeLength(_ text: [UInt8], _ at: Int) -> Int {
    guard let unit = unit(text, at) else { return min(2, text.count - at) }
    guard unit & 0xFC00 == 0xD800, let low = self.unit(text, at + 6), low & 0xFC00 == 0xDC00 else { return 6 }
    return 12
  }

  /// The unit of a `\uXXXX` at a place.
  private static func unit(_ text: [UInt8], _ start: Int) -> UInt16? {
    guard start + 6 <= text.count, text[start] == UInt8(ascii: "\\"), text[start + 1] == UInt8(ascii: "u") else {
      return nil
    }
    var unit: UInt16 = 0
    for byte in text[start + 2..<start + 6] {
      guard let digit = JSONPrefix.hexValue(byte) else { return nil }
      unit = unit << 4 | UInt16(digit)
    }
    return unit
  }

  private static func append(_ mark: UInt32, to bytes: inout [UInt8]) {
    guard let scalar = Unicode.Scalar(mark) else { return }
    bytes += Array(String(Character(scalar)).utf8)
  }

  /// The first halves that came last.
  private var carried: [Unicode.Scalar] = []

  var isEmpty: Bool { carried.isEmpty }

  /// How many bytes a character has that begins with a byte; 1 when none does.
  static func length(_ byte: UInt8) -> Int {
    switch byte {
    case 0xC2...0xDF: 2
    case 0xE0...0xEF: 3
    case 0xF0...0xF4: 4
    default: 1
    }
  }

  /// A text with whole characters; halves at its end wait for the next one.
  mutating func join(_ text: String) -> String {
    var scalars = carried[...] + ArraySlice(text.unicodeScalars)
    carried = []
    var result = String.UnicodeScalarView()
    while let first = scalars.first {
      if first.value & 0x1F_FC00 == 0x10_D800 {
        guard let second = scalars.dropFirst().first else {
          carried = [first]
          break
        }
        scalars = scalars.dropFirst()
        guard second.value & 0x1F_FC00 == 0x10_DC00 else {
          result.append("\u{FFFD}")
          continue
        }
        scalars = scalars.dropFirst()
        let value = 0x10000 + (first.value & 0x3FF) << 10 + second.value & 0x3FF
        result.append(Unicode.Scalar(value) ?? "\u{FFFD}")
      } else if SplitCharacters.isByte(first) {
        let run = scalars.prefix { SplitCharacters.isByte($0) }
        scalars = scalars.dropFirst(run.count)
        let bytes = run.map { UInt8(truncatingIfNeeded: $0.value) }
        let open = scalars.isEmpty ? SplitCharacters.openEnd(bytes) : 0
        carried = Array(run.suffix(open))
        result.append(contentsOf: String(decoding: bytes.dropLast(open), as: UTF8.self).unicodeScalars)
      } else {
        scalars = scalars.dropFirst()
        result.append(first.value & 0x1F_FC00 == 0x10_DC00 ? "\u{FFFD}" : first)
      }
    }
    return String(result)
  }

  private static func isByte(_ scalar: Unicode.Scalar) -> Bool {
    scalar.value >= bytes && scalar.value <= bytes + 0xFF
  }

  /// How many bytes at the end are the beginning of a character.
  private static func openEnd(_ bytes: [UInt8]) -> Int {
    for count in 1...3 where count <= bytes.count {
      let first = bytes[bytes.count - count]
      if first & 0xC0 != 0x80 { return length(first) > count ? count : 0 }
    }
    return 0
  }
}
