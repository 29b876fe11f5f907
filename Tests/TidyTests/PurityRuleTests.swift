import Testing

@Suite struct PurityRuleTests {
  private static func count(_ rule: Rule, _ manifest: String, _ source: String = "") -> Int {
    rule.check(
      Repository(["Package.swift": manifest, "Services/Orchestrator/Decider/Decide.swift": source])
    ).count
  }

  private static let manifest = """
    shared("SystemSources", ["Primitives"]),
    library("Decider", at: "Services/Orchestrator/Decider", ["Contracts"]),

    """

  @Test func `a pure module stands on pure modules only`() {
    #expect(Self.count(.pureDependencies, Self.manifest) == 0)
    let worse = Self.manifest + "shared(\"Contracts\", [\"Primitives\", \"SystemSources\"]),\n"
    #expect(Self.count(.pureDependencies, worse) == 1)
    let direct = "library(\"Decider\", at: \"Services/Orchestrator/Decider\", [\"Contracts\", \"Reactor\"]),\n"
    #expect(Self.count(.pureDependencies, direct) == 1)
  }

  @Test(arguments: [
    "let a = ContinuousClock.now", "try await Task.sleep(for: .seconds(1))", "let a = list.randomElement()",
    "let a = Int.random(in: 0...9)", "var generator = SystemRandomNumberGenerator()",
  ])
  func `clocks and randomness of the standard library are found`(line: String) {
    #expect(Self.count(.pureCode, Self.manifest, line + "\n") == 1)
  }

  @Test func `a seeded generator that is given is allowed`() {
    let source = "let a = Int.random(in: 0...9, using: &generator)\n// ContinuousClock\n"
    #expect(Self.count(.pureCode, Self.manifest, source) == 0)
  }
}
