import Glibc
import Testing

/// The style of this repository as a test: each rule holds for every file.
@Suite struct TidyTests {
  /// Breaches that one message lists.
  private static let listedMaximum = 40

  @Test(arguments: Rule.all)
  func `the repository keeps the rule`(_ rule: Rule) {
    let violations = rule.check(Repository.current)
    if violations.isEmpty { return }
    let listed = violations.prefix(Self.listedMaximum).map { "  \($0)" }
    let more = violations.count > Self.listedMaximum ? ["  and \(violations.count - Self.listedMaximum) more"] : []
    let head = "the rule \"\(rule.name)\" has \(violations.count) breaches:"
    Issue.record(Comment(rawValue: ([head] + listed + more).joined(separator: "\n")))
  }

  /// Prints what is left to do for the rules that do not hold yet (`make tidy`).
  @Test(.enabled(if: getenv("CADRE_TIDY_REPORT") != nil), arguments: Rule.pending)
  func `what the pending rules find is printed`(_ rule: Rule) {
    let violations = rule.check(Repository.current)
    print("\(rule.name): \(violations.count) breaches")
    for violation in violations { print("  \(violation)") }
  }

  @Test func `imports are also checked by the build`() throws {
    let file = try #require(Repository.current.files.first { $0.path == "Makefile" })
    let lint = file.lines.drop { !$0.hasPrefix("lint:") }.dropFirst().prefix { $0.hasPrefix("\t") }
    #expect(
      lint.contains { $0.contains("swift build") && $0.contains("--explicit-target-dependency-import-check error") })
  }

  @Test func `the walk finds the repository`() {
    let repository = Repository.current
    #expect(repository.files.contains { $0.path == "Package.swift" })
    #expect(repository.files.contains { $0.path == "Tests/TidyTests/TidyTests.swift" })
    #expect(repository.files.allSatisfy { !$0.path.hasPrefix(".") })
  }

  @Test func `the manifest yields the modules, so that the rule of imports is not empty`() throws {
    let file = try #require(Repository.current.files.first { $0.path == "Package.swift" })
    let manifest = Manifest(file)
    #expect(manifest.module(of: "Shared/Settings/Settings.swift")?.dependencies == ["CYAML"])
    #expect(manifest.module(of: "Tests/SettingsTests/A.swift")?.dependencies == ["Settings"])
    #expect(manifest.systemLibraries.isSuperset(of: ["CYAML", "CLibPQ", "COpenSSL"]))
  }

  @Test func `every rule has its own name`() {
    #expect(Set(Rule.all.map(\.name)).count == Rule.all.count)
  }
}
