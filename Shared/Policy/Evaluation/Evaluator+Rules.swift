/// Documents that rules make, and calls.
extension Evaluator {
  // MARK: Documents

  private func isMasked(_ node: RuleNode) -> Bool {
    !environment.masked.isEmpty && environment.masked.contains(ObjectIdentifier(node))
  }

  /// The value of the rule at a path that is known already, as most are that are asked for; `nil` when it has to be
  /// found, and where a document stands at its place.
  func knownRule(at path: DataPath) -> Environment.Known? {
    guard let rule = path.rule, environment.masked.isEmpty else { return nil }
    let known = environment.known[rule]
    if case .unknown = known { return nil }
    return known
  }

  /// Every value at a path below `data`.
  func walk(_ path: DataPath, _ frame: Frame, _ each: Each) throws -> Bool {
    var base: RegoValue? = environment.base
    var node: RuleNode? = program.root
    if environment.masked.isEmpty {
      // It was found when the program was made.
      node = path.node
    } else {
      for name in path.fixed { if let current = node { node = isMasked(current) ? nil : current.children[name] } }
    }
    for name in path.fixed {
      guard case .object(let object)? = base else {
        base = base.flatMap { Evaluator.element($0, .string(name)) }
        continue
      }
      base = object[name]
    }
    return try walk(node, base, path.keys[...], frame, each)
  }

  private func walk(
    _ node: RuleNode?, _ base: RegoValue?, _ keys: ArraySlice<Operation>, _ frame: Frame, _ each: Each
  ) throws -> Bool {
    guard let node, !isMasked(node) else {
      guard let base else { return true }
      return try walk(base, keys, frame, each)
    }
    guard let key = keys.first else {
      guard let value = try document(node, base) else { return true }
      return try each(value)
    }
    try step()
    if let group = node.group {
      if case .object = group.kind, key.isDirect, let name = try value(key, frame)?.string,
        let child = node.children[name]
      {
        return try walk(child, base.flatMap { Evaluator.element($0, .string(name)) }, keys.dropFirst(), frame, each)
      }
      guard let value = try document(node, base) else { return true }
      return try walk(value, keys, frame, each)
    }
    if key.isDirect {
      guard var name = try value(key, frame) else { return true }
      // Base documents come from JSON, whose keys are texts.
      if case .number(let number) = name, case .object? = base { name = .string(number.description) }
      return try walk(
        name.string.flatMap { node.children[$0] }, base.flatMap { Evaluator.element($0, name) }, keys.dropFirst(),
        frame,
        each)
    }
    var names = Set(node.names.map { RegoValue.string($0) })
    if case .object(let object)? = base { names.formUnion(object.keys) }
    for name in names.sorted() {
      let child = name.string.flatMap { node.children[$0] }
      // Functions are no documents.
      if case .function? = child?.group?.kind { continue }
      let goesOn = try match(key, name, frame) {
        try walk(child, base.flatMap { Evaluator.element($0, name) }, keys.dropFirst(), frame, each)
      }
      if !goesOn { return false }
    }
    return true
  }

  /// The whole document at a place.
  private func document(_ node: RuleNode, _ base: RegoValue?) throws -> RegoValue? {
    if isMasked(node) { return base }
    if let group = node.group {
      switch group.kind {
      case .function: return nil
      case .complete, .set: return try base ?? value(of: group)
      case .object: break
      }
    }
    var object = RegoObject()
    if case .object(let known)? = base {
      object = known
    } else if let base, !node.isPackage, node.group == nil {
      return base
    }
    for name in node.names {
      guard let child = node.children[name] else { continue }
      if let value = try document(child, base.flatMap { Evaluator.element($0, .string(name)) }) {
        object.set(.string(name), value)
      }
    }
    if let group = node.group, case .object(let made)? = try value(of: group) {
      for place in 0..<made.count {
        let depth = (group.definitions.map(\.keys.count).max() ?? 1) - 1
        object.set(made.keys[place], try merged(object[made.keys[place]], made.values[place], depth))
      }
    }
    return .object(object)
  }

