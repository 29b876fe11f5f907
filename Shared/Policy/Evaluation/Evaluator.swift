/// Answers one question. Used by one thread at a time.
///
/// Statements are tried one after the other; each calls what follows for every way in which it holds. What follows says
/// whether more ways are wanted.
final class Evaluator {
  /// What follows: returns whether more is wanted.
  typealias Next = () throws -> Bool
  typealias Each = (RegoValue) throws -> Bool

  let program: PolicyProgram
  let limits: EvaluationLimits
  /// Whether a built-in function that fails is an error, and not only undefined.
  let isStrict: Bool
  /// The time of the question, in nanoseconds since 1970.
  let now: Int64
  let check: () -> Bool
  /// Sees every rule and statement; `nil` for questions that nobody watches.
  let observer: (any EvaluationObserver)?
  // Of one thread, and never lent while something else is called: the runtime need not check each access.
  @exclusivity(unchecked) var environment: Environment
  /// Counts the marks of a program that has some.
  var coverage: PolicyCoverage?
  @exclusivity(unchecked) private(set) var steps = 0
  @exclusivity(unchecked) private var nextCheck = EvaluationLimits.checkSteps
  @exclusivity(unchecked) private var madeBytes = 0
  private var stackStart: UInt = 0
  /// Threads of pools have 512 KiB.
  private static let stackBytesMax: UInt = 256 << 10
  @exclusivity(unchecked) private var depth = 0

  init(
    _ program: PolicyProgram, input: RegoValue?, base: RegoValue, now: Int64, limits: EvaluationLimits,
    isStrict: Bool = false, observer: (any EvaluationObserver)? = nil, check: @escaping () -> Bool = { true }
  ) {
    self.observer = observer
    self.program = program
    self.limits = limits
    self.isStrict = isStrict
    self.now = now
    self.check = check
    environment = Environment(input: input, base: base, groups: program.groups.count)
  }

  @inline(__always)
  func step() throws {
    steps += 1
    if steps >= nextCheck || steps > limits.stepsMax { try checkSteps() }
  }

  /// Work that is as much as so many steps.
  func work(_ count: Int) throws {
    steps += count
    if steps >= nextCheck || steps > limits.stepsMax { try checkSteps() }
  }

  /// Steps that the question may still take.
  var stepsLeft: Int { max(0, limits.stepsMax - steps) }

  private func checkSteps() throws {
    guard steps <= limits.stepsMax else {
      throw EvaluationError(.limit, "the question takes more than \(limits.stepsMax) steps")
    }
    nextCheck = steps + EvaluationLimits.checkSteps
    guard check() else { throw EvaluationError(.cancelled, "the evaluation was given up") }
  }

  /// Counts the bytes of a value that was made.
  func made(_ bytes: Int) throws {
    madeBytes += bytes
    guard madeBytes <= limits.madeBytesMax else {
      throw EvaluationError(.limit, "the question makes values of more than \(limits.madeBytesMax) bytes")
    }
  }

  /// About the bytes of a value itself, without those of its elements.
  static func size(_ value: RegoValue) -> Int {
    switch value {
    case .null, .bool: 0
    case .number: 16
    case .string(let text): text.utf8.count
    case .array(let list): list.count &* 32
    case .set(let set): set.count &* 32
    case .object(let object): object.count &* 64
    }
  }

  func deeper<Result>(_ body: () throws -> Result) throws -> Result {
    depth += 1
    defer { depth -= 1 }
    try checkStack()
    guard depth <= limits.depthMax else {
      throw EvaluationError(.limit, "rules stand more than \(limits.depthMax) deep in each other")
    }
    return try body()
  }

  /// Statements that hold in several ways stand in each other on the stack: what is beside rules is bounded by bytes.
  private func checkStack() throws {
    let here = Evaluator.stackAddress()
    if stackStart == 0 { stackStart = here }
    let used = stackStart > here ? stackStart - here : here - stackStart
    guard used <= Evaluator.stackBytesMax else {
      throw EvaluationError(.limit, "rules and statements stand too deep in each other")
    }
  }

