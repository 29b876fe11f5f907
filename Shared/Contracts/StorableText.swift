/// Text that every store and every protocol takes: bounded in bytes and without U+0000.
public enum StorableText {
  private static let mark = "…"

  /// `text` with U+0000 replaced by U+FFFD, cut at the border of a character when it is longer than `bytesMax` bytes
  /// (a cut is marked where there is room for it), and `fallback` when nothing is left.
  public static func make(_ text: String, bytesMax: Int, fallback: String = "") -> String {
    var clean = text
    if clean.utf8.contains(0) {
      clean = String(String.UnicodeScalarView(clean.unicodeScalars.map { $0 == "\0" ? "\u{FFFD}" : $0 }))
    }
    if clean.utf8.count > bytesMax { clean = cut(clean, bytesMax) }
    return clean.isEmpty ? fallback : clean
  }

  private static func cut(_ text: String, _ bytesMax: Int) -> String {
    let room = bytesMax - mark.utf8.count
    guard room > 0 else { return prefix(text, max(0, bytesMax)) }
    return prefix(text, room) + mark
  }

  /// The whole characters that fit; of a single character that is too long the whole scalars that fit.
  private static func prefix(_ text: String, _ bytesMax: Int) -> String {
    var end = text.startIndex
    var used = 0
    for index in text.indices {
      let next = text.index(after: index)
      used += text.utf8.distance(from: index, to: next)
      guard used <= bytesMax else { break }
      end = next
    }
    if end > text.startIndex { return String(text[..<end]) }
    var scalars = String.UnicodeScalarView()
    used = 0
    for scalar in text.unicodeScalars {
      used += UTF8.width(scalar)
      guard used <= bytesMax else { break }
      scalars.append(scalar)
    }
    return String(scalars)
  }
}