  /// Joins what rules with `depth` more keys say of the same key.
  private func merged(_ known: RegoValue?, _ new: RegoValue, _ depth: Int) throws -> RegoValue {
    guard let known else { return new }
    if depth <= 0, case .set(let left) = known, case .set(let right) = new {
      return .set(RegoSet(left.elements + right.elements))
    }
    guard depth > 0, case .object(var left) = known, case .object(let right) = new else {
      guard known == new else { throw EvaluationError(.conflict, "object keys must be unique") }
      return new
    }
    for place in 0..<right.count {
      left.set(right.keys[place], try merged(left[right.keys[place]], right.values[place], depth - 1))
    }
    return .object(left)
  }

  // MARK: Rules

  /// The value of rules; `nil` when it is undefined.
  func value(of group: RuleGroup) throws -> RegoValue? {
    switch environment.known[group.id] {
    case .value(let value): return value
    case .undefined: return nil
    case .unknown: break
    }
    let environment = environment
    let value = try deeper {
      switch group.kind {
      case .complete: try complete(group, [])
      case .set: try set(group)
      case .object: try object(group)
      case .function: nil as RegoValue?
      }
    }
    environment.known[group.id] = value.map { .value($0) } ?? .undefined
    return value
  }

  private func complete(_ group: RuleGroup, _ arguments: [RegoValue]) throws -> RegoValue? {
    var found: RegoValue?
    for definition in candidates(group, arguments) {
      try branches(definition, arguments) { value, isConstant in
        if let found, found != value {
          let what = arguments.isEmpty ? "complete rules" : "functions"
          throw EvaluationError(.conflict, "\(what) must not produce multiple outputs: \(group.name)")
        }
        found = value
        return !isConstant
      }
      if found != nil, group.hasOneValue { return found }
    }
    if found == nil, let standard = group.standard {
      try branches(standard, arguments) { value, _ in
        found = value
        return false
      }
    }
    return found
  }

  /// The values of a definition: those of its first branch that holds.
  private func branches(
    _ definition: Definition, _ arguments: [RegoValue], _ each: (RegoValue, Bool) throws -> Bool
  ) throws {
    let frame = Frame(definition)
    observer?.note(.enters, definition, definition.place)
    var isDefined = false
    defer { observer?.note(.ends(isDefined: isDefined), definition, definition.place) }
    _ = try fit(definition.arguments[...], arguments[...], frame) {
      for branch in definition.branches {
        var holds = false
        _ = try run(branch.steps, 0, frame) {
          guard let value = try value(branch.value, frame) else { return true }
          holds = true
          isDefined = true
          observer?.note(.gives(value), definition, branch.place)
          return try each(value, branch.isConstant)
        }
        if holds { return false }
      }
      return true
    }
  }

  private func fit(
    _ patterns: ArraySlice<Operation>, _ values: ArraySlice<RegoValue>, _ frame: Frame, _ next: Next
  ) throws -> Bool {
    for place in patterns.indices where values.indices.contains(place) {
      // What holds in one way at most needs nobody to come back to it.
      switch patterns[place] {
      case .bind(let slot): frame.slots[slot] = values[place]
      case .slot(let slot): guard frame.slots[slot] == values[place] else { return true }
      case .constant(let constant): guard constant == values[place] else { return true }
      default:
        return try match(patterns[place], values[place], frame) {
          try fit(patterns[(place + 1)...], values[(place + 1)...], frame, next)
        }
      }
    }
    return try next()
  }

  private func set(_ group: RuleGroup) throws -> RegoValue? {
    var elements: [RegoValue] = []
    for definition in candidates(group) {
      try branches(definition, []) { value, _ in
        elements.append(value)
        try bound(elements.count)
        try made(32)
        return true
      }
    }
    return .set(RegoSet(elements))
  }

