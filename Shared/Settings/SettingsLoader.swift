extension SettingsTable {
  /// Reads and checks everything; throws one error that lists every fault. Values that a stronger source replaces are
  /// checked too.
  public func load(_ sources: SettingsSources) throws(SettingsError) -> Settings {
    var loader = SettingsLoader(table: self, sources: sources)
    return try loader.load()
  }

  /// Reads and checks a YAML or JSON text that was not in a file; `path` is its name in messages. The limits are those
  /// of `ConfigNode.init(yaml:path:environment:)`.
  public func load(document bytes: [UInt8], path: String) throws(SettingsError) -> Settings {
    var loader = SettingsLoader(table: self, sources: SettingsSources())
    loader.readDocument(bytes, path: path)
    return try loader.finish()
  }
}

/// One pass over the sources.
struct SettingsLoader {
  private let table: SettingsTable
  private let sources: SettingsSources
  private let log = FaultLog()
  private let rowsByKey: [String: SettingRow]
  /// Every key that a file or an option may use, for hints.
  private let keys: [String]
  /// The keys that only group others.
  private let groups: Set<String>
  private var entries: [String: Settings.Entry] = [:]
  /// Keys that some source gave, even wrongly: they are not reported as missing.
  private var given: Set<String> = []
  /// Variables that the file names in `${…}`.
  private var interpolated: Set<String> = []

  init(table: SettingsTable, sources: SettingsSources) {
    self.table = table
    self.sources = sources
    var rowsByKey: [String: SettingRow] = [:]
    var keys: [String] = []
    var groups: Set<String> = []
    for row in table.rows {
      rowsByKey[row.key] = row
      keys.append(row.key)
      if row.acceptsFile { keys.append(row.key + "_file") }
      var parent = row.key
      while let dot = parent.lastIndex(of: ".") {
        parent = String(parent[..<dot])
        groups.insert(parent)
      }
    }
    self.rowsByKey = rowsByKey
    self.keys = keys
    self.groups = groups
    for row in table.rows {
      if let value = row.defaultValue { entries[row.key] = Settings.Entry(value: value, origin: .defaultValue) }
    }
  }

  mutating func load() throws(SettingsError) -> Settings {
    if let file = sources.file { readFile(file) }
    return try finish()
  }

  /// Reads what is stronger than the file and checks that nothing is missing.
  mutating func finish() throws(SettingsError) -> Settings {
    readEnvironment()
    readOverrides()
    for row in table.rows where row.isRequired && !given.contains(row.key) {
      log.add(.missing, nil, key: row.key, "required and not set; \(ways(row)); allowed: \(row.allowed)")
    }
    guard log.faults.isEmpty else { throw SettingsError(.invalid, log.faults) }
    return Settings(table: table, warnings: log.warnings, entries: entries)
  }

  private func ways(_ row: SettingRow) -> String {
    guard let variable = row.environmentName else { return "set it in the configuration file" }
    let file = row.acceptsFile ? " or \(variable)_FILE" : ""
    return "set it in the configuration file or by \(variable)\(file)"
  }

  // MARK: The file

  private mutating func readFile(_ path: String) {
    do {
      readDocument(try FileContents.read(path, limit: YAMLDocument.fileBytesMaximum).bytes, path: path)
    } catch {
      log.add(error.code, nil, "the configuration file \(path) \(error.message)")
    }
  }

  /// Takes the values of a YAML text.
  mutating func readDocument(_ bytes: [UInt8], path: String) {
    let document = YAMLDocument.read(bytes, path: path, environment: sources.environment, log: log)
    guard let document else { return }
    interpolated = document.variables
    guard !document.root.isNull else { return }
    guard case .map(let entries) = document.root.content else {
      log.add(.wrongType, document.root.origin, "\(document.root.displayText) at the top; allowed: a map of settings")
      return
    }
    readMap(entries, under: "")
  }

