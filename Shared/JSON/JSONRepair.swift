extension JSONDocument {
  /// Parses what a peer sent as JSON and is not quite: a byte order mark, a member twice (the last one counts, as for
  /// most parsers), `NaN` and infinities (`null`), raw control characters in strings, escapes that do not exist, halves
  /// of surrogate pairs, bytes that are not UTF-8. For answers of others only: what callers send is parsed strictly.
  ///
  /// `bytes` of the document is then the mended text. Texts that are right cost nothing more.
  public init(lenientlyParsing bytes: [UInt8], limits: JSONLimits = .standard) throws(JSONError) {
    do {
      self = try JSONDocument(parsing: bytes, limits: limits)
    } catch {
      guard error.code != .tooLarge, error.code != .tooDeep, bytes.count <= limits.bytesMax else { throw error }
      var repair = JSONRepair(bytes)
      let mended = repair.run()
      do {
        self = try JSONDocument(parsing: mended, limits: limits)
      } catch {
        guard error.code == .duplicateKey else { throw error }
        var loosened = limits
        loosened.allowsDuplicateKeys = true
        let loose = try JSONDocument(parsing: mended, limits: loosened)
        var text: [UInt8] = []
        text.reserveCapacity(mended.count)
        JSONRepair.append(loose.root, to: &text)
        self = try JSONDocument(parsing: text, limits: limits)
      }
    }
  }
}

/// Rewrites a text token by token into the nearest one that may be valid. Does not check the grammar: that is the
/// parser's business afterwards.
struct JSONRepair {
  private let text: [UInt8]
  private var at = 0
  private var result: [UInt8] = []

  init(_ bytes: [UInt8]) {
    let body = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? Array(bytes.dropFirst(3)) : bytes
    // Decoding puts a replacement character in the place of what is not UTF-8.
    text = String(validating: body, as: UTF8.self) == nil ? Array(String(decoding: body, as: UTF8.self).utf8) : body
    result.reserveCapacity(text.count + 16)
  }

  mutating func run() -> [UInt8] {
    while at < text.count {
      switch text[at] {
      case UInt8(ascii: "\""): string()
      case UInt8(ascii: "N"), UInt8(ascii: "I"), UInt8(ascii: "n"), UInt8(ascii: "i"), UInt8(ascii: "-"),
        UInt8(ascii: "+"):
        word()
      case 0: at += 1
      default:
        result.append(text[at])
        at += 1
      }
    }
    return result
  }

  private func has(_ word: StaticString) -> Bool {
    let count = word.utf8CodeUnitCount
    guard at + count <= text.count else { return false }
    for offset in 0..<count where text[at + offset] | 0x20 != word.utf8Start[offset] | 0x20 { return false }
    return true
  }

  /// `NaN` and infinities outside of strings.
  private mutating func word() {
    for name in ["-infinity", "+infinity", "infinity", "-inf", "+inf", "inf", "-nan", "nan"] as [StaticString]
    where has(name) {
      at += name.utf8CodeUnitCount
      result += Array("null".utf8)
      return
    }
    result.append(text[at])
    at += 1
  }

  private mutating func string() {
    result.append(text[at])
    at += 1
    while at < text.count {
      let byte = text[at]
      switch byte {
      case UInt8(ascii: "\""):
        result.append(byte)
        at += 1
        return
      case UInt8(ascii: "\\"): escape()
      case ..<0x20:
        let digits = Array("0123456789abcdef".utf8)
        result += Array("\\u00".utf8) + [digits[Int(byte >> 4)], digits[Int(byte & 15)]]
        at += 1
      default:
        result.append(byte)
        at += 1
      }
    }
  }

  private mutating func escape() {
    guard at + 1 < text.count else {
      at += 1
      return
    }
    let kind = text[at + 1]
    switch kind {
    case UInt8(ascii: "u"):
      guard let unit = unit(at) else { return escapeBackslash() }
      if unit & 0xF800 == 0xD800 {
        if unit & 0xFC00 == 0xD800, let low = self.unit(at + 6), low & 0xFC00 == 0xDC00 {
          result += text[at..<at + 12]
          at += 12
        } else {
          result += Array("\\ufffd".utf8)
          at += 6
        }
        return
      }
      result += text[at..<at + 6]
      at += 6
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"), UInt8(ascii: "f"),
      UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
      result += [text[at], kind]
      at += 2
    default: escapeBackslash()
    }
  }

  /// A backslash that begins no escape stands for itself.
  private mutating func escapeBackslash() {
    result += Array("\\\\".utf8)
    at += 1
  }

  /// The unit of a `\uXXXX` at a place.
  private func unit(_ start: Int) -> UInt16? {
    guard start + 6 <= text.count, text[start] == UInt8(ascii: "\\"), text[start + 1] == UInt8(ascii: "u") else {
      return nil
    }
    var value: UInt16 = 0
    for index in start + 2..<start + 6 {
      guard let digit = JSONString.hexValue(text[index]) else { return nil }
      value = value << 4 | UInt16(digit)
    }
    return value
  }

  /// Appends a value with the last of members that occur twice. The depth is bounded by the parser.
  static func append(_ view: JSONView, to bytes: inout [UInt8]) {
    switch view.kind {
    case .array:
      bytes.append(UInt8(ascii: "["))
      var isFirst = true
      for element in view.elements {
        if !isFirst { bytes.append(UInt8(ascii: ",")) }
        isFirst = false
        append(element, to: &bytes)
      }
      bytes.append(UInt8(ascii: "]"))
    case .object:
      var last: [String: Int] = [:]
      for (index, member) in view.members.enumerated() { last[member.key.string ?? ""] = index }
      bytes.append(UInt8(ascii: "{"))
      var isFirst = true
      for (index, member) in view.members.enumerated() where last[member.key.string ?? ""] == index {
        if !isFirst { bytes.append(UInt8(ascii: ",")) }
        isFirst = false
        bytes += member.key.rawBytes
        bytes.append(UInt8(ascii: ":"))
        append(member.value, to: &bytes)
      }
      bytes.append(UInt8(ascii: "}"))
    default: bytes += view.rawBytes
    }
  }
}
