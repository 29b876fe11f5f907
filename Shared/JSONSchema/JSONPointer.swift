public import JSON

/// JSON pointers (RFC 6901).
public enum JSONPointer {
  /// Longer names are cut in the pointers of messages.
  private static let displayBytesMax = 200

  /// A name as a part of a pointer.
  public static func escape(_ name: String) -> String {
    guard name.utf8.contains(where: { $0 == UInt8(ascii: "~") || $0 == UInt8(ascii: "/") }) else { return name }
    return name.unicodeScalars.reduce(into: "") { $0 += $1 == "~" ? "~0" : $1 == "/" ? "~1" : String($1) }
  }

  /// A name of the input as a part of a pointer in a message.
  static func display(_ name: String) -> String {
    guard name.utf8.count > displayBytesMax else { return escape(name) }
    return escape(String(decoding: name.utf8.prefix(displayBytesMax), as: UTF8.self)) + "..."
  }

  /// The parts of a pointer; `nil` when it is none.
  public static func parts(of pointer: some StringProtocol) -> [String]? {
    if pointer.isEmpty { return [] }
    guard pointer.utf8.first == UInt8(ascii: "/") else { return nil }
    var parts: [String] = []
    for part in pointer.utf8.dropFirst().split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false) {
      var bytes: [UInt8] = []
      var isEscape = false
      for byte in part {
        if isEscape {
          guard byte == UInt8(ascii: "0") || byte == UInt8(ascii: "1") else { return nil }
          bytes.append(byte == UInt8(ascii: "0") ? UInt8(ascii: "~") : UInt8(ascii: "/"))
          isEscape = false
        } else if byte == UInt8(ascii: "~") {
          isEscape = true
        } else {
          bytes.append(byte)
        }
      }
      if isEscape { return nil }
      parts.append(String(decoding: bytes, as: UTF8.self))
    }
    return parts
  }

  /// The value that one part leads to.
  public static func step(_ part: String, in view: JSONView) -> JSONView? {
    switch view.kind {
    case .object: return view[part]
    case .array:
      guard part == "0" || part.utf8.first != UInt8(ascii: "0"), part.utf8.allSatisfy({ $0 &- 48 < 10 }),
        let index = Int(part)
      else { return nil }
      return view[index]
    default: return nil
    }
  }
}
