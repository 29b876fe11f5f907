/// What rules see: input, base documents, and what stands in place of functions. A new one for every `with`.
final class Environment {
  enum Known {
    case unknown
    case undefined
    case value(RegoValue)
  }

  enum Mock {
    case value(RegoValue)
    case callee(Callee)
  }

  let input: RegoValue?
  let base: RegoValue
  /// Places whose rules are hidden by a document.
  let masked: Set<ObjectIdentifier>
  /// Functions that are replaced, by name.
  let mocks: [String: Mock]
  /// The values of rules. Of one thread, and never lent while something else is called.
  @exclusivity(unchecked) var known: [Known]

  init(
    input: RegoValue?, base: RegoValue, masked: Set<ObjectIdentifier> = [], mocks: [String: Mock] = [:], groups: Int
  ) {
    self.input = input
    self.base = base
    self.masked = masked
    self.mocks = mocks
    known = [Known](repeating: .unknown, count: groups)
  }
}

/// The variables of one evaluation of a rule.
final class Frame {
  /// Of one thread, and never lent while something else is called.
  @exclusivity(unchecked) var slots: [RegoValue?]
  /// Whose variables they are; `nil` for those of a query.
  let definition: Definition?

  init(_ definition: Definition) {
    self.definition = definition
    slots = [RegoValue?](repeating: nil, count: definition.slots)
  }

  init(_ count: Int) {
    definition = nil
    slots = [RegoValue?](repeating: nil, count: count)
  }
}
