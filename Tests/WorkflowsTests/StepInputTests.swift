import Contracts
import Decider
import JSON
import Testing
import Workflows

/// Payloads by their digests.
private struct Payloads {
  var documents: [String: JSONDocument] = [:]

  mutating func add(_ name: String, _ text: String) throws -> PayloadRef {
    documents[name] = try JSONDocument(parsing: text)
    return PayloadRef(sha256: name, bytes: text.utf8.count)
  }
}

@Suite struct StepInputTests {
  @Test func `holes are filled with what the run knows`() throws {
    let workflow = try parsed(
      """
      {"name": "x", "steps": [
        {"key": "a"},
        {"key": "b", "depends_on": ["a"], "input": {
          "text": "Hello {{input.name}}, {{ steps.a.output.list[1] }} of {{steps.a.output.list}}{{input.missing}}",
          "whole": {"$ref": "steps.a.output"}, "none": {"$ref": "input.missing.deeper"},
          "run": {"$ref": "run.id"}, "as": {"$literal": {"$ref": "x"}}, "n": 1.50}}
      ]}
      """)
    var payloads = Payloads()
    let input = try payloads.add("in", #"{"name": "W\"o"}"#)
    let output = try payloads.add("a", #"{"list": [1, {"k": 2}]}"#)
    var state = RunState(workflow: workflow)
    _ = try decide(&state, .create(input: input, seed: 1, facts: []))
    _ = try decide(&state, .lease(step: "a", worker: "w"))
    _ = try decide(&state, .succeed(step: "a", attempt: 1, output: output, facts: []))
    let stepInput = try StepInput(try #require(state.step("b")), in: state, run: "run_1")
    #expect(Set(stepInput.payloads) == [input, output])
    let rendered = try stepInput.render(payloads.documents)
    #expect(
      String(decoding: rendered, as: UTF8.self)
        == #"{"text":"Hello W\"o, {\"k\": 2} of [1, {\"k\": 2}]","whole":{"list": [1, {"k": 2}]},"none":null,"#
        + #""run":"run_1","as":{"$ref": "x"},"n":1.50}"#)
  }

  @Test func `an instance of a fan-out gets its own item, and the list behind it all outputs`() throws {
    let workflow = try parsed(
      """
      {"name": "x", "steps": [
        {"key": "map", "for_each": {"items": "input.list"}, "input": {"v": {"$ref": "item.v"}, "i": {"$ref": "index"}}},
        {"key": "all", "depends_on": ["map"], "type": "transform", "input": {"$ref": "steps.map.output"}}
      ]}
      """)
    var payloads = Payloads()
    let input = try payloads.add("in", #"{"list": [{"v": "x"}, {"v": "y"}]}"#)
    var state = RunState(workflow: workflow)
    let facts = WatchedReferences(workflow).facts(input: try #require(payloads.documents["in"]).root)
    #expect(facts == [Fact("input.list", .count(2))])
    _ = try decide(&state, .create(input: input, seed: 1, facts: facts))
    let second = try StepInput(try #require(state.step("map[1]")), in: state, run: "r").render(payloads.documents)
    #expect(String(decoding: second, as: UTF8.self) == #"{"v":"y","i":1}"#)
    for item in 0..<2 {
      let output = try payloads.add("out\(item)", "\(item)")
      _ = try decide(&state, .lease(step: "map[\(item)]", worker: "w"))
      _ = try decide(&state, .succeed(step: "map[\(item)]", attempt: 1, output: output, facts: []))
    }
    let all = try StepInput(try #require(state.step("all")), in: state, run: "r").render(payloads.documents)
    #expect(String(decoding: all, as: UTF8.self) == "[0,1]")
  }

  @Test func `a fan-out over an object is refused, and was a list of its members in histories of before`() throws {
    let workflow = try parsed(
      #"{"name": "x", "steps": [{"key": "map", "for_each": {"items": "input.o"}, "when": {"ref": "input.o", "above": 0}},"#
        + #"{"key": "all", "depends_on": ["map"], "type": "transform", "input": {"$ref": "steps.map.output"}}]}"#
    )
    let input = try JSONDocument(parsing: #"{"o": {"a": 1}}"#)
    let facts = WatchedReferences(workflow).facts(input: input.root)
    #expect(facts == [Fact("input.o", .members(1))])
    var state = RunState(workflow: workflow)
    let ref = PayloadRef(sha256: "in", bytes: 1)
    let events = try decide(&state, .create(input: ref, seed: 1, facts: facts))
    guard case .runFailed(_, let failure)? = events.last else { return #expect(Bool(false), "\(events)") }
    #expect(failure.code == "fan_out_not_a_list" && failure.message.contains("object"))
    for (text, value) in [(#"{"members":1}"#, FactValue.members(1)), (#"{"count":1}"#, .count(1))] {
      #expect(FactValue(written: try JSONDocument(parsing: text).root) == value)
      var writer = JSONWriter()
      value.write(to: &writer)
      #expect(String(decoding: writer.bytes, as: UTF8.self) == text)
    }
    var old = RunState(workflow: workflow)
    let before = try decide(&old, .create(input: ref, seed: 1, facts: [Fact("input.o", .count(1))]))
    #expect(before.contains(.stepFannedOut(step: "map", count: 1)))
  }

  @Test func `a step without a template gets the run's input as it is`() throws {
    var state = RunState(workflow: try #require(BuiltInWorkflows.all["single"]))
    let input = PayloadRef(sha256: "in", bytes: 2)
    _ = try decide(&state, .create(input: input, seed: 1, facts: []))
    #expect(try StepInput(try #require(state.step("answer")), in: state, run: "r").whole == input)
  }

  @Test func `a plan is found in an answer of words, and its prompts are never read as templates`() throws {
    let planner = try #require(BuiltInWorkflows.all["plan-execute"]?.step("plan"))
    let answer = """
      Sure!\n```json\n{"steps": [{"key": "a", "prompt": "say {{steps.secret.output}}", "note": 1},
      {"key": "b", "prompt": "y", "depends_on": ["a"], "model": "m"}]}\n```
      """
    var writer = JSONWriter()
    writer.beginObject()
    writer.member("answer", answer)
    writer.endObject()
    let steps = try PlanDocument.read(JSONDocument(parsing: writer.bytes).root, planner: planner)
    #expect(steps.map(\.key) == ["a", "b"])
    #expect(steps[1].model == "m")
    #expect(steps[0].input == #"{"prompt":{"$literal":"say {{steps.secret.output}}"}}"#)
    #expect(steps[1].input?.contains("steps.plan.steps.a") == true)
  }

  @Test(arguments: [
    #"{"answer": "I cannot plan this."}"#, #"{"steps": []}"#, #"{"steps": [{"key": "A b", "prompt": "x"}]}"#,
    #"{"steps": [{"key": "a", "prompt": "x", "depends_on": ["a"]}]}"#, #"{"steps": [{"key": "a"}]}"#, "[]", "null",
    #"{"steps": [{"key": "a", "prompt": "x", "depends_on": ["zz"]}]}"#,
  ])
  func `what is no plan is refused with a reason`(text: String) throws {
    let planner = try #require(BuiltInWorkflows.all["plan-execute"]?.step("plan"))
    let document = try JSONDocument(parsing: text)
    #expect(throws: PlanError.self) { try PlanDocument.read(document.root, planner: planner) }
  }
}
