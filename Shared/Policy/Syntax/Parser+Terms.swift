extension Parser {
  private static let comparisons = ["==": "equal", "!=": "neq", "<": "lt", "<=": "lte", ">": "gt", ">=": "gte"]
  private static let sums = ["+": "plus", "-": "minus"]
  private static let products = ["*": "mul", "/": "div", "%": "rem"]

  /// A term with operators, memberships among them.
  mutating func term() throws(PolicyError) -> Node {
    try nested { parser throws(PolicyError) in
      var left = try parser.relation()
      while parser.token.isName("in"), !parser.isCalledKeyword {
        parser.advance()
        let right = try parser.relation()
        left = Node(term: .call(["internal", "member_2"], [left, right]), place: left.place)
      }
      return left
    }
  }

  mutating func relation() throws(PolicyError) -> Node { try relation(hasUnions: true) }

  private mutating func relation(hasUnions: Bool) throws(PolicyError) -> Node {
    var left = try union(hasUnions)
    while case .sign(let sign) = token.kind, let name = Parser.comparisons[sign] {
      advance()
      left = Node(term: .call([name], [left, try union(hasUnions)]), place: left.place)
    }
    return left
  }

  private mutating func union(_ hasUnions: Bool) throws(PolicyError) -> Node {
    var left = try intersection()
    while hasUnions, takeSign("|") {
      left = Node(term: .call(["or"], [left, try intersection()]), place: left.place)
    }
    return left
  }

  private mutating func intersection() throws(PolicyError) -> Node {
    var left = try sum()
    while takeSign("&") { left = Node(term: .call(["and"], [left, try sum()]), place: left.place) }
    return left
  }

  private mutating func sum() throws(PolicyError) -> Node {
    var left = try product()
    while case .sign(let sign) = token.kind, let name = Parser.sums[sign] {
      advance()
      left = Node(term: .call([name], [left, try product()]), place: left.place)
    }
    return left
  }

  private mutating func product() throws(PolicyError) -> Node {
    var left = try primary()
    while case .sign(let sign) = token.kind, let name = Parser.products[sign] {
      advance()
      left = Node(term: .call([name], [left, try primary()]), place: left.place)
    }
    return left
  }

  // MARK: Primary terms

  private mutating func primary() throws(PolicyError) -> Node {
    let place = place
    var node: Node
    switch token.kind {
    case .number(let text):
      advance()
      guard let number = RegoNumber(text) else { throw fault("illegal number", place) }
      return Node(term: .scalar(.number(number)), place: place)
    case .string(let text):
      advance()
      node = Node(term: .scalar(.string(text)), place: place)
    case .template(let pieces):
      advance()
      var parts: [TemplatePiece] = []
      for piece in pieces {
        switch piece {
        case .text(let text): parts.append(.text(text))
        case .source(let source, let from): parts.append(try templateValue(source, from))
        }
      }
      return Node(term: .template(parts), place: place)
    case .name(let name): node = try named(name, place)
    case .sign("-"):
      advance()
      guard case .number(let text) = token.kind, !token.isSpaced, let number = RegoNumber("-" + text) else {
        let operand = try nested { p throws(PolicyError) in try p.primary() }
        return Node(term: .call(["minus"], [Node(term: .scalar(.int(0)), place: place), operand]), place: place)
      }
      advance()
      return Node(term: .scalar(.number(number)), place: place)
    case .sign("("):
      advance()
      node = try parenthesis(place)
    case .sign("["):
      advance()
      node = try nested { p throws(PolicyError) in try p.list(place) }
    case .sign("{"):
      advance()
      node = try nested { p throws(PolicyError) in try p.collection(place) }
    default: throw fault(isAtEnd ? "unexpected end" : "a term is expected")
    }
    return try suffixed(node)
  }

  private mutating func parenthesis(_ place: PolicyPlace) throws(PolicyError) -> Node {
    var node = try term()
    if takeSign(",") {
      let value = try relation()
      guard takeName("in") else { throw fault("\"in\" is expected") }
      node = Node(term: .call(["internal", "member_3"], [node, value, try relation()]), place: place)
    }
    try expect(")")
    return node
  }

  private mutating func named(_ name: String, _ place: PolicyPlace) throws(PolicyError) -> Node {
    switch name {
    case "true", "false", "null":
      if !isCalledKeyword || next.isSign("[") {
        advance()
        return Node(term: .scalar(name == "null" ? .null : .bool(name == "true")), place: place)
      }
    case "set" where next.isSign("(") && !next.isSpaced:
      advance()
      advance()
      guard takeSign(")") else { throw fault("set() takes nothing: write {…}") }
      return Node(term: .set([]), place: place)
    case "contains" where next.isSign("(") && !next.isSpaced: break
    case _ where Parser.keywords.contains(name) && !isCalledKeyword: throw fault("\(name) is a keyword")
    default: break
    }
    advance()
    return Node(term: .variable(name == "_" ? freshVariable() : name), place: place)
  }

  /// What is looked up in a term, and calls.
  private mutating func suffixed(_ head: Node) throws(PolicyError) -> Node {
    var path: [Node] = []
    try look(into: &path)
    if token.isSign("("), !token.isSpaced, let name = dotted(head, path) {
      advance()
      let call = Node(term: .call(name, try arguments()), place: head.place)
      return try suffixed(call)
    }
    return path.isEmpty ? head : Node(term: .reference(head, path), place: head.place)
  }

  private func dotted(_ head: Node, _ path: [Node]) -> [String]? {
    guard case .variable(let first) = head.term else { return nil }
    var name = [first]
    for node in path {
      guard case .scalar(.string(let text)) = node.term else { return nil }
      name.append(text)
    }
    return name
  }

  private mutating func arguments() throws(PolicyError) -> [Node] {
    var arguments: [Node] = []
    while !takeSign(")") {
      arguments.append(try term())
      if !takeSign(",") {
        try expect(")")
        break
      }
    }
    return arguments
  }

  /// `.name` and `[term]`, as many as there are, without white space before.
  mutating func look(into path: inout [Node]) throws(PolicyError) {
    while !token.isSpaced {
      let place = next.place
      if token.isSign(".") {
        advance()
        guard case .name(let name) = token.kind, !token.isSpaced else { throw fault("a name is expected behind \".\"") }
        advance()
        path.append(Node(term: .scalar(.string(name)), place: place))
      } else if token.isSign("[") {
        advance()
        path.append(try term())
        try expect("]")
      } else {
        return
      }
    }
  }

  // MARK: Collections

  private mutating func list(_ place: PolicyPlace) throws(PolicyError) -> Node {
    if takeSign("]") { return Node(term: .array([]), place: place) }
    let first = try element()
    if takeSign("|") {
      let body = try statements { $0.token.isSign("]") }
      try expect("]")
      return Node(term: .comprehension(.array, [first], try checked(body)), place: place)
    }
    var elements = [first]
    while takeSign(",") {
      if token.isSign("]") { break }
      elements.append(try term())
    }
    try expect("]")
    return Node(term: .array(elements), place: place)
  }

  private func checked(_ body: [Statement]) throws(PolicyError) -> [Statement] {
    if body.isEmpty { throw fault("a comprehension has a body") }
    return body
  }

  /// The first element, behind which a comprehension may begin.
  private mutating func element() throws(PolicyError) -> Node {
    var node = try relation(hasUnions: false)
    while token.isName("in"), !isCalledKeyword {
      advance()
      node = Node(term: .call(["internal", "member_2"], [node, try relation(hasUnions: false)]), place: node.place)
    }
    return node
  }

  private mutating func collection(_ place: PolicyPlace) throws(PolicyError) -> Node {
    if takeSign("}") { return Node(term: .object([]), place: place) }
    let first = try element()
    if takeSign(":") { return try object(first, place) }
    if takeSign("|") {
      let body = try statements { $0.token.isSign("}") }
      try expect("}")
      return Node(term: .comprehension(.set, [first], try checked(body)), place: place)
    }
    var elements = [first]
    while takeSign(",") {
      if token.isSign("}") { break }
      elements.append(try term())
    }
    try expect("}")
    return Node(term: .set(elements), place: place)
  }

  private mutating func object(_ first: Node, _ place: PolicyPlace) throws(PolicyError) -> Node {
    var value = try element()
    if takeSign("|") {
      let body = try statements { $0.token.isSign("}") }
      try expect("}")
      return Node(term: .comprehension(.object, [first, value], try checked(body)), place: place)
    }
    var pairs = [(first, value)]
    while takeSign(",") {
      if token.isSign("}") { break }
      let key = try term()
      try expect(":")
      value = try term()
      pairs.append((key, value))
    }
    try expect("}")
    return Node(term: .object(pairs), place: place)
  }
}
