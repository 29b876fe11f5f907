/// What ends a process must not be reachable by input, by a peer's answer or by an order of events.
extension Rule {
  static let noUnprovenTraps = shippedCode(
    "every trap has a comment beside it that says why nothing from outside reaches it"
  ) { code, file in
    ["precondition", "preconditionFailure", "fatalError", "assertionFailure", "assert", "unsafelyUnwrapped"].flatMap {
      name in
      SourceFile.words(name, in: code).compactMap { position in
        let end = position + name.utf8.count
        // A member of that name, such as the HTTP status, is something else.
        if position > 0, code[position - 1] == UInt8(ascii: "."), name != "unsafelyUnwrapped" { return nil }
        if name != "unsafelyUnwrapped", end >= code.count || code[end] != UInt8(ascii: "(") { return nil }
        let line = file.line(of: position)
        let comments = file.masked?.hasComment ?? []
        let isProven = [line, line - 1].contains { $0 >= 1 && $0 <= comments.count && comments[$0 - 1] }
        return isProven
          ? nil
          : (position, "\(name) ends the process: throw, or say on this or the previous line why no input reaches it")
      }
    }
  }

  static let noTrappingConversion = shippedCode(
    "floating-point numbers become whole ones by `exactly:`, `clamping:` or a bounded helper"
  ) { code, _ in
    let names = ["Int", "Int8", "Int16", "Int32", "Int64", "UInt", "UInt8", "UInt16", "UInt32", "UInt64"]
    let signs = [".rounded(", "Double(", "Float(", "pow(", "log2(", "exp("]
    return names.flatMap { name in
      SourceFile.words(name, in: code).compactMap { position in
        let open = position + name.utf8.count
        guard open < code.count, code[open] == UInt8(ascii: "("), let close = closing(open, in: code) else {
          return nil
        }
        let argument = String(decoding: code[(open + 1)..<close], as: UTF8.self)
        if ["exactly:", "clamping:", "saturating:"].contains(where: { argument.hasPrefix($0) }) { return nil }
        guard signs.contains(where: { argument.contains($0) }) else { return nil }
        return (position, "\(name)(\(argument.prefix(40))) traps for infinity, NaN and large values")
      }
    }
  }

  /// The place of the parenthesis that closes the one at `open`.
  private static func closing(_ open: Int, in code: [UInt8]) -> Int? {
    var depth = 0
    for position in open..<min(code.count, open + 2000) {
      if code[position] == UInt8(ascii: "(") { depth += 1 }
      if code[position] == UInt8(ascii: ")") {
        depth -= 1
        if depth == 0 { return position }
      }
    }
    return nil
  }
}
