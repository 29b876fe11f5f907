/// Words of the field instead of metaphors: a reader who knows the field must not have to learn a private language.
extension Rule {
  /// Words of which names of types and files are not made, and what to say instead. Whole names are exceptions.
  static let metaphors: KeyValuePairs = [
    "handout": "eager dispatch", "handouts": "eager dispatch", "handed": "dispatched", "handover": "dispatch",
    "slotboard": "worker slot registry", "share": "slot grant", "flight": "single flight, in-flight call",
    "deck": "registry",
    "pilot": "leader", "course": "attempt plan", "stop": "attempt target", "bell": "wake signal",
    "ticket": "wait token",
    "desk": "authenticator", "keeper": "cache, registry, supervisor", "book": "cache, registry, table",
    "holdings": "prefetched quota", "held": "reserved", "doubtful": "unverified", "news": "notification",
    "told": "notified", "tell": "notify", "said": "sent", "wish": "request", "sight": "lookup", "shown": "presented",
    "usagewords": "usage fields", "landings": "completions", "berth": "slot",
  ]

  /// Names that are terms of the field although such a word is in them.
  static let fieldTerms: Set<String> = [
    "SingleFlight", "InFlight", "StopReason", "StopSequence", "StopSequences", "GracefulStop", "StopCommand",
    "Stopping",
    "StopTests",
  ]

  /// Words that comments and documents do not use, with what precedes them in an ordinary phrase.
  static let metaphorsInProse: KeyValuePairs = [
    "handout": "", "handouts": "", "handed": "", "handover": "", "pilot": "", "pilots": "", "bell": "", "bells": "",
    "course": "of", "courses": "", "desk": "", "keeper": "", "keepers": "", "holdings": "", "doubtful": "", "news": "",
    "told": "", "wish": "", "wishes": "", "sight": "", "tells": "",
  ]

  static let words = Rule("names and prose use the field's words, not metaphors") { repository in
    let names = Dictionary(uniqueKeysWithValues: metaphors.map { ($0.key, $0.value) })
    let prose = Dictionary(uniqueKeysWithValues: metaphorsInProse.map { ($0.key, $0.value) })
    return repository.files.filter { !$0.isUnder("Tests/TidyTests") && !$0.isTestInput }.flatMap {
      file -> [Violation] in
      var found: [Violation] = []
      if file.isSwift {
        let base = file.name.split(separator: ".").first.map(String.init) ?? ""
        for (word, instead) in metaphor(in: base, names) {
          found.append(Violation(file.path, "the file is called by \"\(word)\"; say: \(instead)"))
        }
        for declaration in TypeDeclaration.all(in: file) {
          for (word, instead) in metaphor(in: declaration.name, names) {
            found.append(
              Violation(file.path, declaration.line, "\(declaration.name) is called by \"\(word)\"; say: \(instead)"))
          }
        }
      }
      let isDocument = file.path.hasSuffix(".md") && file.path != "CHANGELOG.md"
      guard file.isSwift || isDocument else { return found }
      for (index, line) in file.lines.enumerated() {
        let text = isDocument ? line[...] : comment(of: line, in: file, index)
        var before = ""
        for word in text.split(whereSeparator: { !$0.isLetter }) {
          let small = word.lowercased()
          if let ordinary = prose[small], ordinary.isEmpty || ordinary != before {
            found.append(Violation(file.path, index + 1, "says \"\(word)\""))
          }
          before = small
        }
      }
      return found
    }
  }

  /// What of a line is a comment.
  private static func comment(of line: String, in file: SourceFile, _ index: Int) -> Substring {
    guard file.masked?.hasComment[index] == true, let start = line.firstRange(of: "//") else { return "" }
    return line[start.upperBound...]
  }

  private static func metaphor(in name: String, _ names: [String: String]) -> [(String, String)] {
    if fieldTerms.contains(where: { name.contains($0) }) { return [] }
    var words: [String] = []
    for character in name {
      if character.isUppercase || !character.isLetter || words.isEmpty { words.append("") }
      if character.isLetter { words[words.count - 1].append(character.lowercased()) }
    }
    let whole = names[name.lowercased()].map { [(name, $0)] } ?? []
    return whole + words.compactMap { word in names[word].map { (word, $0) } }
  }
}