  private func bound(_ count: Int) throws {
    guard count <= limits.elementsMax else {
      throw EvaluationError(.limit, "a collection has more than \(limits.elementsMax) elements")
    }
  }

  private func object(_ group: RuleGroup) throws -> RegoValue? {
    var tree = RegoObject()
    var count = 0
    for definition in candidates(group) {
      let frame = Frame(definition)
      observer?.note(.enters, definition, definition.place)
      var isDefined = false
      defer { observer?.note(.ends(isDefined: isDefined), definition, definition.place) }
      for branch in definition.branches {
        var holds = false
        _ = try run(branch.steps, 0, frame) {
          guard let keys = try values(definition.keys, frame), let value = try value(branch.value, frame) else {
            return true
          }
          holds = true
          isDefined = true
          observer?.note(.gives(value), definition, branch.place)
          count += 1
          try bound(count)
          try made(64)
          try add(value, at: keys[...], isElement: definition.addsToSet, to: &tree)
          return true
        }
        if holds { break }
      }
    }
    return .object(tree)
  }

  private func add(
    _ value: RegoValue, at keys: ArraySlice<RegoValue>, isElement: Bool, to object: inout RegoObject
  ) throws {
    guard let key = keys.first else { return }
    if keys.count > 1 {
      var inner = RegoObject()
      if let known = object[key] {
        guard case .object(let object) = known else { throw EvaluationError(.conflict, "object keys must be unique") }
        inner = object
      }
      try add(value, at: keys.dropFirst(), isElement: isElement, to: &inner)
      object.set(key, .object(inner))
    } else if isElement {
      var elements = RegoSet()
      if let known = object[key] {
        guard case .set(let set) = known else { throw EvaluationError(.conflict, "object keys must be unique") }
        elements = set
      }
      elements.insert(value)
      object.set(key, .set(elements))
    } else {
      if let known = object[key], known != value { throw EvaluationError(.conflict, "object keys must be unique") }
      object.set(key, value)
    }
  }

  // MARK: Calls

  func call(_ group: RuleGroup, _ arguments: [RegoValue]) throws -> RegoValue? {
    if !environment.mocks.isEmpty, let mock = environment.mocks[group.name] {
      return try call(mock, group.name, arguments)
    }
    return try deeper { try complete(group, arguments) }
  }

  func call(_ builtIn: BuiltIn, _ arguments: [RegoValue]) throws -> RegoValue? {
    if !environment.mocks.isEmpty, let mock = environment.mocks[builtIn.name] {
      return try call(mock, builtIn.name, arguments)
    }
    do {
      var read = 0
      for argument in arguments { read += Evaluator.size(argument) }
      // Large arguments take time that no step counts.
      if read > 256 { try work(read / 64) }
      guard let value = try builtIn.run(arguments, self) else { return nil }
      switch value {
      case .null, .bool, .number: break
      case .string(let text): try made(text.utf8.count)
      // Texts in it are parts of the arguments.
      default: try made(Evaluator.size(value) + read)
      }
      return value
    } catch let error as EvaluationError {
      guard error.code == .builtIn || error.code == .type else { throw error }
      guard isStrict else { return nil }
      throw EvaluationError(error.code, "\(builtIn.name): \(error.message)")
    }
  }

  private func call(_ mock: Environment.Mock, _ name: String, _ arguments: [RegoValue]) throws -> RegoValue? {
    switch mock {
    case .value(let value): return value
    case .callee(let callee):
      // What stands in place of a function sees the true ones.
      let outer = environment
      environment = Environment(
        input: outer.input, base: outer.base, masked: outer.masked, groups: program.groups.count)
      defer { environment = outer }
      switch callee {
      case .builtIn(let builtIn): return try call(builtIn, arguments)
      case .function(let group): return try call(group, arguments)
      }
    }
  }
}
