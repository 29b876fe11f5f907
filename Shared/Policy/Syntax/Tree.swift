/// A term and where it stands.
struct Node: Sendable {
  var term: Term
  let place: PolicyPlace
}

/// A term as it is written.
indirect enum Term: Sendable {
  case scalar(RegoValue)
  /// `_` has a name of its own each time.
  case variable(String)
  /// A head and what is looked up in it, one after the other.
  case reference(Node, [Node])
  case array([Node])
  case object([(Node, Node)])
  case set([Node])
  /// A call of a function by its dotted name.
  case call([String], [Node])
  case comprehension(Comprehension, [Node], [Statement])
  case template([TemplatePiece])
}

enum Comprehension: Sendable {
  case array
  case set
  case object
}

enum TemplatePiece: Sendable {
  case text(String)
  case value(Node, [With])
}

/// A line of a body.
struct Statement: Sendable {
  indirect enum Kind: Sendable {
    /// A term that must not be false.
    case term(Node)
    /// `a = b`
    case unify(Node, Node)
    /// `a := b`
    case assign(Node, Node)
    /// `some a, b`
    case some([String])
    /// `some k, v in c`
    case someIn(Node?, Node, Node)
    /// `every k, v in c { … }`
    case every(Node?, Node, Node, [Statement])
  }

  var kind: Kind
  var isNegated = false
  var withs: [With] = []
  let place: PolicyPlace
}

/// What a statement sees in place of something else.
struct With: Sendable {
  let target: Node
  let value: Node
}

/// A rule as it is written.
struct Rule: Sendable {
  enum Kind: Sendable {
    case complete
    /// `name contains element`
    case set(Node)
    case function([Node])
  }

  /// The name and what follows it: `p`, `p.q`, `p[x].r`.
  let reference: [Node]
  let kind: Kind
  /// What the rule stands for; `nil` is true.
  let value: Node?
  let body: [Statement]
  /// What is tried where the body fails.
  var otherwise: [Branch] = []
  let isDefault: Bool
  let place: PolicyPlace
}

/// An `else`.
struct Branch: Sendable {
  let value: Node?
  let body: [Statement]
  let place: PolicyPlace
}

/// `import path as alias`
struct Import: Sendable {
  let path: [String]
  let alias: String
  let place: PolicyPlace
}

/// A module as it is written.
struct ModuleTree: Sendable {
  let file: String
  var package: [String]
  var imports: [Import] = []
  var rules: [Rule] = []
  /// Whether `not` encloses all that its expression needs, by `import future.keywords.not`.
  var negatesOperands = false
}
