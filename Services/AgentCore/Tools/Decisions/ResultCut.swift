/// Cuts a long text for a model: the head and the tail stay, the middle is left out.
public enum ResultCut {
  /// A text cut to `bytesMax` bytes at the borders of scalars, or as it is when it fits. `pointer` says where the whole
  /// is, for example an artefact.
  public static func cut(_ text: String, bytesMax: Int, pointer: String?) -> String {
    var text = text
    return text.withUTF8 { bytes in
      guard bytes.count > bytesMax else { return String(decoding: bytes, as: UTF8.self) }
      let note = "\n[... \(bytes.count) bytes in all, the middle is left out\(pointer.map { "; \($0)" } ?? "") ...]\n"
      let room = max(0, bytesMax - note.utf8.count)
      guard room > 0 else { return String(decoding: bytes[..<border(bytes, bytesMax, down: true)], as: UTF8.self) }
      // The head says what it is, the end how it came out: two thirds and one third.
      let head = border(bytes, room * 2 / 3, down: true)
      let tail = border(bytes, bytes.count - (room - head), down: false)
      return String(decoding: bytes[..<head], as: UTF8.self) + note + String(decoding: bytes[tail...], as: UTF8.self)
    }
  }

  /// The nearest place at which a scalar begins.
  private static func border(_ bytes: UnsafeBufferPointer<UInt8>, _ place: Int, down: Bool) -> Int {
    var place = min(max(0, place), bytes.count)
    while place > 0, place < bytes.count, bytes[place] & 0xC0 == 0x80 { place += down ? -1 : 1 }
    return place
  }
}
