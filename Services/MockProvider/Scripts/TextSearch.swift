internal import Glibc

extension String {
  /// Whether the text holds `needle`, byte by byte; much faster than by characters, which matters under load.
  func containsBytes(of needle: String) -> Bool {
    var (text, needle) = (self, needle)
    return text.withUTF8 { text in
      needle.withUTF8 { needle in
        guard let needleStart = needle.baseAddress, let first = needle.first else { return true }
        guard let start = text.baseAddress else { return false }
        var position = 0
        while text.count - position >= needle.count {
          guard let found = memchr(start + position, Int32(first), text.count - position) else { return false }
          position = UnsafeRawPointer(found) - UnsafeRawPointer(start)
          guard text.count - position >= needle.count else { return false }
          if memcmp(start + position, needleStart, needle.count) == 0 { return true }
          position += 1
        }
        return false
      }
    }
  }
}
