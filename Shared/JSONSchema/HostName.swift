/// Host names (RFC 1123) and internationalized ones (RFC 5890 and its companions).
enum HostName {
  private static let labelBytesMax = 63
  private static let bytesMax = 253

  /// `needsNormalForm` refuses labels that are not in the form in which they are looked up.
  static func isValid(_ text: String, isInternational: Bool, needsNormalForm: Bool = true) -> Bool {
    let text =
      isInternational
      ? String(text.unicodeScalars.reduce(into: "") { $0.unicodeScalars.append(isSeparator($1) ? "." : $1) }) : text
    let labels = text.unicodeScalars.split(separator: ".", omittingEmptySubsequences: false)
    var decoded: [[Unicode.Scalar]] = []
    var length = labels.count - 1
    for label in labels {
      let scalars = Array(label)
      guard !scalars.isEmpty, isInternational || scalars.allSatisfy(\.isASCII) else { return false }
      if scalars.allSatisfy(\.isASCII) {
        guard let unicode = decode(scalars) else { return false }
        length += scalars.count
        decoded.append(unicode)
      } else {
        guard let encoded = Punycode.encode(scalars), encoded.utf8.count + 4 <= labelBytesMax,
          InternationalLabel.isValid(scalars, needsNormalForm: needsNormalForm)
        else { return false }
        length += encoded.utf8.count + 4
        decoded.append(scalars)
      }
    }
    guard length <= bytesMax else { return false }
    return !decoded.contains(where: InternationalLabel.isRightToLeft)
      || decoded.allSatisfy(InternationalLabel.followsBidiRule)
  }

  private static func isSeparator(_ scalar: Unicode.Scalar) -> Bool {
    ["\u{3002}", "\u{FF0E}", "\u{FF61}"].contains(scalar)
  }

  /// A label of ASCII; one that begins with `xn--` stands for what it encodes. `nil` when it is not valid.
  private static func decode(_ label: [Unicode.Scalar]) -> [Unicode.Scalar]? {
    let isMade = label.allSatisfy {
      ReferenceGrammar.isAlphanumeric(UInt8(truncatingIfNeeded: $0.value)) || $0 == "-"
    }
    guard isMade, label.count <= labelBytesMax, label.first != "-", label.last != "-" else { return nil }
    guard label.count >= 4, label[2] == "-", label[3] == "-" else { return label }
    let text = String(String.UnicodeScalarView(label)).lowercased()
    guard text.hasPrefix("xn--") else { return nil }
    let encoded = text.dropFirst(4)
    guard let unicode = Punycode.decode(encoded), !unicode.allSatisfy(\.isASCII),
      Punycode.encode(unicode) == String(encoded), InternationalLabel.isValid(unicode, needsNormalForm: true)
    else { return nil }
    return unicode
  }
}

/// Unicode in the letters of host names (RFC 3492).
enum Punycode {
  private static let base = 36
  private static let thresholdMin = 1
  private static let thresholdMax = 26
  private static let skew = 38
  private static let damp = 700
  private static let biasFirst = 72
  private static let scalarsMax = 300

  private static func threshold(_ place: Int, _ bias: Int) -> Int {
    min(max(place - bias, thresholdMin), thresholdMax)
  }

  private static func adapt(_ delta: Int, count: Int, isFirst: Bool) -> Int {
    var delta = isFirst ? delta / damp : delta / 2
    delta += delta / count
    var bias = 0
    while delta > (base - thresholdMin) * thresholdMax / 2 {
      delta /= base - thresholdMin
      bias += base
    }
    return bias + (base - thresholdMin + 1) * delta / (delta + skew)
  }

  static func encode(_ scalars: [Unicode.Scalar]) -> String? {
    guard scalars.count <= scalarsMax else { return nil }
    var output = scalars.filter(\.isASCII).map { UInt8(truncatingIfNeeded: $0.value) }
    let basicCount = output.count
    var handled = basicCount
    if basicCount > 0 { output.append(UInt8(ascii: "-")) }
    var current = 128
    var delta = 0
    var bias = biasFirst
    while handled < scalars.count {
      // All code points and counts are small, so nothing overflows 64 bits.
      let next = scalars.lazy.map { Int($0.value) }.filter { $0 >= current }.min() ?? current
      delta += (next - current) * (handled + 1)
      current = next
      for scalar in scalars {
        if scalar.value < current { delta += 1 }
        guard scalar.value == current else { continue }
        var rest = delta
        var place = base
        while true {
          let limit = threshold(place, bias)
          guard rest >= limit else { break }
          output.append(digit(limit + (rest - limit) % (base - limit)))
          rest = (rest - limit) / (base - limit)
          place += base
        }
        output.append(digit(rest))
        bias = adapt(delta, count: handled + 1, isFirst: handled == basicCount)
        delta = 0
        handled += 1
      }
      delta += 1
      current += 1
    }
    return String(decoding: output, as: UTF8.self)
  }

  private static func digit(_ value: Int) -> UInt8 {
    UInt8(truncatingIfNeeded: value < 26 ? value + 97 : value - 26 + 48)
  }

  static func decode(_ text: Substring) -> [Unicode.Scalar]? {
    guard text.utf8.count <= scalarsMax else { return nil }
    let split = text.lastIndex(of: "-")
    var output = split.map { Array(text[..<$0].unicodeScalars) } ?? []
    guard output.allSatisfy(\.isASCII) else { return nil }
    var rest = (split.map { text[text.index(after: $0)...] } ?? text).utf8[...]
    var current = 128
    var index = 0
    var bias = biasFirst
    while !rest.isEmpty {
      let before = index
      var weight = 1
      var place = base
      while true {
        guard let byte = rest.popFirst(), let digit = value(byte) else { return nil }
        let (product, isOver) = digit.multipliedReportingOverflow(by: weight)
        let (sum, isOverToo) = index.addingReportingOverflow(product)
        guard !isOver, !isOverToo else { return nil }
        index = sum
        let limit = threshold(place, bias)
        if digit < limit { break }
        let (next, isTooMuch) = weight.multipliedReportingOverflow(by: base - limit)
        guard !isTooMuch else { return nil }
        weight = next
        place += base
      }
      bias = adapt(index - before, count: output.count + 1, isFirst: before == 0)
      let (codePoint, isOver) = current.addingReportingOverflow(index / (output.count + 1))
      guard !isOver, let value = UInt32(exactly: codePoint), let scalar = Unicode.Scalar(value) else { return nil }
      current = codePoint
      index %= output.count + 1
      output.insert(scalar, at: index)
      index += 1
    }
    return output
  }

  private static func value(_ byte: UInt8) -> Int? {
    switch byte {
    case 97...122: Int(byte) - 97
    case 65...90: Int(byte) - 65
    case 48...57: Int(byte) - 48 + 26
    default: nil
    }
  }
}