  private static func stackAddress() -> UInt {
    var mark: UInt8 = 0
    return withUnsafeMutablePointer(to: &mark) { UInt(bitPattern: $0) }
  }

  // MARK: Statements

  /// Tries the statements from `place` on.
  func run(_ steps: [Step], _ place: Int, _ frame: Frame, _ next: Next) throws -> Bool {
    guard observer == nil else { return try runObserved(steps, place, frame, next) }
    var place = place
    while place < steps.count {
      try step()
      // What holds in one way at most needs nobody to come back to it.
      switch steps[place].kind {
      case .test(let operation):
        guard let value = try value(operation, frame), value.isTruthy else { return true }
      case .assign(let slot, let operation):
        guard let value = try value(operation, frame) else { return true }
        frame.slots[slot] = value
      default: return try branch(steps[place].kind, frame) { try run(steps, place + 1, frame, next) }
      }
      place += 1
    }
    return try next()
  }

  /// The same, and notifies the observer of every statement whether it holds.
  private func runObserved(_ steps: [Step], _ place: Int, _ frame: Frame, _ next: Next) throws -> Bool {
    guard place < steps.count else { return try next() }
    try step()
    var holds = false
    let more = try branch(steps[place].kind, frame) {
      if !holds {
        holds = true
        observer?.note(.holds, frame.definition, steps[place].place)
      }
      return try runObserved(steps, place + 1, frame, next)
    }
    if !holds { observer?.note(.fails, frame.definition, steps[place].place) }
    return more
  }

  /// Calls what follows for every way in which a statement holds.
  private func branch(_ kind: Step.Kind, _ frame: Frame, _ next: Next) throws -> Bool {
    try checkStack()
    switch kind {
    case .test(let operation):
      guard let value = try value(operation, frame), value.isTruthy else { return true }
      return try next()
    case .testEach(let operation): return try each(operation, frame) { $0.isTruthy ? try next() : true }
    case .assign(let slot, let operation):
      guard let value = try value(operation, frame) else { return true }
      frame.slots[slot] = value
      return try next()
    case .match(let pattern, let operation):
      guard let value = try value(operation, frame) else { return true }
      return try match(pattern, value, frame, next)
    case .matchEach(let pattern, let operation):
      return try each(operation, frame) { try match(pattern, $0, frame, next) }
    case .iterate(let key, let pattern, let operation):
      return try each(operation, frame) { collection in
        try iterate(collection) { name, element in
          try step()
          guard let key else { return try match(pattern, element, frame, next) }
          return try match(key, name, frame) { try match(pattern, element, frame, next) }
        }
      }
    case .every(let key, let pattern, let operation, let body):
      return try each(operation, frame) { domain in
        try holdsForAll(domain, key, pattern, body, frame) ? try next() : true
      }
    case .not(let body):
      var isThere = false
      _ = try run(body, 0, frame) {
        isThere = true
        return false
      }
      return isThere ? true : try next()
    case .with(let withs, let body):
      guard let inner = try environment(withs, frame) else { return true }
      let outer = environment
      environment = inner
      defer { environment = outer }
      return try run(body, 0, frame) {
        environment = outer
        defer { environment = inner }
        return try next()
      }
    case .mark(let point):
      coverage?.hit(point)
      return try next()
    }
  }

  private func holdsForAll(
    _ domain: RegoValue, _ key: Operation?, _ pattern: Operation, _ body: [Step], _ frame: Frame
  ) throws -> Bool {
    switch domain {
    case .array, .object, .set: break
    default: return false
    }
    var holds = true
    _ = try iterate(domain) { name, element in
      try step()
      var isThere = false
      let found: Next = {
        isThere = true
        return false
      }
      if let key {
        _ = try match(key, name, frame) { try match(pattern, element, frame) { try run(body, 0, frame, found) } }
      } else {
        _ = try match(pattern, element, frame) { try run(body, 0, frame, found) }
      }
      holds = isThere
      return isThere
    }
    return holds
  }

