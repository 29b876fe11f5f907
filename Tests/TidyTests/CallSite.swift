/// A call in Swift source, with the string literals among its arguments.
struct CallSite {
  struct Literal {
    let text: String
    /// The label of the argument that it stands in; empty for one without.
    let label: String
    /// Whether a colon follows at once: the key of a dictionary.
    let isKey: Bool
  }

  let line: Int
  /// Whether a point stands before the name.
  let isMember: Bool
  /// Whether it is the declaration of a function of that name.
  let isDeclaration: Bool
  let literals: [Literal]

  /// The literals of the argument with a label.
  func literals(after label: String) -> [String] { literals.filter { $0.label == label }.map(\.text) }
}

extension SourceFile {
  /// The calls of functions and methods of a name.
  func calls(of name: String) -> [CallSite] {
    guard let code = masked?.code else { return [] }
    return SourceFile.words(name, in: code).compactMap { position in
      let open = position + name.utf8.count
      guard open < code.count, code[open] == UInt8(ascii: "(") else { return nil }
      let isMember = position > 0 && code[position - 1] == UInt8(ascii: ".")
      let isDeclaration = position > 1 && Rule.identifier(before: position - 1, in: code) == "func"
      return CallSite(
        line: line(of: position), isMember: isMember, isDeclaration: isDeclaration, literals: literals(from: open))
    }
  }

  /// The literals between the parenthesis at `open` and the one that closes it.
  private func literals(from open: Int) -> [CallSite.Literal] {
    let code = masked?.code ?? []
    var found: [CallSite.Literal] = []
    var depth = 0
    var label = ""
    var position = open
    while position < code.count {
      switch code[position] {
      case UInt8(ascii: "("), UInt8(ascii: "["), UInt8(ascii: "{"): depth += 1
      case UInt8(ascii: ")"), UInt8(ascii: "]"), UInt8(ascii: "}"):
        depth -= 1
        if depth == 0 { return found }
      case UInt8(ascii: ","): if depth == 1 { label = "" }
      case UInt8(ascii: ":"): if depth == 1 { label = Rule.identifier(before: position, in: code) }
      case UInt8(ascii: "\""):
        guard let end = endOfText(position) else { return found }
        found.append(
          CallSite.Literal(
            text: String(decoding: bytes[(position + 1)..<end], as: UTF8.self), label: label,
            isKey: end + 1 < code.count && code[end + 1] == UInt8(ascii: ":")))
        position = end
      default: break
      }
      position += 1
    }
    return found
  }

  /// The place of the quote that ends the text which begins at `start`; interpolations are part of it.
  private func endOfText(_ start: Int) -> Int? {
    let code = masked?.code ?? []
    var depth = 0
    var position = start + 1
    while position < code.count {
      switch code[position] {
      case UInt8(ascii: "("): depth += 1
      case UInt8(ascii: ")"): depth -= 1
      case UInt8(ascii: "\""):
        if depth == 0 { return position }
        guard let end = endOfText(position) else { return nil }
        position = end
      default: break
      }
      position += 1
    }
    return nil
  }
}
