import Testing

/// The style of this repository as a test: each rule holds for every file.
@Suite struct TidyTests {
  /// Breaches that one message lists.
  private static let listedMaximum = 40

  @Test(arguments: Rule.all)
  func `the repository keeps the rule`(_ rule: Rule) {
    let violations = rule.check(Repository.current)
    let listed = violations.prefix(Self.listedMaximum).map { "  \($0)" }.joined(separator: "\n")
    let more = violations.count > Self.listedMaximum ? "\n  and \(violations.count - Self.listedMaximum) more" : ""
    #expect(violations.isEmpty, "\(rule.name): \(violations.count) breaches\n\(listed)\(more)")
  }

  @Test func `the walk finds the repository`() {
    let repository = Repository.current
    #expect(repository.files.contains { $0.path == "Package.swift" })
    #expect(repository.files.contains { $0.path == "Tests/TidyTests/TidyTests.swift" })
    #expect(repository.files.allSatisfy { !$0.path.hasPrefix(".") })
  }

  @Test func `every rule has its own name`() {
    #expect(Set(Rule.all.map(\.name)).count == Rule.all.count)
  }
}
