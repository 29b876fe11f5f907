extension SettingType where Value == [String] {
  /// A list of texts; in the environment and on the command line separated by commas.
  public static func strings(countMaximum: Int = 256) -> SettingType {
    let element = SettingType<String>.string(allowsEmpty: false)
    return SettingType(
      name: "list", allowed: "a list of at most \(countMaximum) texts (separated by commas outside the file)",
      isSecret: false, isStructured: false, keySuffix: nil, placeholder: { [] },
      parse: { reader in
        if case .file = reader.node.origin {
          return reader.elements(of: element, countMaximum: countMaximum)
        }
        let parts = (reader.node.scalar?.text ?? "").split(separator: ",").map { $0.trimmingBlanks }
        let values = parts.filter { !$0.isEmpty }
        guard values.count <= countMaximum else {
          reader.reject(.outOfRange, "has too many entries", allowed: "at most \(countMaximum)", hidden: true)
          return nil
        }
        return values
      },
      render: { $0.joined(separator: ",") })
  }
}

extension SettingType {
  /// A list whose entries have one type. Given by the file only.
  public static func list<Element>(
    of type: SettingType<Element>, countMaximum: Int = 1000
  ) -> SettingType where Value == [Element] {
    SettingType(
      name: "list", allowed: "a list of at most \(countMaximum) entries", isSecret: false, isStructured: true,
      keySuffix: nil, placeholder: { [] },
      parse: { $0.elements(of: type, countMaximum: countMaximum) }, render: { entryCount($0.count) })
  }

  /// A map from free names to values of one type. Given by the file only.
  public static func dictionary<Element>(
    of type: SettingType<Element>, countMaximum: Int = 1000
  ) -> SettingType where Value == [String: Element] {
    SettingType(
      name: "map", allowed: "a map of at most \(countMaximum) entries", isSecret: false, isStructured: true,
      keySuffix: nil, placeholder: { [:] },
      parse: { reader in
        guard case .map(let entries) = reader.node.content, entries.count <= countMaximum else {
          reader.reject(.wrongType, "does not fit", allowed: "a map of at most \(countMaximum) entries")
          return nil
        }
        var result: [String: Element] = [:]
        for entry in entries {
          if let value = type.parse(reader.child(entry.value, "." + entry.key)) { result[entry.key] = value }
        }
        return result.count == entries.count ? result : nil
      },
      render: { entryCount($0.count) })
  }

  /// A map with known keys: `read` asks the reader for each; a key that it does not ask for is a fault. Given by the
  /// file only.
  ///
  /// `read` runs to its end even after a fault, with placeholders, so that all faults are found; its result is then
  /// dropped.
  public static func map(_ read: @escaping @Sendable (ConfigReader) -> Value) -> SettingType {
    SettingType(
      name: "map", allowed: "a map", isSecret: false, isStructured: true, keySuffix: nil,
      placeholder: { read(ConfigReader.empty()) },
      parse: { reader in
        guard case .map = reader.node.content else {
          reader.reject(.wrongType, "does not fit", allowed: "a map")
          return nil
        }
        let before = reader.log.faults.count
        let value = read(reader)
        reader.refuseUnaskedKeys()
        return reader.log.faults.count == before ? value : nil
      },
      render: { _ in "a map" })
  }
}

extension SettingType where Value == ConfigNode {
  /// Any tree, unexamined. Given by the file only.
  public static var tree: SettingType {
    SettingType(
      name: "tree", allowed: "anything", isSecret: false, isStructured: true, keySuffix: nil,
      placeholder: { ConfigReader.empty().node }, parse: { $0.node },
      render: { node in
        switch node.content {
        case .scalar: "a value"
        case .list(let elements): entryCount(elements.count)
        case .map(let entries): entryCount(entries.count)
        }
      })
  }
}

private func entryCount(_ count: Int) -> String { count == 1 ? "1 entry" : "\(count) entries" }

extension StringProtocol {
  /// Without blanks, tabs and line ends on either side.
  var trimmingBlanks: String {
    func isBlank(_ character: Character) -> Bool { character == " " || character == "\t" || character.isNewline }
    guard let first = firstIndex(where: { !isBlank($0) }), let last = lastIndex(where: { !isBlank($0) }) else {
      return ""
    }
    return String(self[first...last])
  }
}
