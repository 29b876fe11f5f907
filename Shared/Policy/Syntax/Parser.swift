/// Reads modules of Rego, version 1.
struct Parser {
  static let keywords: Set<String> = [
    "package", "import", "default", "not", "with", "as", "some", "every", "in", "if", "contains", "else", "true",
    "false",
    "null",
  ]
  /// How deep terms may stand in each other.
  private static let depthMax = 200

  let file: String
  private let tokens: [Token]
  private var at = 0
  private var depth = 0
  private var fresh: Int
  /// Whether the module imports the keyword `not`.
  private(set) var negatesOperands = false

  init(_ text: [UInt8], file: String) throws(PolicyError) {
    var lexer = Lexer(text, file: file)
    self.init(try lexer.tokens(), file: file, fresh: 0)
  }

  private init(_ tokens: [Token], file: String, fresh: Int) {
    self.file = file
    self.tokens = tokens
    self.fresh = fresh
  }

  // MARK: Tokens

  var token: Token { tokens[min(at, tokens.count - 1)] }
  var next: Token { tokens[min(at + 1, tokens.count - 1)] }
  var place: PolicyPlace { token.place }

  mutating func advance() { at += 1 }

  func fault(_ message: String, _ place: PolicyPlace? = nil) -> PolicyError {
    PolicyError(code: .syntax, file: file, place: place ?? self.place, message: message)
  }

  mutating func takeSign(_ text: String) -> Bool {
    guard token.isSign(text) else { return false }
    advance()
    return true
  }

  mutating func takeName(_ text: String) -> Bool {
    guard token.isName(text) else { return false }
    advance()
    return true
  }

  mutating func expect(_ sign: String) throws(PolicyError) {
    guard takeSign(sign) else { throw fault("\"\(sign)\" is expected") }
  }

  var isAtEnd: Bool { token.kind == .end }

  mutating func freshVariable() -> String {
    fresh += 1
    return "$\(fresh)"
  }

  // MARK: Modules

  static func module(_ text: [UInt8], file: String) throws(PolicyError) -> ModuleTree {
    var parser = try Parser(text, file: file)
    return try parser.module()
  }

  /// A query: statements.
  static func query(_ text: [UInt8]) throws(PolicyError) -> [Statement] {
    var parser = try Parser(text, file: "query")
    let body = try parser.statements { $0.isAtEnd }
    guard parser.isAtEnd else { throw parser.fault("unexpected token") }
    return body
  }

  private mutating func module() throws(PolicyError) -> ModuleTree {
    guard takeName("package") else { throw fault("package expected") }
    var tree = ModuleTree(file: file, package: try path())
    while takeName("import") {
      let place = place
      let path = try path()
      var alias = path.last ?? ""
      if token.isName("as"), !token.isFirst {
        advance()
        guard case .name(let name) = token.kind, !Parser.keywords.contains(name) else {
          throw fault("a name is expected")
        }
        advance()
        alias = name
      }
      guard ["data", "input", "rego", "future"].contains(path.first) else {
        throw fault("a path of an import begins with data, input or rego", place)
      }
      if path.first == "future" {
        try importKeywords(path, place)
        tree.negatesOperands = negatesOperands
      } else if path.first != "rego" {
        tree.imports.append(Import(path: path, alias: alias, place: place))
      } else if path != ["rego", "v1"] {
        throw fault("rego.v1 is the only import of rego that is known", place)
      }
      _ = takeSign(";")
    }
    while !isAtEnd {
      tree.rules += try rules()
      _ = takeSign(";")
    }
    return tree
  }

  /// `future.keywords.in`, or `future.keywords` for all of them. Only `not` changes anything.
  private mutating func importKeywords(_ path: [String], _ place: PolicyPlace) throws(PolicyError) {
    let known = ["contains", "every", "if", "in", "not"]
    guard path.count >= 2, path.count <= 3, path[1] == "keywords", path.count == 2 || known.contains(path[2]) else {
      throw fault("of future only its keywords \(known.joined(separator: ", ")) are known", place)
    }
    if path.count == 2 || path[2] == "not" { negatesOperands = true }
  }

  /// `a.b["c"]`
  private mutating func path() throws(PolicyError) -> [String] {
    guard case .name(let first) = token.kind else { throw fault("a path is expected") }
    advance()
    var path = [first]
    while true {
      if token.isSign("."), !token.isSpaced {
        advance()
        guard case .name(let name) = token.kind else { throw fault("a name is expected") }
        advance()
        path.append(name)
      } else if token.isSign("["), !token.isSpaced {
        advance()
        guard case .string(let text) = token.kind else { throw fault("a text is expected") }
        advance()
        try expect("]")
        path.append(text)
      } else {
        return path
      }
    }
  }

  // MARK: Terms in each other

  mutating func nested<Result>(
    _ body: (inout Parser) throws(PolicyError) -> Result
  ) throws(PolicyError) -> Result {
    depth += 1
    defer { depth -= 1 }
    guard depth < Parser.depthMax else {
      throw PolicyError(code: .limit, file: file, place: place, message: "terms stand too deep in each other")
    }
    return try body(&self)
  }

  /// The expression of a template.
  mutating func templateValue(_ source: [UInt8], _ place: PolicyPlace) throws(PolicyError) -> TemplatePiece {
    var lexer = Lexer(source, file: file, from: place)
    var inner = Parser(try lexer.tokens(), file: file, fresh: fresh)
    inner.depth = depth + 1
    guard inner.depth < Parser.depthMax else {
      throw PolicyError(code: .limit, file: file, place: place, message: "terms stand too deep in each other")
    }
    let node = try inner.term()
    let withs = try inner.withs()
    guard inner.isAtEnd else { throw inner.fault("unexpected token in a template") }
    fresh = inner.fresh
    return .value(node, withs)
  }
}
