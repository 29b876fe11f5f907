extension Rule {
  /// Modules of the toolchain that products may use.
  private static let toolchainModules: Set<String> = ["Swift", "Glibc", "Dispatch", "Synchronization"]
  /// Further ones that tests may use.
  private static let testModules: Set<String> = ["Testing", "Foundation", "FoundationNetworking"]

  static let imports = Rule("a module imports only what its line in Package.swift lists") { repository in
    guard let file = repository.files.first(where: { $0.path == "Package.swift" }) else { return [] }
    let manifest = Manifest(file)
    return repository.files.flatMap { file -> [Violation] in
      guard file.isSwift, let module = manifest.module(of: file.path) else { return [] }
      let isTest = module.folder.hasPrefix("Tests/")
      return ImportStatement.all(in: file).compactMap { statement in
        let name = statement.module
        if module.dependencies.contains(name) || toolchainModules.contains(name) { return nil }
        if isTest, testModules.contains(name) { return nil }
        let listed = module.dependencies.sorted().joined(separator: ", ")
        return Violation(file.path, statement.line, "\(module.name) imports \(name); its line lists: \(listed)")
      }
    }
  }

  /// What decides must be reproducible everywhere, so it may reach neither a clock, a socket nor a file.
  static let decider = Rule("the pure Decider imports nothing that can act") { repository in
    let pure: Set<String> = ["Contracts", "Primitives", "JSON"]
    return repository.files.flatMap { file -> [Violation] in
      guard file.isShippedSwift, file.path.split(separator: "/").dropLast().contains("Decider") else { return [] }
      return ImportStatement.all(in: file).filter { !pure.contains($0.module) }.map {
        Violation(file.path, $0.line, "imports \($0.module); allowed: \(pure.sorted().joined(separator: ", "))")
      }
    }
  }
}
