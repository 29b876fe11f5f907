/// Reads one YAML document into a tree, within limits that hold before memory is spent.
///
/// Refused, with the place: anchors, aliases and tags (so no text can expand), keys that are not text, duplicate keys,
/// a second document, bytes that are not UTF-8.
struct YAMLDocument: ~Copyable {
  /// Bytes of a file.
  static let fileBytesMaximum = 1024 * 1024
  /// Lists and maps inside one another.
  static let depthMaximum = 32
  /// Scalars, keys, lists and maps of a file.
  static let nodesMaximum = 50_000

  /// The fault is in the log; nothing more can be read.
  private struct Stopped: Error {}

  private var events: YAMLEvents
  private let path: String
  private let log: FaultLog
  private var interpolation: Interpolation
  private var nodes = 0

  /// The root of the document (a null scalar when it is empty) and the variables that it names; `nil` after a fault
  /// that ended the reading. Other faults are in the log, too: the caller must look there.
  static func read(
    _ bytes: [UInt8], path: String, environment: [String: String]?, log: FaultLog
  ) -> (root: ConfigNode, variables: Set<String>)? {
    let start = SettingOrigin.file(path: path, line: 1, column: 1)
    guard bytes.count <= fileBytesMaximum else {
      log.add(.limit, start, "the file is larger than \(fileBytesMaximum) bytes")
      return nil
    }
    guard String(validating: bytes, as: UTF8.self) != nil else {
      log.add(.syntax, start, "the file is not UTF-8")
      return nil
    }
    let text = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? bytes.dropFirst(3) : bytes[...]
    return text.withUnsafeBufferPointer { buffer in
      guard let events = YAMLEvents(buffer) else {
        log.add(.limit, start, "out of memory")
        return nil
      }
      var document = YAMLDocument(
        events: events, path: path, log: log, interpolation: Interpolation(environment: environment))
      guard let root = try? document.root() else { return nil }
      return (root, document.interpolation.names)
    }
  }

  private init(events: consuming YAMLEvents, path: String, log: FaultLog, interpolation: Interpolation) {
    self.events = events
    self.path = path
    self.log = log
    self.interpolation = interpolation
  }

  private mutating func root() throws(Stopped) -> ConfigNode {
    _ = try next()
    let first = try next()
    guard first.event == .documentStart else {
      return ConfigNode(.scalar(ConfigScalar(yaml: "", isQuoted: false)), origin(first.mark))
    }
    let root = try node(try next(), depth: 0)
    _ = try next()
    let last = try next()
    guard last.event == .streamEnd else {
      throw stop(.unsupported, last.mark, "a second document; a configuration is one document")
    }
    return root
  }

  private mutating func next() throws(Stopped) -> YAMLEvents.Item {
    do {
      return try events.next()
    } catch {
      throw stop(.syntax, error.mark, "not valid YAML: \(error.message)")
    }
  }

  private mutating func node(_ item: YAMLEvents.Item, depth: Int) throws(Stopped) -> ConfigNode {
    try count(item)
    refuseDecorations(item)
    switch item.event {
    case .scalar(let text, let isQuoted): return scalar(text, isQuoted: isQuoted, at: item.mark)
    case .listStart:
      try checkDepth(depth, item)
      var elements: [ConfigNode] = []
      while true {
        let element = try next()
        if element.event == .listEnd { break }
        elements.append(try node(element, depth: depth + 1))
      }
      return ConfigNode(.list(elements), origin(item.mark))
    case .mapStart:
      try checkDepth(depth, item)
      return ConfigNode(.map(try entries(depth: depth)), origin(item.mark))
    default:
      // An alias, already refused: the reading goes on to find other faults.
      return ConfigNode(.scalar(ConfigScalar(yaml: "", isQuoted: false)), origin(item.mark))
    }
  }

  private mutating func entries(depth: Int) throws(Stopped) -> [ConfigEntry] {
    var entries: [ConfigEntry] = []
    var places: [String: YAMLEvents.Mark] = [:]
    while true {
      let item = try next()
      if item.event == .mapEnd { return entries }
      try count(item)
      refuseDecorations(item)
      guard case .scalar(let key, let isQuoted) = item.event, !key.isEmpty || isQuoted else {
        throw stop(.unsupported, item.mark, "a key must be text")
      }
      let value = try node(try next(), depth: depth + 1)
      if let earlier = places.updateValue(item.mark, forKey: key) {
        log.add(.conflict, origin(item.mark), key: key, "the same key stands in line \(earlier.line) already")
        continue
      }
      entries.append(ConfigEntry(key: key, origin: origin(item.mark), value: value))
    }
  }

  private mutating func scalar(_ text: String, isQuoted: Bool, at mark: YAMLEvents.Mark) -> ConfigNode {
    var scalar = ConfigScalar(yaml: text, isQuoted: isQuoted)
    switch interpolation.expand(text) {
    case .unchanged: break
    case .expanded(let expanded): scalar = ConfigScalar(yaml: expanded, isQuoted: isQuoted, written: text)
    case .fault(let code, let message): log.add(code, origin(mark), message)
    }
    return ConfigNode(.scalar(scalar), origin(mark))
  }

  private mutating func count(_ item: YAMLEvents.Item) throws(Stopped) {
    nodes += 1
    if nodes > Self.nodesMaximum {
      throw stop(.limit, item.mark, "more than \(Self.nodesMaximum) values and keys")
    }
  }

  private func checkDepth(_ depth: Int, _ item: YAMLEvents.Item) throws(Stopped) {
    if depth >= Self.depthMaximum {
      throw stop(.limit, item.mark, "more than \(Self.depthMaximum) lists and maps inside one another")
    }
  }

  private func refuseDecorations(_ item: YAMLEvents.Item) {
    if item.event == .alias || item.hasAnchor {
      log.add(.unsupported, origin(item.mark), "anchors (&) and aliases (*) are not accepted; write the value out")
    }
    if item.hasTag { log.add(.unsupported, origin(item.mark), "tags (!) are not accepted") }
  }

  private func stop(_ code: SettingsFault.Code, _ mark: YAMLEvents.Mark, _ message: String) -> Stopped {
    log.add(code, origin(mark), message)
    return Stopped()
  }

  private func origin(_ mark: YAMLEvents.Mark) -> SettingOrigin {
    .file(path: path, line: mark.line, column: mark.column)
  }
}

extension ConfigNode {
  /// Reads one YAML document of UTF-8 text: at most 1 MiB, 50,000 nodes and 32 levels; anchors, aliases, tags,
  /// duplicate keys and further documents are faults. `${NAME}` and `${NAME:-default}` in scalars are replaced from
  /// `environment`.
  ///
  /// - Parameters:
  ///   - bytes: The text.
  ///   - path: The name that fault messages give to the text.
  ///   - environment: The variables that scalars may name.
  public init(
    yaml bytes: [UInt8], path: String, environment: [String: String] = [:]
  ) throws(SettingsError) {
    let log = FaultLog()
    let document = YAMLDocument.read(bytes, path: path, environment: environment, log: log)
    guard let document, log.faults.isEmpty else { throw SettingsError(.invalid, log.faults) }
    self = document.root
  }
}
