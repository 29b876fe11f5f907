import Decider
import JSON
import Testing
import Workflows

func parsed(_ text: String) throws -> Workflow {
  try WorkflowDocument.read(JSONDocument(parsing: text).root, version: 1)
}

@Suite struct WorkflowDocumentTests {
  @Test func `what is written is read back the same`() throws {
    let text = """
      {"name": "all", "timeout_ms": 5000, "result": "last", "steps": [
        {"key": "plan", "plans": {"steps_max": 9}, "agent": "a", "model": "m", "priority": 3, "locks": ["x"],
         "input": {"prompt": "{{input.prompt}}"}},
        {"key": "map", "depends_on": ["plan"], "for_each": {"items": "input.list", "width": 2, "items_max": 7},
         "input": {"x": {"$ref": "item.name"}, "n": {"$ref": "index"}}, "on_failure": "continue"},
        {"key": "wait", "type": "delay", "delay_ms": 10},
        {"key": "sig", "type": "signal", "signal": "go", "timeouts": {"start_to_close_ms": 5}},
        {"key": "ok", "type": "approval", "depends_on": ["sig", "wait"], "join": "any"},
        {"key": "sub", "type": "run", "workflow": "single", "workflow_version": 1,
         "when": {"all": [{"ref": "input.n", "at_least": 2.5}, {"not": {"ref": "input.k", "equals": "v"}},
                          {"any": [{"ref": "input.z", "exists": true}]}]}},
        {"key": "undo", "compensation": true},
        {"key": "last", "depends_on": ["ok", "map", "sub"], "type": "transform",
         "when": {"step": "sub", "is": "succeeded"}, "input": {"$ref": "steps.map.output"},
         "retry": {"attempts_max": 2, "backoff_ms": 1, "non_retryable": ["a"]},
         "fallbacks": [{"agent": "b"}, {"model": "c"}], "on_failure": {"compensate": ["undo"]},
         "timeouts": {"schedule_to_start_ms": 1, "start_to_close_ms": 2, "heartbeat_ms": 500}}
      ]}
      """
    let workflow = try parsed(text)
    var writer = JSONWriter()
    WorkflowDocument.write(workflow, to: &writer)
    #expect(try WorkflowDocument.read(JSONDocument(parsing: writer.bytes).root, version: 1) == workflow)
    #expect(workflow.steps.count == 8)
    #expect(workflow.resultStep == "last")
  }

