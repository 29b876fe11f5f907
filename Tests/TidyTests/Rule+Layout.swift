extension Rule {
  static let migrations = Rule("migrations are numbered 0001_name.sql without gaps") { repository in
    var byFolder: [String: [SourceFile]] = [:]
    for file in repository.files where file.folder.hasSuffix("Migrations") && file.path.hasSuffix(".sql") {
      byFolder[file.folder, default: []].append(file)
    }
    return byFolder.sorted { $0.key < $1.key }.flatMap { _, files in
      var expected = 0
      return files.compactMap { file -> Violation? in
        expected += 1
        let name = file.name.dropLast(4)
        let rest = name.dropFirst(5)
        let isWellFormed =
          name.prefix(4).allSatisfy { ("0"..."9").contains($0) } && name.dropFirst(4).hasPrefix("_") && !rest.isEmpty
          && rest.allSatisfy { ("a"..."z").contains($0) || ("0"..."9").contains($0) || $0 == "_" }
        guard isWellFormed, let number = Int(name.prefix(4)) else {
          return Violation(file.path, "a migration is called NNNN_name.sql in lower case")
        }
        defer { expected = number }
        return number == expected
          ? nil : Violation(file.path, "number \(number) where \(expected) is due; no gaps, no number twice")
      }
    }
  }

  static let links = Rule("every link in a document leads to a file of the repository") { repository in
    repository.files.filter { $0.path.hasSuffix(".md") }.flatMap { file -> [Violation] in
      MarkdownLink.all(in: file).compactMap { link in
        guard let target = link.path(from: file.folder) else {
          return Violation(file.path, link.line, "the link \(link.target) leaves the repository")
        }
        return target.isEmpty || repository.paths.contains(target)
          ? nil : Violation(file.path, link.line, "the link \(link.target) leads nowhere")
      }
    }
  }

  static let machinePaths = Rule(
    "no file speaks of the place where it was made",
    eachFile: { file in
      // Joined here, so that this file does not hold them itself.
      let banned = ["/wo" + "rk/", "/ro" + "ot/", "sub" + "agent", "issue" + " #"]
      return banned.flatMap { text in
        SourceFile.occurrences(of: text, in: file.bytes).map {
          Violation(file.path, file.line(of: $0), "holds \"\(text)\"")
        }
      }
    })

  static let whiteSpace = Rule(
    "lines end without blanks, files with one line end",
    eachFile: { file in
      guard !file.isTestInput, !file.bytes.isEmpty else { return [] }
      var found = [" \n", "\t\n", "\r\n"].flatMap { text in
        SourceFile.occurrences(of: text, in: file.bytes).map {
          Violation(file.path, file.line(of: $0), "white space at the end of the line")
        }
      }
      if file.bytes.last != UInt8(ascii: "\n") {
        found.append(Violation(file.path, file.lineCount, "no line end at the end of the file"))
      } else if file.bytes.count == 1 || file.bytes.suffix(2) == [UInt8(ascii: "\n"), UInt8(ascii: "\n")] {
        found.append(Violation(file.path, file.lineCount, "an empty line at the end of the file"))
      }
      return found
    })

  static let testFolders = Rule("every test folder holds a test") { repository in
    let folders = repository.paths.filter {
      $0.hasPrefix("Tests/") && $0.hasSuffix("Tests") && $0.split(separator: "/").count == 2
    }
    return folders.sorted().compactMap { folder in
      let hasTest = repository.files.contains { file in
        file.path.hasPrefix(folder + "/") && !SourceFile.words("Test", in: file.masked?.code ?? []).isEmpty
          && !SourceFile.occurrences(of: "@Test", in: file.masked?.code ?? []).isEmpty
      }
      return hasTest ? nil : Violation(folder, "no @Test in the folder")
    }
  }
}

/// An inline link of a Markdown file to something in the repository.
struct MarkdownLink: Equatable {
  let target: String
  let line: Int

  /// The links outside code; addresses of the web and places in the same document are left out.
  static func all(in file: SourceFile) -> [MarkdownLink] {
    var found: [MarkdownLink] = []
    var isFenced = false
    for (index, line) in file.lines.enumerated() {
      if line.drop(while: { $0 == " " }).hasPrefix("```") { isFenced.toggle() }
      if isFenced { continue }
      // Every second part between backticks is code.
      let prose = line.split(separator: "`", omittingEmptySubsequences: false).enumerated()
        .map { $0.offset % 2 == 0 ? String($0.element) : "code" }.joined()
      var rest = prose[...]
      while let start = rest.firstRange(of: "](") {
        rest = rest[start.upperBound...]
        guard let end = rest.firstIndex(of: ")") else { break }
        let target = rest[..<end].split(separator: " ").first.map(String.init) ?? ""
        let isElsewhere = target.contains("://") || target.hasPrefix("#") || target.hasPrefix("mailto:")
        if !isElsewhere { found.append(MarkdownLink(target: target, line: index + 1)) }
        rest = rest[end...]
      }
    }
    return found
  }

  /// The path from the root; `nil` when it leads out of the repository.
  func path(from folder: String) -> String? {
    let file = target.prefix { $0 != "#" }
    var parts = file.hasPrefix("/") ? [] : folder.split(separator: "/")
    for part in file.split(separator: "/") where part != "." {
      if part == ".." {
        if parts.popLast() == nil { return nil }
      } else {
        parts.append(part)
      }
    }
    return parts.joined(separator: "/")
  }
}