  private mutating func readMap(_ map: [ConfigEntry], under prefix: String) {
    for entry in map {
      let key = prefix + entry.key
      // A key with a dot would be a second spelling of a nested one.
      let isPlain = !entry.key.contains(".")
      if isPlain, groups.contains(key) {
        if case .map(let inner) = entry.value.content {
          readMap(inner, under: key + ".")
        } else if !entry.value.isNull {
          log.add(.wrongType, entry.value.origin, key: key, "\(entry.value.displayText) does not fit; allowed: a map")
        }
      } else if isPlain, let row = rowsByKey[key] {
        if !entry.value.isNull { take(row, entry.value) }
      } else if isPlain, let row = rowForFile(key) {
        let siblings = ConfigNode(.map(map), entry.origin)
        let own = String(entry.key.dropLast(5))
        if entry.value.isNull { continue }
        takeFile(row, entry.value, key: key, conflict: siblings[own].map { !$0.isNull } ?? false)
      } else {
        let hint =
          !isPlain && rowsByKey[key] != nil
          ? "; write it as nested maps" : NearestName.hint(for: key, among: keys + groups.sorted())
        log.add(.unknownKey, entry.origin, key: key, "unknown key\(hint)")
      }
    }
  }

  // MARK: The environment

  private mutating func readEnvironment() {
    let environment = sources.environment.filter { !$0.value.isEmpty }
    var known: Set<String> = [SettingsTable.configVariable]
    for row in table.rows {
      guard let name = row.environmentName else { continue }
      known.insert(name)
      if row.acceptsFile {
        known.insert(name + "_FILE")
        if let path = environment[name + "_FILE"] {
          let node = ConfigNode(.scalar(ConfigScalar(plain: path)), .environment(name: name + "_FILE"))
          takeFile(row, node, key: row.key, conflict: environment[name] != nil)
          if environment[name] != nil { continue }
        }
      }
      if let value = environment[name] {
        take(row, ConfigNode(.scalar(ConfigScalar(plain: value)), .environment(name: name)))
      }
    }
    // Empty ones too: a misspelt name is a fault whatever its value.
    for name in sources.environment.keys.sorted()
    where name.hasPrefix(SettingsTable.variablePrefix) && !known.contains(name) && !interpolated.contains(name)
      && !table.permits(variable: name)
    {
      let hint = NearestName.hint(for: name, among: known)
      log.add(.unknownVariable, .environment(name: name), "unknown variable\(hint)")
    }
  }

  // MARK: The command line

  private mutating func readOverrides() {
    for override in sources.overrides {
      let origin = SettingOrigin.commandLine(key: override.key)
      let node = ConfigNode(.scalar(ConfigScalar(plain: override.value)), origin)
      if let row = rowsByKey[override.key] {
        if row.isStructured {
          log.add(.unsupported, origin, key: row.key, "only the configuration file can give a \(row.typeName)")
        } else {
          take(row, node)
        }
      } else if let row = rowForFile(override.key) {
        takeFile(row, node, key: override.key, conflict: false)
      } else {
        log.add(
          .unknownKey, origin, key: override.key, "unknown key\(NearestName.hint(for: override.key, among: keys))")
      }
    }
  }

  // MARK: One value

  private func rowForFile(_ key: String) -> SettingRow? {
    guard key.hasSuffix("_file"), let row = rowsByKey[String(key.dropLast(5))], row.acceptsFile else { return nil }
    return row
  }

  private mutating func take(_ row: SettingRow, _ node: ConfigNode) {
    given.insert(row.key)
    let reader = ConfigReader(node, path: row.key, log: log, isHidden: row.isSecret)
    if let value = row.parse(reader) { entries[row.key] = Settings.Entry(value: value, origin: node.origin) }
  }

  private mutating func takeFile(_ row: SettingRow, _ path: ConfigNode, key: String, conflict: Bool) {
    given.insert(row.key)
    if conflict {
      log.add(.conflict, path.origin, key: key, "\(row.key) is given both as text and as a file; give one of the two")
      return
    }
    if let secret = SecretFile.read(ConfigReader(path, path: key, log: log)) { take(row, secret) }
  }
}
