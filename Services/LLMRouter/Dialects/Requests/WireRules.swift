internal import JSON

/// Brings a request in its provider's dialect into the bounds of the provider. Works on every request: on those that
/// were translated, and on those that go on in the dialect of their caller, where it changes nothing that the provider
/// takes.
struct WireRules {
  let rules: ProviderRules
  /// The provider's name for the model.
  let model: ModelName
  /// Tokens of an answer that the model gives at most, when known.
  let outputTokensLimit: Int64?
  /// Whether the request was made by us; what its caller wrote is left alone otherwise.
  let isTranslated: Bool
  var names: NameMap
  var omissions = Omissions()
  var ids: CallIDs

  init(_ target: RequestTarget, isTranslated: Bool, names: NameMap? = nil, omissions: Omissions = Omissions()) {
    rules = target.rules
    model = ModelName(target.model)
    outputTokensLimit = target.outputTokensLimit
    self.isTranslated = isTranslated
    self.names = names ?? NameMap(lengthMax: target.rules.toolNameLengthMax)
    self.omissions = omissions
    ids = CallIDs(target.rules)
  }

  // MARK: What dialects have in common

  /// Changes the elements of a list that `change` returns something for; nil when there are none.
  static func changed(_ list: JSONNode?, _ change: (JSONNode) -> Change) -> [JSONNode]? {
    guard let list, list.kind == .array else { return nil }
    var isChanged = false
    var result: [JSONNode] = []
    for element in list.elements {
      switch change(element) {
      case .kept: result.append(element)
      case .removed: isChanged = true
      case .replaced(let new):
        isChanged = true
        result.append(new)
      }
    }
    return isChanged ? result : nil
  }

  /// What becomes of a part.
  enum Change {
    case kept
    case removed
    case replaced(JSONNode)
  }

  /// The name of an end user, a digest when it is too long.
  func shortUser(_ name: JSONNode?) -> JSONNode? {
    guard let text = name?.string, text.utf8.count > rules.userLengthMax else { return nil }
    return .string(ShortDigest.hexadecimal(of: text))
  }

  mutating func limitTemperature(_ root: inout JSONNode) {
    guard let value = root["temperature"]?.double, value > rules.temperatureMax else { return }
    root.set("temperature", .double(rules.temperatureMax))
    omissions.add("temperature")
  }

  /// A bound above what the model can give is refused by providers.
  mutating func limitOutput(_ root: inout JSONNode, _ name: String) {
    guard let limit = outputTokensLimit, let value = root[name]?.int, value > limit else { return }
    root.set(name, .int(limit))
    omissions.add(name)
  }

  /// At most so many stops as the provider takes, none of them empty.
  mutating func limitStops(_ root: inout JSONNode, _ name: String, needsInk: Bool) {
    guard let stop = root[name] else { return }
    let given = stop.kind == .array ? stop.elements : [stop]
    var stops = given.filter { !($0.string.map { needsInk ? $0.isBlank : $0.isEmpty } ?? false) }
    if let limit = rules.stopsMax, stops.count > limit { stops = Array(stops.prefix(limit)) }
    guard stops.count < given.count else { return }
    omissions.add(name)
    if stops.isEmpty { root.remove(name) } else { root.set(name, .array(stops)) }
  }
}

extension String {
  /// Whether there is nothing to be seen.
  var isBlank: Bool { unicodeScalars.allSatisfy(\.properties.isWhitespace) }

  /// Without white space at its end.
  var trimmedEnd: String {
    var scalars = Substring(self).unicodeScalars
    while let last = scalars.last, last.properties.isWhitespace { scalars.removeLast() }
    return String(scalars)
  }
}
