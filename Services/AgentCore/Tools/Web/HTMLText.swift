/// HTML as text that a model reads well: headings, lists, tables and links keep a form, scripts and styles go. One
/// pass over the bytes, without a tree; time and memory are bounded by the length of the page, whatever is in it.
public struct HTMLText {
  /// Elements whose content is not text.
  private static let hidden: Set<String> = [
    "script", "style", "template", "svg", "noscript", "iframe", "object", "math", "canvas", "select", "textarea",
  ]
  private static let blocks: Set<String> = [
    "p", "div", "section", "article", "header", "footer", "main", "nav", "aside", "ul", "ol", "dl", "dt", "dd", "table",
    "tr", "blockquote", "figure", "figcaption", "form", "fieldset", "hr", "address", "details", "summary", "caption",
    "title", "body", "html", "head",
  ]
  private static let tagBytesMax = 8192
  private static let linkBytesMax = 500

  private let page: [UInt8]
  private var place = 0
  private let bytesMax: Int
  private var output: [UInt8] = []
  /// Whether the next word stands behind a blank.
  private var needsBlank = false
  /// Line ends before the next word.
  private var lineEnds = 0
  /// Depth of `pre`, in which blanks stay.
  private var preformatted = 0
  private var link: String?

  /// The text of a page, at most `bytesMax` bytes of it.
  public static func convert(_ html: String, bytesMax: Int) -> String {
    var converter = HTMLText(page: Array(html.utf8), bytesMax: bytesMax)
    converter.run()
    return String(decoding: converter.output, as: UTF8.self)
  }

  private init(page: [UInt8], bytesMax: Int) {
    self.page = page
    self.bytesMax = bytesMax
  }

  private mutating func run() {
    while place < page.count, output.count < bytesMax {
      let byte = page[place]
      switch byte {
      case UInt8(ascii: "<"): if !tag() { literal(byte) }
      case UInt8(ascii: "&"): entity()
      default: literal(byte)
      }
    }
    cut()
  }

  /// Ends the output within its bound, behind a whole scalar.
  private mutating func cut() {
    guard output.count >= bytesMax else { return }
    var end = min(output.count, bytesMax)
    var lead = end
    while lead > 0, end - lead < 4 {
      lead -= 1
      let byte = output[lead]
      if byte & 0xC0 == 0x80 { continue }
      let width = byte < 0x80 ? 1 : byte >= 0xF0 ? 4 : byte >= 0xE0 ? 3 : 2
      if lead + width > end { end = lead }
      break
    }
    output.removeLast(output.count - end)
  }

  // MARK: Text

  private mutating func literal(_ byte: UInt8) {
    place += 1
    emit(byte)
  }

  private mutating func emit(_ byte: UInt8) {
    if preformatted > 0, byte == 0x0A || byte == 0x20 || byte == 0x09 {
      flush()
      output.append(byte)
      return
    }
    if byte <= 0x20 || byte == 0x7F {
      needsBlank = true
      return
    }
    flush()
    output.append(byte)
  }

  private mutating func emit(_ text: String) { for byte in text.utf8 { emit(byte) } }

  /// Writes the blanks and line ends that were only due if something comes behind them.
  private mutating func flush() {
    if lineEnds > 0 {
      if !output.isEmpty { output += Array(repeating: 0x0A, count: min(lineEnds, 2)) }
    } else if needsBlank, let last = output.last, last != 0x0A, last != 0x20 {
      output.append(0x20)
    }
    lineEnds = 0
    needsBlank = false
  }

  private mutating func breakLine(_ count: Int) {
    lineEnds = max(lineEnds, count)
    needsBlank = false
  }

  // MARK: Tags

  /// Reads a tag, comment or declaration at `<`; `false` when it is only a character.
  private mutating func tag() -> Bool {
    let rest = page[place...]
    if rest.starts(with: Array("<!--".utf8)) {
      place = end(of: "-->", from: place + 4)
      return true
    }
    guard place + 1 < page.count else { return false }
    let next = page[place + 1]
    if next == UInt8(ascii: "!") || next == UInt8(ascii: "?") {
      place = end(of: ">", from: place + 2)
      return true
    }
    let isEnd = next == UInt8(ascii: "/")
    let start = place + (isEnd ? 2 : 1)
    guard start < page.count, (0x61...0x7A).contains(page[start] | 0x20) else { return false }
    let close = closing(from: start)
    let inner = page[start..<min(close, start + HTMLText.tagBytesMax)]
    place = min(close + 1, page.count)
    let name = String(
      decoding: inner.prefix { $0 > 0x20 && $0 != UInt8(ascii: "/") }.prefix(20), as: UTF8.self
    ).lowercased()
    if isEnd { ended(name) } else { began(name, inner) }
    return true
  }

