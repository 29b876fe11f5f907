/// The canonical form of a module: white space alone is changed, so the module means what it meant before.
///
/// Lines stay as the author has broken them. A tab stands for each level, one blank between words and operators, none
/// inside brackets but those of bodies, at most one empty line between others, none at the beginning and the end of a
/// bracket, and every comment where it was.
public enum PolicyFormatter {
  /// Formats a module. Throws `PolicyError` when it cannot be read.
  public static func format(_ text: [UInt8], file: String) throws(PolicyError) -> [UInt8] {
    guard text.count <= PolicyProgram.moduleBytesMax else {
      throw PolicyError(
        code: .limit, file: file, place: PolicyPlace(line: 1, column: 1),
        message: "the module has \(text.count) bytes; \(PolicyProgram.moduleBytesMax) are allowed")
    }
    _ = try Parser.module(text, file: file)
    var lexer = Lexer(text, file: file)
    let tokens = try lexer.tokens()
    var layout = FormatLayout(text, tokens)
    let made = layout.made()
    // What was made is read again: a formatter that is wrong must not be believed.
    var again = Lexer(made, file: file)
    let same = try again.tokens()
    guard same.count == tokens.count, zip(same, tokens).allSatisfy({ isSame($0, $1) }) else {
      throw PolicyError(
        code: .syntax, file: file, place: PolicyPlace(line: 1, column: 1),
        message: "the formatted module would mean something else; nothing is changed")
    }
    _ = try Parser.module(made, file: file)
    return made
  }

  /// Whether two tokens are the same, wherever they stand.
  private static func isSame(_ left: Token, _ right: Token) -> Bool {
    guard case .template(let a) = left.kind, case .template(let b) = right.kind else { return left.kind == right.kind }
    guard a.count == b.count else { return false }
    return zip(a, b).allSatisfy { pair in
      switch pair {
      case (.text(let a), .text(let b)): a == b
      case (.source(let a, _), .source(let b, _)): a == b
      default: false
      }
    }
  }
}
