/// What a document depends on, as its rules say it.
public struct PolicyTraits: Sendable, Equatable {
  /// Whether the same input and data always give the same value: no rule asks for the time or makes an identifier.
  public internal(set) var isDeterministic = true
  /// The members of the input that are read, by their first name; `nil` when it is read as a whole.
  public internal(set) var inputMembers: Set<String>? = []

  /// Whether a member of the input is read.
  public func reads(_ member: String) -> Bool { inputMembers?.contains(member) ?? true }

  mutating func formUnion(_ other: PolicyTraits) {
    isDeterministic = isDeterministic && other.isDeterministic
    if let members = other.inputMembers { inputMembers?.formUnion(members) } else { inputMembers = nil }
  }
}

extension PolicyProgram {
  /// What the document at a path below `data` depends on.
  public func traits(at path: [String]) -> PolicyTraits {
    var node = root
    for name in path {
      guard let child = node.children[name] else { break }
      node = child
    }
    var waiting: [RuleGroup] = []
    node.groups { waiting.append($0) }
    var seen: Set<Int> = []
    var traits = PolicyTraits()
    while let group = waiting.popLast() {
      guard seen.insert(group.id).inserted else { continue }
      traits.formUnion(group.traits)
      for id in group.needs { waiting.append(groups[id]) }
    }
    return traits
  }

  /// Whether rules stand at a path below `data`.
  public func hasRules(at path: [String]) -> Bool {
    var node = root
    for name in path {
      guard let child = node.children[name] else { return false }
      node = child
    }
    var isThere = false
    node.groups { _ in isThere = true }
    return isThere
  }
}
