/// A term, ready to be evaluated.
indirect enum Operation: Sendable {
  case constant(RegoValue)
  /// A variable that has its value.
  case slot(Int)
  /// A variable that gets its value here.
  case bind(Int)
  case array([Operation])
  case object([(Operation, Operation)])
  case set([Operation])
  case input([Operation])
  case data(DataPath)
  case lookup(Operation, [Operation])
  case builtIn(BuiltIn, [Operation])
  case function(RuleGroup, [Operation])
  case comprehension(Comprehension, [Operation], [Step])
  case template([PlannedPiece])

  /// Whether it has at most one value and binds nothing.
  var isDirect: Bool {
    switch self {
    case .constant, .slot, .comprehension, .template, .builtIn, .function: true
    case .bind: false
    case .array(let list), .set(let list), .input(let list): list.allSatisfy(\.isDirect)
    case .object(let pairs): pairs.allSatisfy { $0.0.isDirect && $0.1.isDirect }
    case .data(let path): path.isDirect
    case .lookup(let head, let keys): head.isDirect && keys.allSatisfy(\.isDirect)
    }
  }
}

/// A path below `data`: how far it leads into the tree of rules is known beforehand.
final class DataPath: Sendable {
  let node: RuleNode?
  /// The keys that lead to the node, or all fixed ones where there is none.
  let fixed: [String]
  let keys: [Operation]
  let isDirect: Bool
  /// The rule with one value, or of a set, to which the path leads, by its number.
  let rule: Int?

  init(node: RuleNode?, fixed: [String], keys: [Operation]) {
    self.node = node
    self.fixed = fixed
    self.keys = keys
    isDirect = keys.allSatisfy(\.isDirect)
    rule =
      switch node?.group?.kind {
      case .complete, .set: node?.group?.id
      case .object, .function, nil: nil
      }
  }
}

enum PlannedPiece: Sendable {
  case text(String)
  case value([Step], Int)
}

/// A statement, ready to be evaluated.
struct Step: Sendable {
  indirect enum Kind: Sendable {
    /// The term must have a value other than false; it has at most one.
    case test(Operation)
    /// The same for a term that may have several values.
    case testEach(Operation)
    /// A variable gets the value of a term that has at most one.
    case assign(Int, Operation)
    /// The value must fit the pattern; it has at most one.
    case match(Operation, Operation)
    /// The same for a term that may have several values.
    case matchEach(Operation, Operation)
    /// Every element of a collection, one after the other.
    case iterate(key: Operation?, value: Operation, Operation)
    /// Every element of a collection at once.
    case every(key: Operation?, value: Operation, Operation, [Step])
    case not([Step])
    case with([PlannedWith], [Step])
    /// Counts that the place was reached. Only in programs that measure coverage.
    case mark(Int)
  }

  let kind: Kind
  let place: PolicyPlace
}

struct PlannedWith: Sendable {
  enum Replacement: Sendable {
    case value(Operation)
    case callee(Callee)
  }

  let target: ResolvedWith.Target
  let replacement: Replacement
}
