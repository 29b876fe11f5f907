extension Rule {
  /// Lines of a source file.
  static let linesMaximum = 400
  /// Lines of a file on the list below.
  static let exemptLinesMaximum = 700
  /// Characters of a line of Swift.
  static let columnsMaximum = 120
  /// Characters of a line with a string literal, which the formatter cannot break.
  static let literalColumnsMaximum = 200

  /// Files that may be longer, each with the reason. A file that became short again leaves the list.
  static let longFiles: [String: String] = [
    "Package.swift": "every module with what it stands on: one list shows the architecture"
  ]

  /// Files that a program writes, and that a test compares with what it would write. Nobody changes them by hand.
  static let generatedFiles: Set<String> = ["docs/clients/python/cadre_client.py"]

  private static let sourceSuffixes = [".swift", ".c", ".h", ".js", ".py", ".sh", ".css"]

  static let sizeRules = [fileLength(exempt: longFiles), lineLength]

  static func fileLength(exempt: [String: String]) -> Rule {
    Rule("no source file is longer than \(linesMaximum) lines") { repository in
      let sources = repository.files.filter { file in
        !file.isTestInput && !generatedFiles.contains(file.path) && sourceSuffixes.contains { file.path.hasSuffix($0) }
      }
      var found: [Violation] = []
      for file in sources {
        let limit = exempt[file.path] == nil ? linesMaximum : exemptLinesMaximum
        if file.lineCount > limit {
          found.append(Violation(file.path, "\(file.lineCount) lines; allowed: \(limit). Split it by idea"))
        }
      }
      for path in exempt.keys.sorted() {
        let count = sources.first { $0.path == path }?.lineCount
        if count.map({ $0 <= linesMaximum }) ?? true {
          found.append(Violation(path, "needs no exemption any more; take it off the list"))
        }
      }
      return found
    }
  }

  static let lineLength = Rule(
    "no line of Swift is longer than \(columnsMaximum) columns",
    eachFile: { file in
      guard let masked = file.masked else { return [] }
      let long = file.lines.enumerated().filter { $0.element.utf8.count > columnsMaximum }
      if long.isEmpty { return [] }
      let code = file.codeLines
      return long.compactMap { index, line in
        if masked.startsInText[index] || line.contains("https://") || line.contains("http://") { return nil }
        let limit = code[index].contains("\"") ? literalColumnsMaximum : columnsMaximum
        return line.count > limit ? Violation(file.path, index + 1, "\(line.count) columns; allowed: \(limit)") : nil
      }
    })
}
