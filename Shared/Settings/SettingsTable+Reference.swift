extension SettingsTable {
  /// The reference section of a service for `docs/configuration.md`; the same table gives the same text.
  public func markdown(title: String) -> String {
    var lines = [
      "## \(title)", "",
      "| key | environment | type | default | description |",
      "| --- | --- | --- | --- | --- |",
    ]
    for row in rows {
      let environment = row.environmentName.map { Self.code($0) } ?? "file only"
      let value = row.isRequired ? "required" : row.defaultText.map { Self.code($0) } ?? "none"
      let type = "\(row.typeName): \(Self.cell(row.allowed))"
      let cells = [
        Self.code(row.key), environment, type, value, Self.cell(row.description),
      ]
      lines.append("| " + cells.joined(separator: " | ") + " |")
    }
    if let secret = rows.first(where: \.acceptsFile), let variable = secret.environmentName {
      lines.append("")
      lines.append(
        "A secret can also be given as the path of a file: by `<key>_file` in the configuration file, or by the variable with "
          + "`_FILE` appended, for example `\(variable)_FILE`.")
    }
    return lines.joined(separator: "\n") + "\n"
  }

  /// The settings as plain text for `--help`.
  public func helpText() -> String {
    var lines: [String] = []
    for row in rows {
      let value = row.isRequired ? "required" : row.defaultText.map { "default \($0)" } ?? "optional"
      lines.append("  \(row.key)  [\(row.environmentName ?? "file only")]")
      lines.append("      \(row.description)")
      lines.append("      \(row.allowed); \(value)")
    }
    return lines.joined(separator: "\n") + "\n"
  }

  private static func code(_ text: String) -> String { "`\(cell(text.filter { $0 != "`" }))`" }

  /// Text that neither ends a cell nor a line.
  private static func cell(_ text: String) -> String {
    text.map { $0 == "|" ? "\\|" : $0.isNewline ? " " : String($0) }.joined()
  }
}
