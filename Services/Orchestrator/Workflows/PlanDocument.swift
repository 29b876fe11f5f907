public import Decider
public import JSON

/// The plan that a planner delivers: an object with `steps`, each with `key`, `prompt`, and optionally `depends_on`,
/// `agent` and `model`. A model that answers in text may wrap it in words and a code fence.
public enum PlanDocument {
  private static let promptBytesMax = 64 << 10

  /// Reads the steps of a plan from the output of a planner. Throws `PlanError` with a sentence from which the
  /// planner learns what is wrong.
  public static func read(_ output: JSONView, planner: WorkflowStep) throws(PlanError) -> [WorkflowStep] {
    guard let plan = find(output), let views = plan["steps"], views.kind == .array else {
      throw PlanError("The output holds no plan: an object with a list of steps is expected.")
    }
    guard views.count > 0, views.count <= planner.expansionStepsMax ?? 0 else {
      throw PlanError("The plan has \(views.count) steps; 1 to \(planner.expansionStepsMax ?? 0) are allowed.")
    }
    var steps: [WorkflowStep] = []
    for (index, view) in views.elements.enumerated() {
      steps.append(try step(view, index, planner))
    }
    var fields = JSONFields(plan)
    let bare = steps.map { step in
      var step = step
      step.input = nil
      return step
    }
    GraphCheck(steps: bare, result: steps.last?.key).run(&fields)
    if let fault = fields.faults.first { throw PlanError("\(fault.pointer): \(fault.detail)") }
    return steps
  }

  private static func step(_ view: JSONView, _ index: Int, _ planner: WorkflowStep) throws(PlanError) -> WorkflowStep {
    var fields = JSONFields(view, path: "/steps/\(index)")
    let key = fields.string("key", isRequired: true, bytesMax: 64) ?? ""
    if !key.isEmpty, !WorkflowDocument.isName(key) {
      fields.note("key", .malformed, "Lower-case letters, digits, - and _ are allowed, a letter first.")
    }
    let prompt = fields.string("prompt", isRequired: true, bytesMax: promptBytesMax) ?? ""
    let dependsOn = fields.strings("depends_on", countMax: 50, bytesMax: 64) ?? []
    let agent = fields.string("agent", bytesMax: 100)
    let model = fields.string("model", bytesMax: 200)
    // What a model adds beyond that is left aside.
    for (name, _) in view.members { _ = fields.value(name.string ?? "") }
    do { try fields.finish() } catch {
      throw PlanError(error.faults.first.map { "\($0.pointer): \($0.detail)" } ?? "The plan is malformed.")
    }
    var step = WorkflowStep(key: key, kind: planner.kind, dependsOn: dependsOn)
    step.agent = agent
    step.model = model ?? planner.model
    step.retry = planner.retry
    step.timeouts = planner.timeouts
    step.onFailure = planner.onFailure == .proceed ? .proceed : .fail
    step.input = input(prompt, dependsOn, planner.key)
    return step
  }

  /// The prompt as it is, never read as a template, with what the steps before have delivered.
  private static func input(_ prompt: String, _ dependsOn: [String], _ planner: String) -> String {
    var writer = JSONWriter()
    writer.beginObject()
    writer.key("prompt")
    writer.beginObject()
    writer.member("$literal", prompt)
    writer.endObject()
    if !dependsOn.isEmpty {
      writer.key("context")
      writer.beginObject()
      for key in dependsOn {
        writer.key(key)
        writer.beginObject()
        writer.member("$ref", "steps.\(planner).steps.\(key)")
        writer.endObject()
      }
      writer.endObject()
    }
    writer.endObject()
    return String(decoding: writer.bytes, as: UTF8.self)
  }

  private static func find(_ output: JSONView) -> JSONView? {
    if output["steps"] != nil { return output }
    guard let answer = output["answer"]?.string else { return nil }
    // The first brace to the last one: what models write around a document is words.
    guard let start = answer.utf8.firstIndex(of: UInt8(ascii: "{")),
      let end = answer.utf8.lastIndex(of: UInt8(ascii: "}")), start <= end
    else { return nil }
    return (try? JSONDocument(parsing: String(answer[start...end])))?.root
  }
}

/// Why a plan cannot be carried out.
public struct PlanError: Error, Hashable, Sendable, CustomStringConvertible {
  /// A sentence for the planner.
  public let description: String

  init(_ description: String) { self.description = description }
}
