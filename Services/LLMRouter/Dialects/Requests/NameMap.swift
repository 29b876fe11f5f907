/// How the tools of one request are called at the provider. A name that the provider takes stays as it is; every other
/// becomes a short one that follows from the tool alone, so that each replica finds the same one for the history of a
/// later request. In answers the map is read backwards.
public struct NameMap: Sendable, Hashable {
  /// The argument of the function that stands for a custom tool.
  public static let customArgument = "input"
  /// Characters of the digest in a short name: 50 bits, so that two tools of one request do not meet by chance.
  private static let digestLength = 10

  private let lengthMax: Int
  private var forward: [ToolIdentity: String] = [:]
  private var backward: [String: ToolIdentity] = [:]
  private var changed: [String: ToolIdentity] = [:]

  /// A map without tools, for names of up to `lengthMax` characters.
  public init(lengthMax: Int = 64) { self.lengthMax = max(NameMap.digestLength + 2, lengthMax) }

  /// Whether every tool is a function that is called the same at the provider: answers need no change.
  public var isEmpty: Bool { changed.isEmpty }

  /// The tool that the provider knows by a name, when the caller knows it by another or in another form.
  public func original(_ wireName: String) -> ToolIdentity? { changed[wireName] }

  /// The provider's name for a tool; the same again for the same tool.
  public mutating func wireName(_ tool: ToolIdentity) -> String {
    if let known = forward[tool] { return known }
    let full = tool.namespace.map { "\($0)__\(tool.name)" } ?? tool.name
    var name = NameMap.isValid(full, lengthMax) ? full : shortened(full, salt: 0)
    // Another tool has this name: a digest over more than the name decides, the same on every replica.
    var salt = 1
    while let other = backward[name], other != tool, salt < 8 {
      name = shortened(full, salt: salt)
      salt += 1
    }
    forward[tool] = name
    backward[name] = tool
    if name != tool.name || tool.namespace != nil || tool.form != .function { changed[name] = tool }
    return name
  }

  /// The provider's name for a function, by its own name or by the one that it was given already.
  mutating func settled(_ name: String) -> String {
    let tool = ToolIdentity(name: name)
    if forward[tool] == nil, backward[name] != nil { return name }
    return wireName(tool)
  }

  /// Reserves names that stay as they are, before others are shortened.
  mutating func reserve(_ names: some Sequence<String>) {
    for name in names where NameMap.isValid(name, lengthMax) { _ = settled(name) }
  }

  private func shortened(_ full: String, salt: Int) -> String {
    let digest = ShortDigest.text(of: salt == 0 ? full : "\(full)#\(salt)", length: NameMap.digestLength)
    var stem = full.unicodeScalars.prefix(lengthMax - NameMap.digestLength - 1).map {
      NameMap.isAllowed($0) ? Character($0) : "_"
    }
    if stem.isEmpty { stem = ["t"] }
    return "\(String(stem))_\(digest)"
  }

  static func isAllowed(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar {
    case "a"..."z", "A"..."Z", "0"..."9", "_", "-": true
    default: false
    }
  }

  static func isValid(_ name: String, _ lengthMax: Int) -> Bool {
    !name.isEmpty && name.utf8.count <= lengthMax && name.unicodeScalars.allSatisfy(isAllowed)
  }
}
