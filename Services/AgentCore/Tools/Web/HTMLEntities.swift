/// Character references of HTML: numeric ones and the usual names.
enum HTMLEntities {
  private static let bytesMax = 12

  private static let named: [String: String] = [
    "amp": "&", "lt": "<", "gt": ">", "quot": "\"", "apos": "'", "nbsp": "\u{A0}", "copy": "©", "reg": "®",
    "trade": "™", "hellip": "…", "mdash": "—", "ndash": "–", "lsquo": "‘", "rsquo": "’", "sbquo": "‚", "ldquo": "“",
    "rdquo": "”", "bdquo": "„", "laquo": "«", "raquo": "»", "lsaquo": "‹", "rsaquo": "›", "bull": "•", "middot": "·",
    "deg": "°", "plusmn": "±", "times": "×", "divide": "÷", "frac12": "½", "frac14": "¼", "frac34": "¾", "sup2": "²",
    "sup3": "³", "micro": "µ", "para": "¶", "sect": "§", "euro": "€", "pound": "£", "yen": "¥", "cent": "¢",
    "larr": "←", "rarr": "→", "uarr": "↑", "darr": "↓", "harr": "↔", "le": "≤", "ge": "≥", "ne": "≠", "asymp": "≈",
    "infin": "∞", "minus": "−", "auml": "ä", "ouml": "ö", "uuml": "ü", "Auml": "Ä", "Ouml": "Ö", "Uuml": "Ü",
    "szlig": "ß", "eacute": "é", "egrave": "è", "ecirc": "ê", "agrave": "à", "aacute": "á", "acirc": "â", "aring": "å",
    "ccedil": "ç", "iacute": "í", "oacute": "ó", "uacute": "ú", "ntilde": "ñ", "oslash": "ø", "aelig": "æ",
    "Eacute": "É", "Agrave": "À", "Ccedil": "Ç", "shy": "", "zwnj": "", "zwj": "", "ensp": " ", "emsp": " ",
    "thinsp": " ",
  ]

  /// What a reference at `&` stands for and its length; `nil` when it is only a character.
  static func read(_ bytes: ArraySlice<UInt8>) -> (text: String?, length: Int) {
    let body = bytes.dropFirst().prefix(bytesMax).prefix { $0 != UInt8(ascii: ";") }
    let end = bytes.startIndex + 1 + body.count
    guard !body.isEmpty, body.count < bytesMax, end < bytes.endIndex else { return (nil, 0) }
    let length = body.count + 2
    let name = String(decoding: body, as: UTF8.self)
    guard name.hasPrefix("#") else { return (named[name], length) }
    let digits = name.dropFirst()
    let value =
      digits.first.map { $0 == "x" || $0 == "X" } ?? false ? UInt32(digits.dropFirst(), radix: 16) : UInt32(digits)
    guard let value else { return (nil, 0) }
    guard let scalar = Unicode.Scalar(value), value != 0 else { return ("\u{FFFD}", length) }
    return (String(Character(scalar)), length)
  }

  /// A text with its references replaced.
  static func decode(_ text: String) -> String {
    guard text.utf8.contains(UInt8(ascii: "&")) else { return text }
    var bytes = Array(text.utf8)[...]
    var result: [UInt8] = []
    while let byte = bytes.first {
      if byte == UInt8(ascii: "&"), case let (replacement?, length) = read(bytes) {
        result += Array(replacement.utf8)
        bytes = bytes.dropFirst(length)
      } else {
        result.append(byte)
        bytes.removeFirst()
      }
    }
    return String(decoding: result, as: UTF8.self)
  }
}
