extension Rule {
  /// Where the variables of the services and the command are declared, and those of the tests.
  private static let productDocuments = ["docs/configuration.md", "docs/telemetry.md", "deploy/README.md"]
  private static let testDocuments = ["CONTRIBUTING.md"]

  /// Variables that every program has.
  private static let standard: Set<String> = ["PATH", "HOME", "LANG", "TMPDIR"]

  static let environment = Rule("every environment variable that is read is declared in a document") { repository in
    func declared(_ paths: [String]) -> Set<String> {
      var found = standard
      for file in repository.files where paths.contains(file.path) {
        for line in file.lines {
          for code in line.codes { found.formUnion(variables(in: code).map(String.init)) }
        }
      }
      return found
    }
    let products = declared(productDocuments)
    let tests = products.union(declared(testDocuments))
    return repository.files.flatMap { file -> [Violation] in
      if file.isUnder("Tests/TidyTests") { return [] }
      let isProduct = file.isShippedSwift || file.isUnder("deploy")
      // A script may declare them in its own head.
      let own =
        file.isShell ? Set(file.lines.filter { $0.hasPrefix("#") }.flatMap { variables(in: $0) }.map(String.init)) : []
      let declared = (isProduct ? products : tests).union(own)
      return read(by: file).filter { !declared.contains($0.name) }.map {
        Violation(
          file.path, $0.line,
          "reads \($0.name), which is not in \((isProduct ? productDocuments : testDocuments).joined(separator: " or "))"
        )
      }
    }
  }

  /// The variables that a file of source reads.
  private static func read(by file: SourceFile) -> [(name: String, line: Int)] {
    let marks: [String]
    switch true {
    case file.isShippedSwift: marks = ["getenv(\"", "environment[\""]
    case file.isSwift: marks = ["getenv(\"", "processInfo.environment[\"", "Context.environment[\""]
    case file.path.hasSuffix(".py"): marks = ["os.environ[\"", "os.environ.get(\"", "os.getenv(\""]
    case file.path.hasSuffix(".lua"): marks = ["os.getenv(\""]
    case file.isShell: marks = ["${"]
    default: return []
    }
    return marks.flatMap { mark in
      SourceFile.occurrences(of: mark, in: file.bytes).compactMap { position -> (name: String, line: Int)? in
        let start = position + mark.utf8.count
        let name = file.bytes[start...].prefix { SourceFile.isIdentifier($0) }
        let text = String(decoding: name, as: UTF8.self)
        let end = start + name.count
        guard end < file.bytes.count, variables(in: text).first == text[...] else { return nil }
        // What is assigned is not read.
        if file.isSwift, file.bytes[end...].starts(with: "\"] =".utf8), !file.bytes[end...].starts(with: "\"] ==".utf8)
        {
          return nil
        }
        // Only what may be missing comes from outside of a script.
        if file.isShell, file.bytes[end] != UInt8(ascii: ":") { return nil }
        return (text, file.line(of: position))
      }
    }
  }

  /// Names of variables in a text: upper case, digits and `_`.
  private static func variables(in text: String) -> [Substring] {
    text.split { !("A"..."Z").contains($0) && !("0"..."9").contains($0) && $0 != "_" }.filter {
      $0.first?.isLetter == true
    }
  }
}

extension SourceFile {
  /// Whether the file is a script of a shell.
  fileprivate var isShell: Bool {
    path.hasSuffix(".sh") || (bytes.starts(with: "#!".utf8) && lines.first?.hasSuffix("sh") ?? false)
  }
}
