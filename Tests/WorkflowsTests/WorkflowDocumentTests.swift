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
}
