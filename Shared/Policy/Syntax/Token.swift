/// What a module is made of.
struct Token: Sendable {
  enum Kind: Hashable, Sendable {
    /// A name, keywords among them.
    case name(String)
    case number(String)
    case string(String)
    /// A text with expressions in it.
    case template([Piece])
    /// An operator or bracket.
    case sign(String)
    case end
  }

  /// A part of a template: text, or the source of an expression and where it stands.
  enum Piece: Hashable, Sendable {
    case text(String)
    case source([UInt8], PolicyPlace)
  }

  let kind: Kind
  let place: PolicyPlace
  /// Whether white space stands before it.
  let isSpaced: Bool
  /// Whether it is the first of its line.
  let isFirst: Bool
  /// Its bytes in the source: from the first to the one behind the last.
  let start: Int
  let end: Int

  func isSign(_ text: String) -> Bool { if case .sign(let sign) = kind { sign == text } else { false } }
  func isName(_ text: String) -> Bool { if case .name(let name) = kind { name == text } else { false } }
}
