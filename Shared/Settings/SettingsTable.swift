/// The settings of one service: the single place from which loading, checking, help and reference follow.
public struct SettingsTable: Sendable {
  /// The rows in the order of declaration.
  public let rows: [SettingRow]
  /// Variables named `CADRE_…` that others read and that are therefore no faults here; a trailing `*` stands for any
  /// rest.
  public let permittedVariables: [String]

  /// Makes a table. A declaration that contradicts itself or another one is a programming error and stops the process:
  /// malformed or repeated keys, a key that is also the beginning of another, a missing unit, a repeated environment
  /// name.
  ///
  /// - Parameters:
  ///   - declarations: The settings, in the order of the reference.
  ///   - permittedVariables: Further `CADRE_…` names, or beginnings of names that end in `*`.
  public init(_ declarations: [any SettingDeclaration], permittedVariables: [String] = []) {
    let rows = declarations.map(\.row)
    let contradictions = Self.contradictions(in: rows)
    // The table is written in our own code, and checked at every start.
    precondition(contradictions.isEmpty, contradictions.joined(separator: "\n"))
    self.rows = rows
    self.permittedVariables = permittedVariables
  }

  /// The file variable that every service understands.
  static let configVariable = "CADRE_CONFIG"
  static let variablePrefix = "CADRE_"

  /// What is wrong with the declarations themselves.
  static func contradictions(in rows: [SettingRow]) -> [String] {
    var found: [String] = []
    var keys: Set<String> = []
    var variables: Set<String> = [configVariable]
    for row in rows {
      if !isKey(row.key) { found.append("\(row.key): a key is words of a-z0-9_ joined by dots") }
      if let suffix = row.keySuffix, !row.key.hasSuffix(suffix) {
        found.append("\(row.key): the key of a setting of type \(row.typeName) ends in \(suffix)")
      }
      if row.description.isEmpty { found.append("\(row.key): the description is missing") }
      let names = row.acceptsFile ? [row.key, row.key + "_file"] : [row.key]
      for name in names where !keys.insert(name).inserted { found.append("\(name): declared twice") }
      guard let variable = row.environmentName else { continue }
      let variableNames = row.acceptsFile ? [variable, variable + "_FILE"] : [variable]
      for name in variableNames where !variables.insert(name).inserted {
        found.append("\(row.key): the variable \(name) is taken")
      }
    }
    for key in keys {
      var parent = key
      while let dot = parent.lastIndex(of: ".") {
        parent = String(parent[..<dot])
        if keys.contains(parent) { found.append("\(parent): is a setting and also the beginning of \(key)") }
      }
    }
    return found.sorted()
  }

  private static func isKey(_ key: String) -> Bool {
    key.split(separator: ".", omittingEmptySubsequences: false).allSatisfy { word in
      guard let first = word.utf8.first, (0x61...0x7A).contains(first) else { return false }
      return word.utf8.allSatisfy { (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) || $0 == 0x5F }
    }
  }

  /// Whether a `CADRE_…` variable is permitted beside the rows' own.
  func permits(variable: String) -> Bool {
    permittedVariables.contains { permitted in
      permitted.hasSuffix("*") ? variable.hasPrefix(permitted.dropLast()) : variable == permitted
    }
  }
}
