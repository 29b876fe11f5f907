extension Rule {
  /// Modules whose results depend on nothing but what they are given.
  static let pureModules: Set<String> = [
    "AgentLoop", "AgentTools", "Budgets", "Calendar", "Checks", "Contracts", "Cron", "Crypto", "Decider", "Dialects",
    "HTTPWire",
    "History", "JSON", "JSONSchema", "MCP", "Pricing", "Primitives", "Replay", "Routing", "Tokens", "Workflows",
  ]

  /// A pure module stands on pure modules and on C libraries that compute, all the way down. So the compiler refuses a
  /// clock, a random number or a socket there: no module that has one can be imported.
  static let pureDependencies = Rule("what pure modules stand on is pure") { repository in
    guard let file = repository.files.first(where: { $0.path == "Package.swift" }) else { return [] }
    let manifest = Manifest(file)
    let computing: Set<String> = ["COpenSSL"]
    return manifest.modules.filter { pureModules.contains($0.name) }.flatMap { module in
      module.dependencies.subtracting(pureModules).subtracting(computing).sorted().map {
        Violation("Package.swift", "\(module.name) is pure, and stands on \($0), which is not")
      }
    }
  }

  /// The standard library has clocks and randomness too.
  static let pureCode = Rule("pure modules use no clock and no randomness of the standard library") { repository in
    guard let manifest = repository.files.first(where: { $0.path == "Package.swift" }).map(Manifest.init) else {
      return []
    }
    return repository.files.flatMap { file -> [Violation] in
      guard file.isShippedSwift, let module = manifest.module(of: file.path), pureModules.contains(module.name),
        let code = file.masked?.code
      else { return [] }
      let words = ["ContinuousClock", "SuspendingClock", "SystemRandomNumberGenerator"].flatMap {
        SourceFile.words($0, in: code)
      }
      let calls = ["Task.sleep", ".randomElement()", ".shuffled()", ".shuffle()"].flatMap {
        SourceFile.occurrences(of: $0, in: code)
      }
      let unseeded = SourceFile.occurrences(of: ".random(", in: code).filter { position in
        let line = file.codeLines[file.line(of: position) - 1]
        return !line.contains("using:")
      }
      return (words + calls + unseeded).map {
        Violation(file.path, file.line(of: $0), "\(module.name) is pure: take times and random numbers as inputs")
      }
    }
  }
}
