/// Texts that C has written into a buffer.
enum CText {
  static func string(_ buffer: [CChar]) -> String {
    String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  /// The beginning of a text that may have words of a guest, without control characters.
  static func beginning(_ text: String, bytesMax: Int) -> String {
    let plain = text.unicodeScalars.filter { !$0.properties.isDefaultIgnorableCodePoint && $0.value >= 32 }
    return String(decoding: String(String.UnicodeScalarView(plain)).utf8.prefix(bytesMax), as: UTF8.self)
  }
}
