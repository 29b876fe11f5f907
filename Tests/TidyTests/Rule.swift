import Testing

/// A breach of a rule.
struct Violation: Equatable, CustomStringConvertible {
  let path: String
  /// Counted from one; `nil` when the file as a whole is meant.
  let line: Int?
  let message: String

  init(_ path: String, _ message: String) { self.init(path, nil, message) }

  init(_ path: String, _ line: Int?, _ message: String) {
    self.path = path
    self.line = line
    self.message = message
  }

  var description: String { "\(path)\(line.map { ":\($0)" } ?? ""): \(message)" }
}

/// A rule of style that a test can check.
struct Rule: Sendable, CustomTestStringConvertible {
  /// A sentence that says what holds.
  let name: String
  let check: @Sendable (Repository) -> [Violation]

  init(_ name: String, check: @escaping @Sendable (Repository) -> [Violation]) {
    self.name = name
    self.check = check
  }

  /// A rule that looks at each file by itself.
  init(_ name: String, eachFile: @escaping @Sendable (SourceFile) -> [Violation]) {
    self.init(name) { repository in repository.files.flatMap(eachFile) }
  }

  var testDescription: String { name }

  /// Every rule.
  static let all =
    sizeRules + bannedCodeRules + nameRules + telemetryRules
    + [publicTypes, imports, decider, pureDependencies, pureCode, compositionRoots, noClockAssertions] + [
      migrations, links, machinePaths, whiteSpace, testFolders, noBinaries, makeTargets, environment, words,
    ]

  /// Rules that do not hold yet: `make tidy` prints their breaches. One that holds moves to `all`.
  static let pending: [Rule] = []
}
