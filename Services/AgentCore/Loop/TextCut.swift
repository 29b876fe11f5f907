/// Texts that are too long for a conversation: their beginning and their end, and where the whole can be found.
enum TextCut {
  /// Cuts out the middle. `whole` is the name of the artefact that holds the whole text.
  static func headAndTail(_ text: String, bytesMax: Int, whole: String?) -> String {
    let total = text.utf8.count
    guard total > bytesMax else { return text }
    let place = whole.map { "; the whole text is the artefact \"\($0)\"" } ?? ""
    let mark = "\n[… \(total) bytes, the middle is left out\(place) …]\n"
    let room = max(0, bytesMax - mark.utf8.count)
    let bytes = Array(text.utf8)
    var end = room * 3 / 4
    // Not within a character.
    while end > 0, end < bytes.count, bytes[end] & 0xC0 == 0x80 { end -= 1 }
    var start = bytes.count - room / 4
    while start < bytes.count, bytes[start] & 0xC0 == 0x80 { start += 1 }
    return String(decoding: bytes[..<end], as: UTF8.self) + mark + String(decoding: bytes[start...], as: UTF8.self)
  }
}
