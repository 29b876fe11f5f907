/// The escapes of valid JSON text.
public enum JSONEscapes {
  /// Whether a string in the text contains U+0000. A backslash that is escaped itself begins no escape.
  public static func containNull(_ text: some Sequence<UInt8>) -> Bool {
    let null: [UInt8] = Array("u0000".utf8)
    /// Bytes of the escape that have matched; `nil` outside of one.
    var matched: Int?
    for byte in text {
      guard let place = matched else {
        if byte == UInt8(ascii: "\\") { matched = 0 }
        continue
      }
      if byte != null[place] {
        // Another escape: its first letter ends it, for what may follow has no backslash.
        matched = nil
      } else if place == null.count - 1 {
        return true
      } else {
        matched = place + 1
      }
    }
    return false
  }
}
