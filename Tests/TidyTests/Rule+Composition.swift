extension Rule {
  /// Lines of all files of an executable together.
  static let compositionLinesMaximum = 150

  /// Every executable is `main` and wiring in `Services/X/Main`; everything else is in libraries, which tests import.
  static let compositionRoots =
    Rule("an executable is a composition root: `Main`, at most \(compositionLinesMaximum) lines") { repository in
      guard let file = repository.files.first(where: { $0.path == "Package.swift" }) else { return [] }
      let manifest = Manifest(file)
      let roots = manifest.modules.filter {
        $0.isExecutable && $0.folder.hasPrefix("Services/")
      }
      return roots.flatMap { module -> [Violation] in
        let lines = repository.files.filter { $0.isSwift && manifest.module(of: $0.path)?.name == module.name }
          .reduce(0) { $0 + $1.lineCount }
        var found: [Violation] = []
        if !module.folder.hasSuffix("/Main") {
          found.append(
            Violation(module.folder, "\(module.name) is not a folder Main; tests cannot import what is in it"))
        }
        if lines > compositionLinesMaximum {
          found.append(
            Violation(module.folder, "\(module.name) has \(lines) lines; allowed: \(compositionLinesMaximum)"))
        }
        return found
      }
    }
}
