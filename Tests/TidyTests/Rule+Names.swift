extension Rule {
  static let nameRules = [noEmptyNames]

  private static let emptySuffixes = ["Utils", "Util", "Utilities", "Manager", "Helpers", "Helper"]

  static let noEmptyNames = Rule(
    "no file or type is called by an empty word",
    eachFile: { file in
      guard file.isSwift else { return [] }
      func emptyWord(_ name: String) -> String? { emptySuffixes.first { name.hasSuffix($0) } }
      var found: [Violation] = []
      let base = file.name.split(separator: ".").first.map(String.init) ?? ""
      let parts = base.split(separator: "+").map(String.init)
      if let word = parts.lazy.compactMap(emptyWord).first {
        found.append(Violation(file.path, "\(word) says nothing; name the idea"))
      }
      for declaration in TypeDeclaration.all(in: file) {
        if let word = emptyWord(declaration.name) {
          found.append(
            Violation(file.path, declaration.line, "\(declaration.name): \(word) says nothing; name the idea"))
        }
      }
      return found
    })

  /// Lines of a public type that may stand beside another one.
  static let companionLinesMaximum = 60
  /// Public types of a file, companions included: enough for a family of identifiers or messages.
  static let publicTypesMaximum = 12

  static let publicTypes = Rule(
    "a shared file has one public type and small companions",
    eachFile: { file in
      guard file.isUnder("Shared"), file.isSwift else { return [] }
      let types = TypeDeclaration.all(in: file).filter { $0.isPublic && $0.isTopLevel }
      let large = types.filter { $0.lineCount > companionLinesMaximum }
      var found = large.dropFirst().map { type in
        Violation(
          file.path, type.line,
          "\(type.name) is a second public type of \(type.lineCount) lines; give it a file of its own")
      }
      if types.count > publicTypesMaximum {
        found.append(Violation(file.path, "\(types.count) public types; allowed: \(publicTypesMaximum)"))
      }
      return found
    })
}

/// A type as the source declares it.
struct TypeDeclaration: Equatable {
  let name: String
  let line: Int
  let isPublic: Bool
  let isTopLevel: Bool
  /// Lines from the declaration to its closing brace; 1 for a nested one, which is not measured.
  let lineCount: Int

  private static let keywords: Set<Substring> = ["struct", "class", "enum", "actor", "protocol", "typealias"]
  private static let modifiers: Set<Substring> = [
    "public", "internal", "private", "fileprivate", "package", "open", "final", "indirect", "nonisolated",
  ]

  static func all(in file: SourceFile) -> [TypeDeclaration] {
    guard let code = file.masked?.code else { return [] }
    var candidates: Set<Int> = []
    for keyword in keywords {
      for position in SourceFile.words(String(keyword), in: code) { candidates.insert(file.line(of: position)) }
    }
    let lines = file.codeLines
    return candidates.sorted().compactMap { line in
      let words = lines[line - 1].split(separator: " ")
      // Attributes and modifiers may come first; anything else means that the keyword is not a declaration here.
      guard let place = words.firstIndex(where: { keywords.contains($0) }), place + 1 < words.count,
        words[..<place].allSatisfy({ modifiers.contains($0) || $0.hasPrefix("@") })
      else { return nil }
      let name = words[place + 1].prefix { $0.isLetter || $0.isNumber || $0 == "_" }
      // `class func` and `class var` declare no type.
      guard !name.isEmpty, name != "func", name != "var" else { return nil }
      let isTopLevel = lines[line - 1].first != " "
      var end = line
      if isTopLevel, !lines[line - 1].hasSuffix("}") {
        while end < lines.count, !lines[end].hasPrefix("}") { end += 1 }
        end = min(end + 1, lines.count)
      }
      return TypeDeclaration(
        name: String(name), line: line, isPublic: words[..<place].contains("public"), isTopLevel: isTopLevel,
        lineCount: end - line + 1)
    }
  }
}
