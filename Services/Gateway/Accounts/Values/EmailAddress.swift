/// An e-mail address in the form in which it is stored and compared: lower case, without blanks around it.
package struct EmailAddress: Hashable, Sendable {
  /// Bytes of an address (RFC 5321 allows no longer path).
  package static let bytesMax = 254

  /// The address.
  package let text: String

  /// Reads an address; `nil` when it cannot be one. ASCII only: letters that look alike would let one address pass for
  /// another.
  package init?(_ text: String) {
    guard text.utf8.count <= EmailAddress.bytesMax + 2 else { return nil }
    var bytes = Array(text.utf8)[...]
    while bytes.first == 0x20 { bytes.removeFirst() }
    while bytes.last == 0x20 { bytes.removeLast() }
    guard (3...EmailAddress.bytesMax).contains(bytes.count), bytes.allSatisfy({ (0x21...0x7E).contains($0) }),
      !bytes.contains(where: { "\"(),:;<>[]\\".utf8.contains($0) })
    else { return nil }
    let parts = bytes.split(separator: UInt8(ascii: "@"), omittingEmptySubsequences: false)
    guard parts.count == 2, (1...64).contains(parts[0].count), let domain = parts.last, !domain.isEmpty,
      domain.first != UInt8(ascii: "."), domain.last != UInt8(ascii: ".")
    else { return nil }
    self.text = String(decoding: bytes.map { (65...90).contains($0) ? $0 | 0x20 : $0 }, as: UTF8.self)
  }
}
