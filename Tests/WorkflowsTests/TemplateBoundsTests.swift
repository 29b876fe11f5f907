import Decider
import JSON
import Testing
import Workflows

/// What a template gives is bounded while it is filled.
@Suite struct TemplateBoundsTests {
  private static let large = String(repeating: "y", count: 1_900_000)

  /// Renders a template with `{"a": large, "list": [...]}` as the input, and counts how often values were looked up.
  private func render(_ template: String, _ value: String = large) throws -> (bytes: Int?, lookups: Int) {
    let document = try JSONDocument(parsing: "{\"a\":\"\(value)\"}")
    var lookups = 0
    let read = try Template(try JSONDocument(parsing: template).root)
    do {
      let rendered = try read.render(bytesMax: StepInput.bytesMax) { reference in
        lookups += 1
        return reference.follow(from: document.root)
      }
      return (rendered.count, lookups)
    } catch is TemplateError {
      return (nil, lookups)
    }
  }

  @Test(arguments: [
    "\"" + String(repeating: "{{input.a}}", count: 3000) + "\"",
    "[" + Array(repeating: #"{"$ref":"input.a"}"#, count: 3000).joined(separator: ",") + "]",
    "[" + Array(repeating: #""{{input.a}}""#, count: 3000).joined(separator: ",") + "]",
    "{" + (0..<3000).map { #""k\#($0)":{"n":{"$ref":"input"}}"# }.joined(separator: ",") + "}",
  ])
  func `a template that multiplies a large value ends with the first one too many`(_ template: String) throws {
    let (bytes, lookups) = try render(template)
    #expect(bytes == nil && lookups == 5)
  }

  @Test func `what fits is rendered to its last byte, what does not is refused also when it is the last value`() throws
  {
    let four = "[" + Array(repeating: #"{"$ref":"input.a"}"#, count: 4).joined(separator: ",") + "]"
    #expect(try render(four).bytes == 4 * 1_900_002 + 5)
    let five = #""{{input.a}}{{input.a}}{{input.a}}{{input.a}}{{input.a}}""#
    #expect(try render(five).bytes == nil)
    #expect(try render(five, String(repeating: "z", count: 1_600_000)).bytes == 8_000_002)
    // Each becomes six bytes.
    #expect(try render(#""{{input.a}}{{input.a}}""#, String(repeating: "\\u0001", count: 700_000)).bytes == nil)
  }

  @Test func `what a template gives is never nested so deeply that nobody could read it any more`() throws {
    func nested(_ depth: Int, _ inner: String) -> String {
      String(repeating: "[", count: depth) + inner + String(repeating: "]", count: depth)
    }
    func render(_ outer: Int, _ value: String) throws -> [UInt8]? {
      let document = try JSONDocument(parsing: value)
      let template = try Template(try JSONDocument(parsing: nested(outer, #"{"$ref":"input"}"#)).root)
      do {
        return try template.render(bytesMax: StepInput.bytesMax) { $0.follow(from: document.root) }
      } catch is TemplateError { return nil }
    }
    for outer in [0, 1, 50, 62] {
      let most = Template.renderedDepthMax - outer
      let rendered = try #require(try render(outer, nested(most, "1")))
      #expect((try? JSONDocument(parsing: rendered)) != nil)
      #expect(try render(outer, nested(most + 1, "1")) == nil)
      // Brackets within texts and beside each other do not count.
      let flat = "[" + Array(repeating: #"["[[{\\\"[["]"#, count: 200).joined(separator: ",") + "]"
      #expect(try render(outer, flat) != nil)
    }
  }

  @Test func `a step that refers to too much fails before any of it is read`() throws {
    let workflow = try parsed(
      """
      {"name": "x", "steps": [
        {"key": "map", "for_each": {"items": "input.list", "width": 700, "items_max": 700}},
        {"key": "all", "depends_on": ["map"], "type": "transform", "input": {"first": {"$ref": "steps.map.output[0]"}}}
      ]}
      """)
    var state = RunState(workflow: workflow)
    _ = try decide(
      &state, .create(input: PayloadRef(sha256: "in", bytes: 100), seed: 1, facts: [Fact("input.list", .count(700))]))
    for item in 0..<700 {
      _ = try decide(&state, .lease(step: "map[\(item)]", worker: "w"))
      // Identical outputs are stored once, and yet joined as often as they are there.
      _ = try decide(
        &state,
        .succeed(step: "map[\(item)]", attempt: 1, output: PayloadRef(sha256: "out", bytes: 100_000), facts: []))
    }
    #expect(throws: TemplateError.self) { try StepInput(try #require(state.step("all")), in: state, run: "r") }
  }
}