  /// The place of the `>` that ends a tag; quoted values may have one.
  private func closing(from start: Int) -> Int {
    var quote: UInt8 = 0
    var at = start
    // A quote that is never closed must not swallow the page.
    let most = min(page.count, start + HTMLText.tagBytesMax)
    while at < most {
      let byte = page[at]
      if quote != 0 {
        if byte == quote { quote = 0 }
      } else if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "'") {
        quote = byte
      } else if byte == UInt8(ascii: ">") {
        return at
      }
      at += 1
    }
    at = start
    while at < page.count, page[at] != UInt8(ascii: ">") { at += 1 }
    return at
  }

  private func end(of mark: StaticString, from start: Int) -> Int {
    let count = mark.utf8CodeUnitCount
    var at = start
    while at + count <= page.count {
      if (0..<count).allSatisfy({ page[at + $0] == mark.utf8Start[$0] }) { return at + count }
      at += 1
    }
    return page.count
  }

  private mutating func began(_ name: String, _ tag: ArraySlice<UInt8>) {
    if HTMLText.hidden.contains(name) {
      if tag.last != UInt8(ascii: "/") { skip(name) }
      return
    }
    switch name {
    case "br": breakLine(1)
    case "li":
      breakLine(1)
      emit("- ")
      output.append(0x20)
    case "h1", "h2", "h3", "h4", "h5", "h6":
      breakLine(2)
      emit(String(repeating: "#", count: Int(name.utf8.last ?? 49) - 48))
      needsBlank = true
    case "td", "th": if !output.isEmpty, lineEnds == 0 { emit(" | "); needsBlank = true }
    case "pre":
      breakLine(2)
      preformatted += 1
    case "a": link = attribute("href", tag)
    case "img":
      if let alt = attribute("alt", tag), !alt.isEmpty {
        needsBlank = true
        emit("[image: \(alt)]")
        needsBlank = true
      }
    default: if HTMLText.blocks.contains(name) { breakLine(["li", "tr", "dt", "dd"].contains(name) ? 1 : 2) }
    }
  }

  private mutating func ended(_ name: String) {
    switch name {
    case "pre":
      preformatted = max(0, preformatted - 1)
      breakLine(2)
    case "h1", "h2", "h3", "h4", "h5", "h6": breakLine(2)
    case "a":
      if let link { emit(" (\(link))") }
      link = nil
    default: if HTMLText.blocks.contains(name) { breakLine(["li", "tr", "dt", "dd"].contains(name) ? 1 : 2) }
    }
  }

  /// Over the content of an element that is not text.
  private mutating func skip(_ name: String) {
    let wanted = Array("</\(name)".utf8)
    while place + wanted.count <= page.count {
      if page[place] == UInt8(ascii: "<"),
        (0..<wanted.count).allSatisfy({
          $0 < 2 ? page[place + $0] == wanted[$0] : page[place + $0] | 0x20 == wanted[$0]
        })
      {
        place = min(closing(from: place + 2) + 1, page.count)
        return
      }
      place += 1
    }
    place = page.count
  }

  /// The value of an attribute; only links that lead somewhere else count.
  private func attribute(_ name: String, _ tag: ArraySlice<UInt8>) -> String? {
    var rest = tag.drop { $0 > 0x20 }
    while !rest.isEmpty {
      rest = rest.drop { $0 <= 0x20 || $0 == UInt8(ascii: "/") }
      let key = rest.prefix { $0 > 0x20 && $0 != UInt8(ascii: "=") }
      rest = rest.dropFirst(max(key.count, 0)).drop { $0 <= 0x20 }
      guard rest.first == UInt8(ascii: "=") else {
        if key.isEmpty { rest = rest.dropFirst() }
        continue
      }
      rest = rest.dropFirst().drop { $0 <= 0x20 }
      let value: ArraySlice<UInt8>
      if let quote = rest.first, quote == UInt8(ascii: "\"") || quote == UInt8(ascii: "'") {
        value = rest.dropFirst().prefix { $0 != quote }
        rest = rest.dropFirst(value.count + 2)
      } else {
        value = rest.prefix { $0 > 0x20 }
        rest = rest.dropFirst(value.count)
      }
      guard String(decoding: key, as: UTF8.self).lowercased() == name else { continue }
      let text = HTMLEntities.decode(String(decoding: value, as: UTF8.self))
      if name != "href" { return String(text.prefix(HTMLText.linkBytesMax)) }
      let isLink =
        !text.isEmpty && !text.hasPrefix("#") && !text.lowercased().hasPrefix("javascript:")
        && text.utf8.count <= HTMLText.linkBytesMax
      return isLink ? text : nil
    }
    return nil
  }

  private mutating func entity() {
    let (text, length) = HTMLEntities.read(page[place...])
    guard let text else { return literal(page[place]) }
    place += length
    if text == "\u{A0}" {
      needsBlank = true
    } else {
      emit(text)
    }
  }
}
