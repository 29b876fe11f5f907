import Decider
import JSON
import Testing
import Workflows

/// T-07: locks by names that depend on what a run works on.
@Suite struct LockNameTests {
  @Test func `values fill the holes`() throws {
    let facts: [String: FactValue] = [
      "input.repo": .string("cadre"), "steps.a.output.n": .int(7), "input.deep": .count(2), "input.flag": .bool(true),
    ]
    func name(_ text: String) throws -> String { try LockName(text).resolved(facts, run: "run_1", index: 3) }
    #expect(try name("plain") == "plain")
    #expect(try name("repo:{{input.repo}}/{{ steps.a.output.n }}") == "repo:cadre/7")
    #expect(try name("{{run.id}}[{{index}}]{{input.deep}}{{input.flag}}") == "run_1[3][2]true")
    #expect(try name("{{input.nothing}}") == "null")
  }

  @Test func `no value reaches beyond its lock`() throws {
    let hostile: [String: FactValue] = ["input.x": .string("a\u{1f}agent:other"), "input.y": .string("a\u{1f}agent:o")]
    let first = try LockName("{{input.x}}").resolved(hostile, run: "r", index: nil)
    let second = try LockName("{{input.y}}").resolved(hostile, run: "r", index: nil)
    #expect(first.hasPrefix("sha256:") && !first.contains("\u{1f}") && first != second)
    let long = try LockName("{{input.z}}").resolved(
      ["input.z": .string(String(repeating: "x", count: 900))], run: "r", index: nil)
    #expect(long.hasPrefix("sha256:") && long.utf8.count == 71)
  }

  @Test func `what a name needs is watched`() throws {
    let workflow = try parsed(
      #"{"name": "x", "steps": [{"key": "a", "locks": ["r:{{input.repo}}"]}, {"key": "b", "depends_on": ["a"], "locks": ["{{steps.a.output.n}}"]}]}"#
    )
    let watched = WatchedReferences(workflow)
    let input = try JSONDocument(parsing: #"{"repo":"cadre","prompt":"long"}"#)
    #expect(watched.facts(input: input.root) == [Fact("input.repo", .string("cadre"))])
    #expect(watched.watches("a") && !watched.watches("b"))
  }
}
