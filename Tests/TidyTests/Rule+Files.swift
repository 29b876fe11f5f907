extension Rule {
  /// Bytes of a file of the repository.
  static let fileBytesMaximum = 256 * 1024

  /// Folders whose files may be binary: inputs of fuzz targets.
  private static let binaryFolders = ["Tests/Fuzz/"]
  /// Files that may be binary or large, each with the reason.
  private static let exemptFiles: [String: String] = [:]

  static let noBinaries = Rule(
    "what is built or downloaded stays out of the tree: no binary file, none of more than 256 KiB"
  ) {
    repository in
    var found = repository.binaries.filter { path in
      exemptFiles[path] == nil && !binaryFolders.contains { path.hasPrefix($0) }
    }.sorted().map { Violation($0, "is no text; allowed: files under \(binaryFolders.joined(separator: ", "))") }
    found += repository.sizes.filter { $0.value > fileBytesMaximum && exemptFiles[$0.key] == nil }
      .sorted { $0.key < $1.key }.map { Violation($0.key, "\($0.value) bytes; allowed: \(fileBytesMaximum)") }
    return found
  }

  /// `make help` prints the lines with `##`.
  static let makeTargets = Rule("every target of the Makefile says in `make help` what it does, and is phony") {
    repository in
    guard let file = repository.files.first(where: { $0.path == "Makefile" }) else { return [] }
    var phony: Set<Substring> = []
    for line in file.lines where line.hasPrefix(".PHONY:") {
      phony.formUnion(line.dropFirst(".PHONY:".count).split(separator: " "))
    }
    return file.lines.enumerated().flatMap { index, line -> [Violation] in
      guard let colon = line.firstIndex(of: ":"), line.first?.isLetter == true else { return [] }
      let name = line[..<colon]
      // An assignment is no target.
      guard name.allSatisfy({ $0.isLetter || $0.isNumber || "-_".contains($0) }),
        !line[line.index(after: colon)...].hasPrefix("=")
      else { return [] }
      var found: [Violation] = []
      // The same pattern as the one of `make help`.
      let isListed = line.contains(" ## ") && name.allSatisfy { $0 == "-" || ("a"..."z").contains($0) }
      if !isListed { found.append(Violation(file.path, index + 1, "\(name) has no `## sentence` for `make help`")) }
      if !phony.contains(name) { found.append(Violation(file.path, index + 1, "\(name) is not in .PHONY")) }
      return found
    }
  }
}
