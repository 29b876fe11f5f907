/// E-mail addresses as they are compared and counted, before they are looked up.
enum EmailForm {
  private static let bytesMax = 254

  /// The address in lower case, without blanks around it; `nil` for what cannot be one. ASCII only, as in accounts.
  static func normalized(_ text: String) -> String? {
    guard text.utf8.count <= bytesMax + 2 else { return nil }
    var bytes = Array(text.utf8)[...]
    while bytes.first == 0x20 { bytes.removeFirst() }
    while bytes.last == 0x20 { bytes.removeLast() }
    guard (3...bytesMax).contains(bytes.count), bytes.allSatisfy({ (0x21...0x7E).contains($0) }),
      bytes.contains(UInt8(ascii: "@"))
    else { return nil }
    return String(decoding: bytes.map { (65...90).contains($0) ? $0 | 0x20 : $0 }, as: UTF8.self)
  }
}