  /// Every element of a collection with its key; nothing of what is none.
  private func iterate(_ collection: RegoValue, _ each: (RegoValue, RegoValue) throws -> Bool) throws -> Bool {
    switch collection {
    case .array(let list):
      for (place, element) in list.enumerated() { if try !each(.int(place), element) { return false } }
    case .object(let object):
      for place in 0..<object.count { if try !each(object.keys[place], object.values[place]) { return false } }
    case .set(let set): for element in set.elements { if try !each(element, element) { return false } }
    default: break
    }
    return true
  }

  // MARK: Patterns

  /// Fits a value to a pattern; variables that get their value by it have it while `next` runs.
  func match(_ pattern: Operation, _ value: RegoValue, _ frame: Frame, _ next: Next) throws -> Bool {
    switch pattern {
    case .bind(let slot):
      // Whoever reads it stands behind: no need to take it back.
      frame.slots[slot] = value
      return try next()
    case .slot(let slot): return frame.slots[slot] == value ? try next() : true
    case .constant(let constant): return constant == value ? try next() : true
    case .array(let patterns) where !pattern.isDirect:
      guard case .array(let list) = value, list.count == patterns.count else { return true }
      return try match(patterns[...], list[...], frame, next)
    case .object(let pairs) where !pattern.isDirect:
      guard case .object(let object) = value, object.count == pairs.count else { return true }
      var patterns: [Operation] = []
      var values: [RegoValue] = []
      for (key, part) in pairs {
        guard let name = try self.value(key, frame), let element = object[name] else { return true }
        patterns.append(part)
        values.append(element)
      }
      return try match(patterns[...], values[...], frame, next)
    default:
      if pattern.isDirect { return try self.value(pattern, frame) == value ? try next() : true }
      return try each(pattern, frame) { $0 == value ? try next() : true }
    }
  }

  private func match(
    _ patterns: ArraySlice<Operation>, _ values: ArraySlice<RegoValue>, _ frame: Frame, _ next: Next
  ) throws -> Bool {
    guard let pattern = patterns.first, let value = values.first else { return try next() }
    return try match(pattern, value, frame) { try match(patterns.dropFirst(), values.dropFirst(), frame, next) }
  }

  // MARK: Replacements

  private func environment(_ withs: [PlannedWith], _ frame: Frame) throws -> Environment? {
    var input = environment.input
    var base = environment.base
    var masked = environment.masked
    var mocks = environment.mocks
    for with in withs {
      var replacement: RegoValue?
      if case .value(let operation) = with.replacement {
        guard let value = try value(operation, frame) else { return nil }
        replacement = value
      }
      switch (with.target, with.replacement) {
      case (.input(let path), _):
        guard let replacement else { return nil }
        input = Evaluator.set(input, path[...], replacement)
      case (.data(let path), _):
        guard let replacement else { return nil }
        base = Evaluator.set(base, path[...], replacement)
        var node = program.root
        var isThere = true
        for name in path {
          // A document below a rule hides the whole rule; one beside all rules hides none.
          guard node.group == nil || node.children[name] != nil else { break }
          guard let child = node.children[name] else {
            isThere = false
            break
          }
          node = child
        }
        if isThere { masked.insert(ObjectIdentifier(node)) }
      case (.builtIn(let name), .callee(let callee)): mocks[name] = .callee(callee)
      case (.function(let group), .callee(let callee)): mocks[group.name] = .callee(callee)
      case (.builtIn(let name), .value): mocks[name] = replacement.map { .value($0) }
      case (.function(let group), .value): mocks[group.name] = replacement.map { .value($0) }
      }
    }
    return Environment(input: input, base: base, masked: masked, mocks: mocks, groups: program.groups.count)
  }

  private static func set(_ document: RegoValue?, _ path: ArraySlice<String>, _ value: RegoValue) -> RegoValue {
    guard let first = path.first else { return value }
    var object = RegoObject()
    if case .object(let known)? = document { object = known }
    object.set(.string(first), set(object[first], path.dropFirst(), value))
    return .object(object)
  }
}
