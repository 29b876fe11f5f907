import JSON
import LocalStack
import Policy
import Testing

@testable import PolicyTools

/// Running tests, measuring coverage and replaying decisions.
@Suite("Policy tools")
struct PolicyToolsTests {
  private let policy = """
    package a

    default allow := false

    allow if input.x == 1

    allow if input.y == 2
    """

  private func sources(_ tests: String) -> PolicySources {
    PolicySources(modules: [
      .init(file: "a.rego", text: Array(policy.utf8)),
      .init(file: "a_test.rego", text: Array("package a_test\n\nimport data.a\n\n\(tests)\n".utf8)),
    ])
  }

  @Test func `tests that fail name the expression`() throws {
    let sources = sources(
      """
      test_yes if a.allow with input as {"x": 1}

      test_no if {
        not a.allow with input as {"x": 2}
        a.allow with input as {"x": 3}
      }

      test_broken if a.allow with input as {"x": 1} with a.allow as {x | some x in [1]; 1 / x == {"a": y | some y in [1, 2]}}
      """)
    let run = try PolicyTestRun.run(sources, now: 0) { 0 }
    #expect(
      run.results.map(\.test.name) == [
        "data.a_test.test_yes", "data.a_test.test_no", "data.a_test.test_broken",
      ])
    #expect(run.results[0].outcome == .passed)
    let lines = run.lines(sources, isVerbose: true)
    #expect(lines.contains("  a_test.rego:9:3: a.allow with input as {\"x\": 3}"))
    #expect(lines.contains("PASS data.a_test.test_yes (0.00 ms)"))
    guard case .broken = run.results[2].outcome else {
      Issue.record("two values of one key are an error: \(run.results[2].outcome)")
      return
    }
    #expect(lines.last == "1 passed, 2 failed")
    #expect(!run.isPassed)
    let json = try JSONDocument(parsing: run.json(sources, hasCoverage: true)).root
    let tests = try #require(json["tests"])
    #expect(Array(tests.elements).count == 3)
    let files = try #require(json["coverage"]?["files"])
    #expect(Array(files.elements).count == 1)
  }

  @Test func `coverage names what was never reached`() throws {
    let run = try PolicyTestRun.run(sources("test_yes if a.allow with input as {\"x\": 1}"), now: 0) { 0 }
    #expect(run.coverage.total == .init(reached: 2, all: 5))
    #expect(run.coverage.files.map(\.file) == ["a.rego"])
    #expect(run.coverage.lines.contains("  a.rego:3:1: this rule has never held"))
    #expect(run.coverage.lines.last == "coverage: 40.0%")
  }

  @Test func `a log is compared with what other policies say`() throws {
    var report = try WhatIfReport(
      PolicySources(modules: [
        .init(
          file: "a.rego",
          text: Array(
            """
            package cadre.tools
            decision := {"effect": "deny", "rule": "new", "reasons": []} if input.action.tool == "shell"
            else := {"effect": "allow", "rule": "default", "reasons": []}
            """.utf8))
      ]), isExact: false, now: 0)
    func line(_ tool: String, _ effect: String, _ id: String, _ rest: String = "") -> [UInt8] {
      Array(
        """
        {"decision_id":"\(id)","path":"cadre/tools/decision","input":{"subject":{"role":"member"},\
        "action":{"tool":"\(tool)"}},"result":{"effect":"\(effect)","rule":"old"}\(rest)}
        """.utf8)
    }
    for id in 1...5 { report.add(line("shell", "allow", "d\(id)")) }
    report.add(line("shell", "deny", "d6"))
    report.add(line("read", "allow", "d7", #","masked":["/input/subject/id"]"#))
    report.add(Array("no json".utf8))
    report.add(Array("{}".utf8))
    report.add([])
    #expect(
      report.lines == [
        "5 x cadre/tools/decision shell as member: allow (old) -> deny (new), for example d1",
        "7 decisions, 5 would differ", "1 of them were masked: their answers are uncertain", "2 lines are no decisions",
      ])
    let json = try JSONDocument(parsing: report.json).root
    let changes = try #require(json["changes"])
    let change = try #require(Array(changes.elements).first)
    #expect(change["count"]?.int == 5)
    let ids = try #require(change["decision_ids"])
    #expect(Array(ids.elements).count == 3)
  }

  @Test func `paths are queries`() {
    #expect(PolicyEvaluation.query("cadre/http/decision") == "data.cadre.http.decision")
    #expect(PolicyEvaluation.query("data/cadre/http") == "data.cadre.http")
    #expect(PolicyEvaluation.query("data.a.b") == "data.a.b")
    #expect(PolicyEvaluation.query("4 / 2") == "4 / 2")
  }

  @Test func `documents of data are merged, and contradictions are named`() throws {
    var sources = PolicySources()
    try sources.add(Array(#"{"a":{"b":1}}"#.utf8), at: ["x"], from: "1.json")
    try sources.add(Array(#"{"a":{"c":2}}"#.utf8), at: ["x"], from: "2.json")
    #expect(sources.data.json == #"{"x":{"a":{"b":1,"c":2}}}"#)
    let error = #expect(throws: PolicySourceError.self) {
      try sources.add(Array(#"{"a":{"c":3}}"#.utf8), at: ["x"], from: "3.json")
    }
    #expect(error?.description == "3.json: data.x.a.c is there already")
    #expect(throws: PolicySourceError.self) { try sources.add(Array("[]".utf8), at: [], from: "4.json") }
  }
}
