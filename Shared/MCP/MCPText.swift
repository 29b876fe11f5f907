/// Text of the other side, made safe for terminals, logs and models.
public enum MCPText {
  /// The text without escape sequences of terminals, control characters (line feeds and tabs stay), marks that change
  /// the direction of writing, and invisible tag characters; cut to `bytesMax` bytes of UTF-8.
  public static func plain(_ text: String, bytesMax: Int = .max) -> String {
    if text.utf8.count <= bytesMax, text.utf8.allSatisfy({ $0 >= 0x20 && $0 < 0x7F || $0 == 0x0A || $0 == 0x09 }) {
      return text
    }
    var result = ""
    var bytes = 0
    var filter = EscapeFilter()
    for scalar in text.unicodeScalars where filter.keeps(scalar) && !isHidden(scalar) {
      let width = UTF8.width(scalar)
      guard bytes + width <= bytesMax else { break }
      bytes += width
      result.unicodeScalars.append(scalar)
    }
    return result
  }

  private static func isHidden(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0x09, 0x0A: false
    case 0..<0x20, 0x7F..<0xA0: true
    // Direction overrides and isolates, and the marks at which text changes its direction.
    case 0x202A...0x202E, 0x2066...0x2069, 0x200E, 0x200F: true
    // Tag characters: text that nobody sees and a model reads.
    case 0xE0000...0xE007F: true
    case 0xFEFF: true
    default: false
    }
  }

  /// Leaves out escape sequences (ECMA-48) whole, not only their first character.
  private struct EscapeFilter {
    private enum State { case text, escape, control, string, stringEscape }
    private var state = State.text

    mutating func keeps(_ scalar: Unicode.Scalar) -> Bool {
      switch (state, scalar.value) {
      case (.text, 0x1B): state = .escape
      case (.text, 0x9B): state = .control
      case (.text, 0x90), (.text, 0x9D): state = .string
      case (.text, _): return true
      case (.escape, 0x5B): state = .control
      case (.escape, 0x5D), (.escape, 0x50), (.escape, 0x58), (.escape, 0x5E), (.escape, 0x5F): state = .string
      case (.escape, 0x20...0x2F): break
      case (.escape, _): state = .text
      case (.control, 0x20...0x3F): break
      case (.control, 0x40...0x7E): state = .text
      case (.control, _):
        // Broken off: what follows is text again.
        state = .text
        return true
      case (.string, 0x07), (.string, 0x9C), (.string, 0x0A): state = .text
      case (.string, 0x1B): state = .stringEscape
      case (.string, _): break
      case (.stringEscape, 0x5C): state = .text
      case (.stringEscape, _): state = .string
      }
      return false
    }
  }
}
