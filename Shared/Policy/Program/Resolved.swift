/// A term whose names are known: variables are numbered within their rule.
indirect enum Resolved: Sendable {
  case constant(RegoValue)
  case local(Int)
  case input([Resolved])
  case data([Resolved])
  /// What is looked up in any other term.
  case lookup(Resolved, [Resolved])
  case array([Resolved])
  case object([(Resolved, Resolved)])
  case set([Resolved])
  case call(Callee, [Resolved])
  /// Heads, body, and the variables that only exist inside.
  case comprehension(Comprehension, [Resolved], [ResolvedStatement], locals: Set<Int>)
  case template([ResolvedPiece])
}

enum ResolvedPiece: Sendable {
  case text(String)
  /// A body whose last statement gives the variable its value; a value that is undefined is shown as such.
  case value([ResolvedStatement], Int, locals: Set<Int>)
}

/// What is called.
enum Callee: Sendable {
  case builtIn(BuiltIn)
  case function(RuleGroup)
}

/// A statement whose names are known.
struct ResolvedStatement: Sendable {
  indirect enum Kind: Sendable {
    case term(Resolved)
    case unify(Resolved, Resolved)
    case someIn(Resolved?, Resolved, Resolved)
    case every(Resolved?, Resolved, Resolved, [ResolvedStatement], locals: Set<Int>)
    /// Statements of which none may hold together.
    case not([ResolvedStatement])
    /// Statements that see something else.
    case with([ResolvedWith], [ResolvedStatement])
  }

  let kind: Kind
  let place: PolicyPlace
}

struct ResolvedWith: Sendable {
  enum Target: Sendable {
    case input([String])
    case data([String])
    /// A built-in function, by its name.
    case builtIn(String)
    /// A function of the policies.
    case function(RuleGroup)
  }

  enum Replacement: Sendable {
    case value(Resolved)
    case callee(Callee)
  }

  let target: Target
  let replacement: Replacement
}

extension Resolved {
  /// Adds the variables that have to have a value before the term is evaluated, and those that get one by it. In a
  /// pattern variables get values; elsewhere only those in brackets of references do.
  func collect(isPattern: Bool, _ inputs: inout Set<Int>, _ outputs: inout Set<Int>) {
    switch self {
    case .constant: break
    case .local(let variable): if isPattern { outputs.insert(variable) } else { inputs.insert(variable) }
    case .array(let elements): for element in elements { element.collect(isPattern: isPattern, &inputs, &outputs) }
    case .set(let elements): for element in elements { element.collect(isPattern: false, &inputs, &outputs) }
    case .object(let pairs):
      for (key, value) in pairs {
        key.collect(isPattern: false, &inputs, &outputs)
        value.collect(isPattern: isPattern, &inputs, &outputs)
      }
    case .input(let keys), .data(let keys): Resolved.collect(keys, &inputs, &outputs)
    case .lookup(let head, let keys):
      head.collect(isPattern: false, &inputs, &outputs)
      Resolved.collect(keys, &inputs, &outputs)
    case .call(_, let arguments):
      for argument in arguments { argument.collect(isPattern: false, &inputs, &outputs) }
    case .comprehension(_, let heads, let body, let locals):
      var all: Set<Int> = []
      for head in heads { head.collectAll(&all) }
      for statement in body { statement.collectAll(&all) }
      inputs.formUnion(all.subtracting(locals))
    case .template(let pieces):
      for case .value(let body, _, let locals) in pieces {
        var all: Set<Int> = []
        for statement in body { statement.collectAll(&all) }
        inputs.formUnion(all.subtracting(locals))
      }
    }
  }

  private static func collect(_ keys: [Resolved], _ inputs: inout Set<Int>, _ outputs: inout Set<Int>) {
    for key in keys {
      switch key {
      case .local, .array, .object: key.collect(isPattern: true, &inputs, &outputs)
      default: key.collect(isPattern: false, &inputs, &outputs)
      }
    }
  }

  /// Adds every variable.
  func collectAll(_ all: inout Set<Int>) {
    switch self {
    case .constant: break
    case .local(let variable): all.insert(variable)
    case .array(let list), .set(let list), .input(let list), .data(let list), .call(_, let list):
      for element in list { element.collectAll(&all) }
    case .object(let pairs):
      for (key, value) in pairs {
        key.collectAll(&all)
        value.collectAll(&all)
      }
    case .lookup(let head, let keys):
      head.collectAll(&all)
      for key in keys { key.collectAll(&all) }
    case .comprehension(_, let heads, let body, let locals):
      var inner: Set<Int> = []
      for head in heads { head.collectAll(&inner) }
      for statement in body { statement.collectAll(&inner) }
      all.formUnion(inner.subtracting(locals))
    case .template(let pieces):
      for case .value(let body, _, let locals) in pieces {
        var inner: Set<Int> = []
        for statement in body { statement.collectAll(&inner) }
        all.formUnion(inner.subtracting(locals))
      }
    }
  }
}

extension ResolvedStatement {
  /// Adds every variable of the statement and of those in it, but those that only exist inside.
  func collectAll(_ all: inout Set<Int>) {
    switch kind {
    case .term(let term): term.collectAll(&all)
    case .unify(let left, let right):
      left.collectAll(&all)
      right.collectAll(&all)
    case .someIn(let key, let value, let collection):
      key?.collectAll(&all)
      value.collectAll(&all)
      collection.collectAll(&all)
    case .every(let key, let value, let domain, let body, let locals):
      var inner: Set<Int> = []
      key?.collectAll(&inner)
      value.collectAll(&inner)
      for statement in body { statement.collectAll(&inner) }
      all.formUnion(inner.subtracting(locals))
      domain.collectAll(&all)
    case .not(let body): for statement in body { statement.collectAll(&all) }
    case .with(let withs, let body):
      for with in withs { if case .value(let value) = with.replacement { value.collectAll(&all) } }
      for statement in body { statement.collectAll(&all) }
    }
  }
}
