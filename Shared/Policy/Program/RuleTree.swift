/// A place in the tree of all packages and rules.
///
/// `@unchecked Sendable`: changed only while a program is built, by one thread.
final class RuleNode: @unchecked Sendable {
  var children: [String: RuleNode] = [:]
  /// The names of the children, in order.
  var names: [String] = []
  /// The rules of this name.
  var group: RuleGroup?
  /// Whether it is a package or leads to one: then it always has a value.
  var isPackage = false

  func child(_ name: String) -> RuleNode {
    if let child = children[name] { return child }
    let child = RuleNode()
    children[name] = child
    names.append(name)
    names.sort { RegoValue.compare($0, $1) < 0 }
    return child
  }

  /// All groups from here on.
  func groups(_ add: (RuleGroup) -> Void) {
    if let group { add(group) }
    for name in names { children[name]?.groups(add) }
  }
}

/// All rules of one name.
///
/// `@unchecked Sendable`: changed only while a program is built, by one thread.
final class RuleGroup: @unchecked Sendable {
  enum Kind: Hashable, Sendable {
    /// One value.
    case complete
    /// A set of values.
    case set
    /// Values by keys, of which so many stand in each other.
    case object
    /// A function of so many arguments.
    case function(Int)
  }

  let id: Int
  /// `data.package.name`
  let path: [String]
  let kind: Kind
  var definitions: [Definition] = []
  /// The value where no definition has one.
  var standard: Definition?
  /// What it needs, by id.
  var needs: Set<Int> = []
  /// Whether every definition stands for the same constant: then the first that holds is enough.
  var hasOneValue = false
  /// What its own definitions depend on.
  var traits = PolicyTraits()
  /// Its definitions, by what they compare.
  var index = RuleIndex.all([]) {
    didSet { if case .by = index { isIndexed = true } else { isIndexed = false } }
  }
  /// Whether the index leaves any out.
  private(set) var isIndexed = false

  init(id: Int, path: [String], kind: Kind) {
    self.id = id
    self.path = path
    self.kind = kind
  }

  var name: String { path.joined(separator: ".") }
}

/// One definition of a rule, ready to be evaluated.
final class Definition: Sendable {
  /// Values for its keys: those behind the name that are not fixed.
  let keys: [Operation]
  /// Whether what stands behind the keys is a set to which the value is added.
  let addsToSet: Bool
  let arguments: [Operation]
  /// The first branch that holds counts.
  let branches: [PlannedBranch]
  let slots: Int
  /// The name from `data` on, and where it stands.
  let rule: String
  let file: String
  let place: PolicyPlace
  /// The places of the program that belong to it, where coverage is measured.
  let points: Range<Int>

  init(
    keys: [Operation], addsToSet: Bool, arguments: [Operation], branches: [PlannedBranch], slots: Int,
    rule: String, file: String, place: PolicyPlace, points: Range<Int>
  ) {
    self.rule = rule
    self.file = file
    self.keys = keys
    self.addsToSet = addsToSet
    self.arguments = arguments
    self.branches = branches
    self.slots = slots
    self.place = place
    self.points = points
  }
}

struct PlannedBranch: Sendable {
  let steps: [Step]
  let value: Operation
  let isConstant: Bool
  let place: PolicyPlace
}
