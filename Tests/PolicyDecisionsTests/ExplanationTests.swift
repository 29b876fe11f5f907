import JSON
import Testing

@testable import PolicyDecisions

@Suite("Policy explanations")
struct ExplanationTests {
  @Test func `it shows what held, what failed, and the value`() async throws {
    let engine = Sample.engine(try Sample.bundle(Sample.module))
    let explanation = try #require(await engine.explain(try Sample.query("GET", role: "nobody")))
    #expect(explanation.effect == .deny && explanation.rule == "default" && explanation.fault == nil)
    func has(_ kind: PolicyExplanation.Line.Kind, _ text: String) -> Bool {
      explanation.lines.contains { $0.kind == kind && $0.text.contains(text) }
    }
    #expect(has(.hold, "input.action.method == \"GET\""))
    #expect(has(.fail, "input.subject.role in data.cadre.config.readers"))
    #expect(has(.give, "no rule allows it"))
    #expect(explanation.lines.contains { $0.kind == .leave && $0.rule == "data.cadre.http.decision" })
    let failed = try #require(explanation.lines.first { $0.kind == .fail })
    #expect(failed.file == "m0.rego" && failed.line == 7 && failed.column == 3)
    let json = try JSONDocument(parsing: explanation.json).root
    #expect(json["effect"]?.string == "deny")
    #expect(json["lines"]?.count == explanation.lines.count)
    #expect(explanation.text.contains("- input.subject.role in data.cadre.config.readers  (m0.rego:7)"))
  }

  @Test func `it has a bound`() async throws {
    let engine = Sample.engine(
      try Sample.bundle(
        "package cadre.http\nf(x) if x > 1000000\ndecision := {\"effect\": \"allow\"} if { some x in numbers.range(1, 5000); f(x) }"
      ))
    let explanation = try #require(await engine.explain(try Sample.query()))
    #expect(explanation.isTruncated && explanation.lines.count == PolicyExplanation.linesMax)
    #expect(explanation.fault == .undefined)
    #expect(explanation.text.hasSuffix("more was looked at than is shown\n"))
  }
}
