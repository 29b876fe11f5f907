internal import JSON

/// Names of what a request asks for and its provider does not get. Goes into a header, so it is bounded.
struct Omissions: Sendable {
  /// Names at most: a header has room for some thousand bytes.
  private static let namesMax = 40
  private static let nameLengthMax = 64
  private(set) var names: [String] = []

  /// Names a member, as a path like `tools.strict`.
  mutating func add(_ name: String) {
    let name = String(name.prefix(Omissions.nameLengthMax))
    guard names.count < Omissions.namesMax, !names.contains(name) else { return }
    names.append(name)
  }

  /// Names the members of an object that nobody reads.
  mutating func unread(of node: JSONNode?, known: Set<String>, at path: String = "") {
    guard let node, node.kind == .object else { return }
    for member in node.members where !known.contains(member.key) && !member.value.isNull {
      add(path.isEmpty ? member.key : "\(path).\(member.key)")
    }
  }
}