  @Test(arguments: [
    (#"{"name": "x", "steps": []}"#, "/steps", "At least one"),
    (#"{"name": "X", "steps": [{"key": "a"}]}"#, "/name", "Lower-case"),
    (#"{"name": "x", "steps": [{"key": "a"}, {"key": "a"}]}"#, "/steps/1/key", "twice"),
    (#"{"name": "x", "steps": [{"key": "a", "depends_on": ["b"]}]}"#, "/steps/0/depends_on", "no step b"),
    (
      #"{"name": "x", "steps": [{"key": "a", "depends_on": ["b"]}, {"key": "b", "depends_on": ["a"]}]}"#, "/steps",
      "a -> b -> a"
    ),
    (#"{"name": "x", "steps": [{"key": "a", "input": "{{steps.b.output}}"}]}"#, "/steps/0", "no step b"),
    (
      #"{"name": "x", "steps": [{"key": "a", "input": "{{steps.b.output}}"}, {"key": "b"}]}"#, "/steps/0",
      "does not run after b"
    ),
    (#"{"name": "x", "steps": [{"key": "a", "input": "{{nonsense}}"}]}"#, "/steps/0/input", "not a reference"),
    (#"{"name": "x", "steps": [{"key": "a", "input": "{{item}}"}]}"#, "/steps/0/input", "for_each"),
    (#"{"name": "x", "steps": [{"key": "a", "typo": 1}]}"#, "/steps/0/typo", "not known"),
    (#"{"name": "x", "steps": [{"key": "a", "locks": ["r:{{item}}"]}]}"#, "/steps/0/locks", "lock can use"),
    (#"{"name": "x", "steps": [{"key": "a", "locks": ["r:{{input"]}]}"#, "/steps/0/locks", "has no"),
    (#"{"name": "x", "steps": [{"key": "a", "locks": ["r:{{index}}"]}]}"#, "/steps/0/locks", "for_each"),
    (#"{"name": "x", "steps": [{"key": "a", "locks": ["{{steps.b.output}}"]}, {"key": "b"}]}"#, "/steps/0", "after b"),
    (#"{"name": "x", "steps": [{"key": "a", "type": "delay"}]}"#, "/steps/0/delay_ms", "required"),
    (#"{"name": "x", "steps": [{"key": "a", "join": 3}]}"#, "/steps/0/join", "0 dependencies"),
    (#"{"name": "x", "steps": [{"key": "a", "for_each": {"items": "item"}}]}"#, "/steps/0/for_each/items", "list"),
    (#"{"name": "x", "steps": [{"key": "a", "for_each": {"items": "input.l"}}]}"#, "/result", "many outputs"),
    (
      #"{"name": "x", "steps": [{"key": "a", "on_failure": {"compensate": ["a"]}}]}"#, "/steps/0/on_failure",
      "compensation"
    ),
    (#"{"name": "x", "steps": [{"key": "a", "when": {"ref": "input.x"}}]}"#, "/steps/0/when/ref", "compared"),
    (#"{"name": "x", "result": "b", "steps": [{"key": "a"}]}"#, "/result", "no step b"),
  ])
  func `a fault is named with its place`(text: String, pointer: String, detail: String) throws {
    do {
      _ = try parsed(text)
      Issue.record("accepted: \(text)")
    } catch let error as JSONFieldsError {
      let fault = try #require(error.faults.first)
      #expect(fault.pointer == pointer)
      #expect(fault.detail.contains(detail), "\(fault.detail)")
    }
  }

  @Test func `the built-in workflows are valid`() throws {
    #expect(Set(BuiltInWorkflows.all.keys) == ["single", "plan-execute", "map-reduce", "board"])
    for text in BuiltInWorkflows.documents { _ = try parsed(text) }
  }

  @Test func `deep nesting of conditions and templates is refused, not followed`() throws {
    let deep =
      String(repeating: #"{"not":"#, count: 40) + #"{"ref":"input.x","exists":true}"#
      + String(repeating: "}", count: 40)
    #expect(throws: (any Error).self) { try parsed(#"{"name": "x", "steps": [{"key": "a", "when": \#(deep)}]}"#) }
    let lists = String(repeating: "[", count: 100) + String(repeating: "]", count: 100)
    #expect(throws: (any Error).self) { try parsed(#"{"name": "x", "steps": [{"key": "a", "input": \#(lists)}]}"#) }
  }

  private static let agent = #"{"name":"w","steps":[{"key":"a","input":INPUT}]}"#

  @Test(arguments: [
    (#"{"tools":"all"}"#, "tools"), (#"{"tools":[1]}"#, "tools"), (#"{"tools":{"$literal":3}}"#, "tools"),
    (#"{"approve":"execute"}"#, "approve"), (#"{"job":"sleep"}"#, "job"), (#"{"job":1}"#, "job"),
    (#"{"output_schema":[]}"#, "output_schema"), (#"{"goal":[]}"#, "goal"), (#"{"limits":[]}"#, "limits"),
    (#"{"limits":{"turns_max":-1}}"#, "limits"), (#"{"limits":{"turns":1}}"#, "limits"),
    (#"{"limits":{"turns_max":1.5}}"#, "limits"), (#"{"questions":{"expires":1}}"#, "questions"),
    (#"{"questions":{"tools":["x"]}}"#, "questions"), (#"{"questions":{"tools":{"":{}}}}"#, "questions"),
    (#"{"questions":{"tools":{"x":5}}}"#, "questions"), (#"{"questions":{"tools":{"x":{"wait":1}}}}"#, "questions"),
    (#"{"questions":{"tools":{"x":{"expires_ms":-1}}}}"#, "questions"),
    (#"{"questions":{"tools":{"x":{"on_expiry":"stop"}}}}"#, "questions"),
  ])
  func `what a new document gives to agents is checked`(input: String, member: String) throws {
    let document = try JSONDocument(parsing: Self.agent.replacing("INPUT", with: input))
    do throws(JSONFieldsError) {
      _ = try WorkflowDocument.read(document.root, version: 1, isNew: true)
      Issue.record("\(input) is taken")
    } catch { #expect(error.faults.map(\.pointer) == ["/steps/0/input/\(member)"]) }
    // What was stored before there was such a check stays readable.
    #expect(throws: Never.self) { try WorkflowDocument.read(document.root, version: 1) }
  }

  @Test(arguments: [
    #"{"tools":"*","approve":["execute","tool:x"],"job":"review","output_schema":{},"goal":"g","limits":{"turns_max":0}}"#,
    #"{"tools":[],"limits":{"time_ms_max":{"$ref":"input.time"},"turns_max":"{{input.turns}}"}}"#,
    #"{"tools":{"$ref":"input.tools"},"job":"{{input.job}}","approve":[{"$ref":"input.a"}],"limits":{"$ref":"input.l"}}"#,
    #"{"questions":{"tools":{"x":{"expires_ms":0,"on_expiry":"fail"},"y":{"$ref":"input.y"},"z":null}}}"#,
    #"{"questions":{"tools":{"$ref":"input.rules"}}}"#, #"{"tools":null,"output_schema":true}"#,
    #"{"$ref":"input.all"}"#, #"{"other":{"tools":3}}"#, #"[3]"#,
  ])
  func `what a run fills in is left to it`(input: String) throws {
    let document = try JSONDocument(parsing: Self.agent.replacing("INPUT", with: input))
    #expect(throws: Never.self) { try WorkflowDocument.read(document.root, version: 1, isNew: true) }
    // Other workers have inputs of their own.
    let other = Self.agent.replacing("INPUT", with: #"{"tools":3}"#).replacing(
      #""key":"a""#, with: #""key":"a","job_type":"x""#)
    #expect(throws: Never.self) {
      try WorkflowDocument.read(try JSONDocument(parsing: other).root, version: 1, isNew: true)
    }
  }
}
