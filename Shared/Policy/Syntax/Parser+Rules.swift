extension Parser {
  /// A rule, with all its bodies: several bodies are several rules.
  mutating func rules() throws(PolicyError) -> [Rule] {
    let place = place
    let isDefault = token.isName("default") && !(next.isSign(":=") || next.isSign("=") || next.isSign("."))
    if isDefault { advance() }
    let reference = try head()
    var kind = Rule.Kind.complete
    if token.isSign("("), !token.isSpaced {
      advance()
      var arguments: [Node] = []
      while !takeSign(")") {
        arguments.append(try term())
        if !takeSign(",") {
          try expect(")")
          break
        }
      }
      kind = .function(arguments)
    }
    if takeName("contains") { kind = .set(try term()) }
    var value: Node?
    if takeSign(":=") || takeSign("=") { value = try term() }
    if isDefault {
      guard let value else { throw fault("a default rule has a value") }
      return [
        Rule(
          reference: reference, kind: kind, value: value, body: [], isDefault: true, place: place)
      ]
    }
    var body: [Statement] = []
    var hasBody = false
    if takeName("if") {
      body = try ruleBody()
      hasBody = true
    }
    if !hasBody, value == nil, case .complete = kind, reference.count == 1 {
      throw fault("a rule has a value or a body (if)", place)
    }
    var rule = Rule(reference: reference, kind: kind, value: value, body: body, isDefault: false, place: place)
    while token.isName("else"), !isCalledKeyword {
      let place = self.place
      advance()
      var value: Node?
      if takeSign(":=") || takeSign("=") { value = try term() }
      var body: [Statement] = []
      if takeName("if") || token.isSign("{") { body = try ruleBody() }
      rule.otherwise.append(Branch(value: value, body: body, place: place))
    }
    guard isAtEnd || token.isFirst || token.isSign(";") else { throw fault("unexpected token behind a rule") }
    return [rule]
  }

  /// `p`, `p.q`, `p[x].r`
  private mutating func head() throws(PolicyError) -> [Node] {
    guard case .name(let name) = token.kind else { throw fault("a rule is expected") }
    if Parser.keywords.contains(name), !(next.isSign(".") || next.isSign("[")) || next.isSpaced {
      throw fault("\(name) is a keyword and cannot be the name of a rule")
    }
    var reference = [Node(term: .scalar(.string(name)), place: place)]
    advance()
    try look(into: &reference)
    return reference
  }

  private mutating func ruleBody() throws(PolicyError) -> [Statement] {
    if token.isSign("{") {
      let start = self
      do {
        return try braces()
      } catch {
        // A set or an object may stand there as well.
        self = start
        do { return [try statement()] } catch { throw error }
      }
    }
    return [try statement()]
  }

  /// `{ statements }`
  mutating func braces() throws(PolicyError) -> [Statement] {
    try expect("{")
    let body = try statements { $0.token.isSign("}") }
    guard !body.isEmpty else { throw fault("a body has a statement") }
    try expect("}")
    return body
  }

  mutating func statements(until end: (Parser) -> Bool) throws(PolicyError) -> [Statement] {
    var body: [Statement] = []
    while !end(self), !isAtEnd {
      body.append(try statement())
      if takeSign(";") { continue }
      guard end(self) || isAtEnd || token.isFirst else {
        throw fault("unexpected token: a line ends, or \";\" stands here")
      }
    }
    return body
  }

  // MARK: Statements

  mutating func statement() throws(PolicyError) -> Statement {
    let place = place
    if token.isName("some"), !isCalledKeyword { return try some(place) }
    var isNegated = false
    if token.isName("not"), !isCalledKeyword {
      advance()
      isNegated = true
      // With the import, braces are a body here, and no set.
      if negatesOperands, token.isSign("{") { throw fault("not { … } is not supported: write a rule or a function") }
    }
    var statement: Statement
    if token.isName("every"), !isCalledKeyword {
      statement = Statement(kind: try every(), place: place)
    } else {
      statement = Statement(kind: try expression(), place: place)
    }
    statement.isNegated = isNegated
    statement.withs = try withs()
    return statement
  }

  /// Whether a keyword is the head of a reference here.
  var isCalledKeyword: Bool { (next.isSign(".") || next.isSign("[")) && !next.isSpaced }

  mutating func withs() throws(PolicyError) -> [With] {
    var withs: [With] = []
    while token.isName("with"), !isCalledKeyword {
      advance()
      let target = try term()
      guard takeName("as") else { throw fault("\"as\" is expected") }
      withs.append(With(target: target, value: try term()))
    }
    return withs
  }

  private mutating func some(_ place: PolicyPlace) throws(PolicyError) -> Statement {
    advance()
    var terms = [try nested { p throws(PolicyError) in try p.relation() }]
    while takeSign(",") { terms.append(try nested { p throws(PolicyError) in try p.relation() }) }
    if takeName("in") {
      guard terms.count <= 2 else { throw fault("some has one or two variables before \"in\"", place) }
      let collection = try nested { p throws(PolicyError) in try p.relation() }
      var statement = Statement(
        kind: .someIn(terms.count == 2 ? terms[0] : nil, terms[terms.count - 1], collection), place: place)
      statement.withs = try withs()
      return statement
    }
    var names: [String] = []
    for node in terms {
      guard case .variable(let name) = node.term else { throw fault("some declares variables", node.place) }
      names.append(name)
    }
    return Statement(kind: .some(names), place: place)
  }

  private mutating func every() throws(PolicyError) -> Statement.Kind {
    advance()
    var variables = [try nested { p throws(PolicyError) in try p.relation() }]
    if takeSign(",") { variables.append(try nested { p throws(PolicyError) in try p.relation() }) }
    for node in variables {
      guard case .variable = node.term else { throw fault("every declares variables", node.place) }
    }
    guard takeName("in") else { throw fault("\"in\" is expected") }
    let domain = try nested { p throws(PolicyError) in try p.relation() }
    let body = try braces()
    return .every(variables.count == 2 ? variables[0] : nil, variables[variables.count - 1], domain, body)
  }

  private mutating func expression() throws(PolicyError) -> Statement.Kind {
    let left = try term()
    if takeSign(":=") { return .assign(left, try term()) }
    if takeSign("=") { return .unify(left, try term()) }
    if token.isSign(",") {
      // `key, value in collection`
      advance()
      let value = try nested { p throws(PolicyError) in try p.relation() }
      guard takeName("in") else { throw fault("\"in\" is expected") }
      let collection = try nested { p throws(PolicyError) in try p.relation() }
      return .term(Node(term: .call(["internal", "member_3"], [left, value, collection]), place: left.place))
    }
    return .term(left)
  }
}
