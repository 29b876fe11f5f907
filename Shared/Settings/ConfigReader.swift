/// Reads one node of a configuration tree and collects every fault on the way.
///
/// Asking for a value always yields one: after a fault a placeholder, which never reaches the service because the whole
/// configuration is refused in the end.
public final class ConfigReader {
  /// The node.
  public let node: ConfigNode
  /// Its dotted path, for example `providers[2]`.
  public let path: String
  let log: FaultLog
  /// Whether faults must not show the value.
  private let isHidden: Bool
  private var asked: Set<String> = []

  init(_ node: ConfigNode, path: String, log: FaultLog, isHidden: Bool = false) {
    self.node = node
    self.path = path
    self.log = log
    self.isHidden = isHidden
  }

  /// A reader of an empty map whose faults concern nobody.
  static func empty() -> ConfigReader {
    ConfigReader(ConfigNode(.map([]), .defaultValue), path: "", log: FaultLog(muted: true))
  }

  func child(_ node: ConfigNode, _ step: String) -> ConfigReader {
    ConfigReader(node, path: path + step, log: log, isHidden: isHidden)
  }
}

extension ConfigReader {
  /// A required value.
  public func value<Value>(_ key: String, _ type: SettingType<Value>) -> Value {
    switch read(key, type) {
    case .value(let value): return value
    case .faulty: return type.placeholder()
    case .absent:
      log.add(.missing, node.origin, key: "\(path).\(key)", "required and not set; allowed: \(type.allowed)")
      return type.placeholder()
    }
  }

  /// A value that may be left out.
  public func value<Value>(_ key: String, _ type: SettingType<Value>, default value: Value) -> Value {
    switch read(key, type) {
    case .value(let value): value
    case .faulty: type.placeholder()
    case .absent: value
    }
  }

  /// A value that may be left out, without a default.
  public func optional<Value>(_ key: String, _ type: SettingType<Value>) -> Value? {
    if case .value(let value) = read(key, type) { value } else { nil }
  }

  /// Reports a fault of a rule of your own, at a key of this map or at the node itself.
  public func fault(_ key: String? = nil, _ message: String) {
    let place = key.flatMap { node[$0]?.origin } ?? node.origin
    log.add(.invalid, place, key: key.map { "\(path).\($0)" } ?? path, message)
  }

  private enum Outcome<Value> {
    case absent, faulty
    case value(Value)
  }

  private func read<Value>(_ key: String, _ type: SettingType<Value>) -> Outcome<Value> {
    asked.insert(key)
    let given = node[key].flatMap { $0.isNull ? nil : $0 }
    if type.isSecret {
      let fileKey = key + "_file"
      asked.insert(fileKey)
      if let file = node[fileKey], !file.isNull {
        guard given == nil else {
          log.add(.conflict, file.origin, key: "\(path).\(fileKey)", "\(key) is given as well; give one of the two")
          return .faulty
        }
        guard let secret = SecretFile.read(child(file, ".\(fileKey)")) else { return .faulty }
        return type.parse(child(secret, ".\(key)")).map { .value($0) } ?? .faulty
      }
    }
    guard let given else { return .absent }
    return type.parse(child(given, ".\(key)")).map { .value($0) } ?? .faulty
  }
}

extension ConfigReader {
  /// The entries of a list; `nil` after a fault in any of them.
  func elements<Element>(of type: SettingType<Element>, countMaximum: Int) -> [Element]? {
    guard case .list(let nodes) = node.content else {
      reject(.wrongType, "is not a list", allowed: "a list of at most \(countMaximum) entries")
      return nil
    }
    guard nodes.count <= countMaximum else {
      log.add(.limit, node.origin, key: path, "has \(nodes.count) entries; allowed: at most \(countMaximum)")
      return nil
    }
    var result: [Element] = []
    for (index, element) in nodes.enumerated() {
      if let value = type.parse(child(element, "[\(index)]")) { result.append(value) }
    }
    return result.count == nodes.count ? result : nil
  }

  /// Adds a fault for every key that nobody asked for.
  func refuseUnaskedKeys() {
    guard case .map(let entries) = node.content else { return }
    for entry in entries where !asked.contains(entry.key) {
      let hint = NearestName.hint(for: entry.key, among: asked)
      let known = asked.sorted().joined(separator: ", ")
      log.add(.unknownKey, entry.origin, key: "\(path).\(entry.key)", "unknown key\(hint); allowed: \(known)")
    }
  }

  /// Adds "<value> <problem>; allowed: …", without the value when that must stay hidden.
  func reject(_ code: SettingsFault.Code, _ problem: String, allowed: String, hidden: Bool = false) {
    let subject = hidden || isHidden ? "" : "\(node.displayText) "
    log.add(code, node.origin, key: path, "\(subject)\(problem); allowed: \(allowed)")
  }
}
