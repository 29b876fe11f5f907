extension BuiltIns {
  static let jsonEditing: [BuiltIn] = [
    BuiltIn("json.filter", 2) { list, _ in
      _ = try Argument.object(list, 0)
      let tree = try paths(list, 1)
      return filtered(list[0], tree) ?? .object(RegoObject())
    },
    BuiltIn("json.remove", 2) { list, _ in
      _ = try Argument.object(list, 0)
      return removed(list[0], try paths(list, 1)) ?? .object(RegoObject())
    },
    BuiltIn("json.patch", 2) { list, evaluator in
      var document = list[0]
      for operation in try Argument.array(list, 1) {
        try evaluator.step()
        guard let next = try patched(document, operation) else { return nil }
        document = next
      }
      return document
    },
    BuiltIn("uuid.parse", 1) { list, _ in uuid(try Argument.string(list, 0)) },
  ]

  /// Paths as a tree; a leaf is a path that ends.
  private final class PathTree {
    var children: [String: PathTree] = [:]
    var isEnd = false
  }

  private static func paths(_ list: [RegoValue], _ place: Int) throws -> PathTree {
    let root = PathTree()
    let elements: [RegoValue]
    switch list[place] {
    case .array(let array): elements = array
    case .set(let set): elements = set.elements
    default:
      throw EvaluationError(.type, "operand \(place + 1) must be one of {set, array} but got \(list[place].typeName)")
    }
    for element in elements {
      var node = root
      for part in try parts(element, place) {
        let child = node.children[part] ?? PathTree()
        node.children[part] = child
        node = child
      }
      node.isEnd = true
    }
    return root
  }

  private static func parts(_ path: RegoValue, _ place: Int) throws -> [String] {
    switch path {
    case .string(let text):
      let trimmed = text.drop { $0 == "/" }
      if trimmed.isEmpty { return [] }
      var parts: [String] = []
      for part in trimmed.split(separator: "/", omittingEmptySubsequences: false) { parts.append(unescaped(part)) }
      return parts
    case .array(let keys): return keys.map { $0.string ?? $0.json }
    default:
      throw EvaluationError(
        .type,
        "operand \(place + 1) must be one of {set, array} containing string paths or array of path segments but got \(path.typeName)"
      )
    }
  }

  /// `~1` is a slash and `~0` a tilde.
  private static func unescaped(_ part: Substring) -> String {
    guard part.utf8.contains(UInt8(ascii: "~")) else { return String(part) }
    var (text, isEscape) = ("", false)
    for scalar in part.unicodeScalars {
      if isEscape {
        text += scalar == "1" ? "/" : scalar == "0" ? "~" : "~\(scalar)"
        isEscape = false
      } else if scalar == "~" {
        isEscape = true
      } else {
        text.unicodeScalars.append(scalar)
      }
    }
    return isEscape ? text + "~" : text
  }

  /// What a UUID by time says of its maker.
  private static func clock(_ digits: [Int]) -> [(RegoValue, RegoValue)] {
    func number(_ range: Range<Int>) -> UInt64 { digits[range].reduce(0) { $0 << 4 | UInt64($1) } }
    let ticks = (number(13..<16) << 48) | (number(8..<12) << 32) | number(0..<8)
    let since1970 = Int128(ticks) - 0x01B2_1DD2_1381_4000
    let node = stride(from: 20, to: 32, by: 2).map { number($0..<($0 + 2)) }
    let nodeText = node.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined(separator: "-")
    var members: [(RegoValue, RegoValue)] = [
      (.string("time"), .number(.int(since1970 * 100))), (.string("nodeid"), .string(nodeText)),
      (
        .string("macvariables"),
        .string((node[0] & 2 == 0 ? "global" : "local") + ":" + (node[0] & 1 == 0 ? "unicast" : "multicast"))
      ),
      (.string("clocksequence"), .int(Int(number(16..<20) & 0x3FFF))),
    ]
    if digits[12] == 2 {
      let domains = ["Person", "Group", "Org"]
      let domain = Int(number(18..<20))
      members.append((.string("domain"), .string(domain < domains.count ? domains[domain] : "Domain\(domain)")))
      members.append((.string("id"), .int(Int(number(0..<8)))))
    }
    return members
  }

  private static func filtered(_ value: RegoValue, _ tree: PathTree) -> RegoValue? {
    if tree.isEnd { return value }
    switch value {
    case .object(let object):
      var pairs: [(RegoValue, RegoValue)] = []
      for place in 0..<object.count {
        let key = object.keys[place]
        if let child = tree.children[key.string ?? key.json], let kept = filtered(object.values[place], child) {
          pairs.append((key, kept))
        }
      }
      return .object(RegoObject(pairs))
    case .array(let list):
      return .array(
        list.enumerated().compactMap { place, element in
          tree.children[String(place)].flatMap { filtered(element, $0) }
        })
    case .set(let set):
      return .set(RegoSet(set.elements.filter { tree.children[$0.string ?? $0.json] != nil }))
    default: return tree.children.isEmpty ? value : nil
    }
  }

  private static func removed(_ value: RegoValue, _ tree: PathTree) -> RegoValue? {
    if tree.isEnd { return nil }
    if tree.children.isEmpty { return value }
    switch value {
    case .object(let object):
      var pairs: [(RegoValue, RegoValue)] = []
      for place in 0..<object.count {
        let key = object.keys[place]
        guard let child = tree.children[key.string ?? key.json] else {
          pairs.append((key, object.values[place]))
          continue
        }
        if let kept = removed(object.values[place], child) { pairs.append((key, kept)) }
      }
      return .object(RegoObject(pairs))
    case .array(let list):
      return .array(
        list.enumerated().compactMap { place, element in
          guard let child = tree.children[String(place)] else { return element }
          return removed(element, child)
        })
    case .set(let set):
      return .set(RegoSet(set.elements.filter { tree.children[$0.string ?? $0.json] == nil }))
    default: return value
    }
  }

  // MARK: Patches

  private static func patched(_ document: RegoValue, _ operation: RegoValue) throws -> RegoValue? {
    guard case .object(let object) = operation, let name = object["op"]?.string else {
      throw EvaluationError(.builtIn, "a patch has a member \"op\"")
    }
    guard let written = object["path"] else { throw EvaluationError(.builtIn, "missing required attribute 'path'") }
    let path = try keys(written)[...]
    switch name {
    case "add":
      guard let value = object["value"] else { throw EvaluationError(.builtIn, "missing required attribute 'value'") }
      return added(document, path, value)
    case "remove": return without(document, path)
    case "replace":
      guard let value = object["value"] else { throw EvaluationError(.builtIn, "missing required attribute 'value'") }
      if path.isEmpty { return value }
      return without(document, path).flatMap { added($0, path, value) }
    case "move", "copy":
      guard let from = object["from"] else { throw EvaluationError(.builtIn, "missing required attribute 'from'") }
      let source = try keys(from)[...]
      guard let value = found(document, source) else { return nil }
      let rest = name == "move" ? without(document, source) : document
      return rest.flatMap { added($0, path, value) }
    case "test":
      guard let value = object["value"] else { throw EvaluationError(.builtIn, "missing required attribute 'value'") }
      return found(document, path) == value ? document : nil
    default: throw EvaluationError(.builtIn, "unrecognized op '\(name)'")
    }
  }

  private static func keys(_ path: RegoValue) throws -> [RegoValue] {
    if case .array(let keys) = path { return keys }
    guard case .string(let text) = path else { return try parts(path, 1).map { .string($0) } }
    if text.isEmpty { return [] }
    let parts = (text.hasPrefix("/") ? text.dropFirst() : text[...]).split(
      separator: "/", omittingEmptySubsequences: false)
    return parts.map { .string(unescaped($0)) }
  }

  private static func place(_ key: RegoValue, in list: [RegoValue], isNew: Bool) -> Int? {
    if isNew, key.string == "-" { return list.count }
    let place: Int? =
      if let text = key.string { text == "0" || text.first != "0" ? Int(text) : nil } else { key.number?.int }
    guard let place, place >= 0, place < list.count + (isNew ? 1 : 0) else { return nil }
    return place
  }

  private static func found(_ document: RegoValue, _ path: ArraySlice<RegoValue>) -> RegoValue? {
    guard let key = path.first else { return document }
    switch document {
    case .array(let list): return place(key, in: list, isNew: false).flatMap { found(list[$0], path.dropFirst()) }
    default: return Evaluator.element(document, key).flatMap { found($0, path.dropFirst()) }
    }
  }

  private static func added(_ document: RegoValue, _ path: ArraySlice<RegoValue>, _ value: RegoValue) -> RegoValue? {
    guard let key = path.first else { return value }
    switch document {
    case .object(var object):
      if path.count == 1 {
        object.set(key, value)
      } else {
        guard let inner = object[key], let new = added(inner, path.dropFirst(), value) else { return nil }
        object.set(key, new)
      }
      return .object(object)
    case .array(var list):
      if path.count == 1 {
        guard let place = place(key, in: list, isNew: true) else { return nil }
        list.insert(value, at: place)
      } else {
        guard let place = place(key, in: list, isNew: false), let new = added(list[place], path.dropFirst(), value)
        else { return nil }
        list[place] = new
      }
      return .array(list)
    case .set(var set):
      if path.count == 1 {
        guard key == value else { return nil }
        set.insert(value)
      } else {
        guard set.contains(key), let new = added(key, path.dropFirst(), value) else { return nil }
        set = RegoSet(set.elements.filter { $0 != key } + [new])
      }
      return .set(set)
    default: return nil
    }
  }

  private static func without(_ document: RegoValue, _ path: ArraySlice<RegoValue>) -> RegoValue? {
    guard let key = path.first else { return nil }
    switch document {
    case .object(var object):
      guard let inner = object[key] else { return nil }
      if path.count == 1 {
        object.remove(key)
      } else {
        guard let new = without(inner, path.dropFirst()) else { return nil }
        object.set(key, new)
      }
      return .object(object)
    case .array(var list):
      guard let place = place(key, in: list, isNew: false) else { return nil }
      if path.count == 1 {
        list.remove(at: place)
      } else {
        guard let new = without(list[place], path.dropFirst()) else { return nil }
        list[place] = new
      }
      return .array(list)
    case .set(let set):
      guard set.contains(key) else { return nil }
      let rest = set.elements.filter { $0 != key }
      if path.count == 1 { return .set(RegoSet(rest)) }
      return without(key, path.dropFirst()).map { .set(RegoSet(rest + [$0])) }
    default: return nil
    }
  }

  /// Version and variant of a UUID; undefined for what is none.
  private static func uuid(_ text: String) -> RegoValue? {
    var digits = text
    if digits.hasPrefix("urn:uuid:") { digits = String(digits.dropFirst(9)) }
    if digits.hasPrefix("{"), digits.hasSuffix("}") { digits = String(digits.dropFirst().dropLast()) }
    let plain = digits.filter { $0 != "-" }
    guard plain.utf8.count == 32, plain.allSatisfy(\.isHexDigit), digits.utf8.count == 32 || digits.utf8.count == 36
    else { return nil }
    let values = plain.compactMap(\.hexDigitValue)
    let variant =
      switch values[16] {
      case 0..<8: "Reserved"
      case 8..<12: "RFC4122"
      case 12, 13: "Microsoft"
      default: "Future"
      }
    var members: [(RegoValue, RegoValue)] = [
      (.string("version"), .int(values[12])), (.string("variant"), .string(variant)),
    ]
    if variant == "RFC4122", values[12] == 1 || values[12] == 2 { members += clock(values) }
    return .object(RegoObject(members))
  }
}
