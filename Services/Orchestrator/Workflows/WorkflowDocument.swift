public import Decider
public import JSON

/// Workflows as JSON documents: reading with every limit, and writing back.
public enum WorkflowDocument {
  /// Largest document in bytes.
  public static let bytesMax = 256 << 10
  /// Steps of one document.
  public static let stepsMax = 500

  /// Reads and checks a workflow. Throws every fault that was found, with the place of each. Only of a document that
  /// `isNew` the inputs of agents are checked: what is stored stays readable.
  public static func read(_ view: JSONView, version: Int, isNew: Bool = false) throws(JSONFieldsError) -> Workflow {
    var fields = JSONFields(view)
    let name = fields.string("name", isRequired: true, bytesMax: 64) ?? ""
    if !name.isEmpty, !isName(name) {
      fields.note("name", .malformed, "Lower-case letters, digits, - and _ are allowed, a letter first.")
    }
    _ = fields.string("description", bytesMax: 2000, allowsEmpty: true)
    let timeout = fields.int("timeout_ms", in: 1...(365 * 86_400_000))
    let undoing = fields.int("compensation_timeout_ms", in: 1...(365 * 86_400_000))
    let result = fields.string("result", bytesMax: 64)
    let views = fields.array("steps", isRequired: true, countMax: stepsMax) ?? []
    var steps: [WorkflowStep] = []
    for (index, view) in views.enumerated() {
      do { steps.append(try StepDocument.read(view, path: "/steps/\(index)")) } catch {
        for fault in error.faults { fields.note(at: fault) }
      }
    }
    if isNew, fields.faults.isEmpty {
      for (index, step) in steps.enumerated() { AgentInputCheck.run(step, "/steps/\(index)", &fields) }
    }
    if fields.faults.isEmpty { GraphCheck(steps: steps, result: result).run(&fields) }
    try fields.finish()
    let last = steps.last { !$0.isCompensation }?.key
    var workflow = Workflow(
      name: name, version: version, steps: steps, resultStep: result ?? last, timeoutMilliseconds: timeout)
    workflow.undoingMilliseconds = undoing
    return workflow
  }

  /// Writes the workflow as a document that `read` understands.
  public static func write(_ workflow: Workflow, to writer: inout JSONWriter) {
    writer.beginObject()
    writer.member("name", workflow.name)
    writer.member("timeout_ms", ifPresent: workflow.timeoutMilliseconds)
    writer.member("compensation_timeout_ms", ifPresent: workflow.undoingMilliseconds)
    writer.member("result", workflow.resultStep)
    writer.key("steps")
    writer.beginArray()
    for step in workflow.steps { StepDocument.write(step, to: &writer) }
    writer.endArray()
    writer.endObject()
  }

  /// Whether the text may name a workflow, step, agent or signal.
  public static func isName(_ text: String) -> Bool {
    guard let first = text.utf8.first, (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(first) else { return false }
    return text.utf8.allSatisfy { byte in
      (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
        || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_")
    }
  }
}

/// What a graph must hold beyond the form of its steps: known names, no cycles, references that lead upstream.
struct GraphCheck {
  let steps: [WorkflowStep]
  let result: String?
  private let places: [String: Int]

  init(steps: [WorkflowStep], result: String?) {
    self.steps = steps
    self.result = result
    places = Dictionary(steps.enumerated().map { ($1.key, $0) }, uniquingKeysWith: { first, _ in first })
  }

  func run(_ fields: inout JSONFields) {
    if steps.isEmpty { fields.note("steps", .range, "At least one step is expected.") }
    for (index, step) in steps.enumerated() {
      let path = "steps/\(index)"
      if places[step.key] != index { note(&fields, path + "/key", "The key \(step.key) is used twice.") }
      for dependency in step.dependsOn {
        guard let place = places[dependency] else {
          note(&fields, path + "/depends_on", "There is no step \(dependency).")
          continue
        }
        if steps[place].isCompensation {
          note(&fields, path + "/depends_on", "\(dependency) only undoes other steps; nothing can wait for it.")
        }
      }
      if Set(step.dependsOn).count != step.dependsOn.count {
        note(&fields, path + "/depends_on", "A dependency is named twice.")
      }
      if case .atLeast(let count) = step.join, !(1...max(1, step.dependsOn.count)).contains(count) {
        note(&fields, path + "/join", "The step has \(step.dependsOn.count) dependencies.")
      }
      checkCompensation(step, path, &fields)
    }
    guard fields.faults.isEmpty else { return }
    if let cycle = cycle() {
      return note(&fields, "steps", "The steps wait for each other: \(cycle.joined(separator: " -> ")).")
    }
    for (index, step) in steps.enumerated() { checkReferences(step, "steps/\(index)", &fields) }
    checkResult(&fields)
  }

  private func checkCompensation(_ step: WorkflowStep, _ path: String, _ fields: inout JSONFields) {
    if step.isCompensation,
      !step.dependsOn.isEmpty || step.fanOut != nil || step.expansionStepsMax != nil || step.condition != nil
    {
      note(&fields, path, "A step that undoes others has no depends_on, for_each, plans and when.")
    }
    guard case .compensate(let keys) = step.onFailure else { return }
    if step.isCompensation { note(&fields, path + "/on_failure", "A step that undoes others cannot itself be undone.") }
    for key in keys where places[key].map({ !steps[$0].isCompensation }) ?? true {
      note(&fields, path + "/on_failure", "\(key) is not a step with \"compensation\": true.")
    }
  }

  private func checkReferences(_ step: WorkflowStep, _ path: String, _ fields: inout JSONFields) {
    let upstream = step.isCompensation ? Set(places.keys) : ancestors(of: step)
    var references = (step.condition?.references ?? []).compactMap { Reference($0) }
    if let condition = step.condition {
      for other in condition.steps where !upstream.contains(other) {
        note(&fields, path + "/when", "The step does not run after \(other); add it to depends_on.")
      }
    }
    if let fanOut = step.fanOut, let items = Reference(fanOut.items) { references.append(items) }
    let locks = step.locks.flatMap { (try? LockName($0))?.references ?? [] }
    if step.fanOut == nil, locks.contains(where: { $0.root == .index }) {
      note(&fields, path + "/locks", "index exists only with for_each.")
    }
    references += locks
    for reference in references {
      if let other = reference.step, let place = places[other], isGroup(steps[place]) {
        note(
          &fields, path,
          "Conditions, for_each and locks cannot look into the outputs of \(other); add a transform step.")
      }
    }
    if let text = step.input, let document = try? JSONDocument(parsing: text),
      let template = try? Template(document.root)
    {
      for reference in template.references where step.fanOut == nil {
        if reference.root == .item || reference.root == .index {
          note(&fields, path + "/input", "item and index exist only with for_each.")
        }
      }
      references += template.references
    }
    for reference in references {
      guard let other = reference.step, !upstream.contains(other) else { continue }
      let reason =
        places[other] == nil
        ? "There is no step \(other)." : "The step does not run after \(other); add it to depends_on."
      note(&fields, path, reason)
    }
  }

  private func checkResult(_ fields: inout JSONFields) {
    let key = result ?? steps.last { !$0.isCompensation }?.key ?? ""
    guard let place = places[key], !steps[place].isCompensation else {
      return note(&fields, "result", "There is no step \(key) that always may run.")
    }
    if steps[place].fanOut != nil {
      note(&fields, "result", "\(key) has many outputs; add a transform step that gathers them.")
    }
  }

  private func isGroup(_ step: WorkflowStep) -> Bool { step.fanOut != nil }

  private func ancestors(of step: WorkflowStep) -> Set<String> {
    var found: Set<String> = []
    var left = step.dependsOn
    while let key = left.popLast() {
      guard found.insert(key).inserted, let place = places[key] else { continue }
      left += steps[place].dependsOn
    }
    return found
  }

  /// The keys of a cycle, its first one again at the end.
  private func cycle() -> [String]? {
    var waiting = steps.map(\.dependsOn.count)
    var dependents = [[Int]](repeating: [], count: steps.count)
    for (index, step) in steps.enumerated() {
      for dependency in step.dependsOn { if let place = places[dependency] { dependents[place].append(index) } }
    }
    var free = steps.indices.filter { waiting[$0] == 0 }
    while let place = free.popLast() {
      for dependent in dependents[place] {
        waiting[dependent] -= 1
        if waiting[dependent] == 0 { free.append(dependent) }
      }
    }
    guard var place = steps.indices.first(where: { waiting[$0] > 0 }) else { return nil }
    var trail: [Int] = []
    while !trail.contains(place) {
      trail.append(place)
      let next = steps[place].dependsOn.lazy.compactMap { places[$0] }.first { waiting[$0] > 0 }
      guard let next else { return nil }
      place = next
    }
    let start = trail.firstIndex(of: place) ?? 0
    return (trail[start...] + [place]).map { steps[$0].key }.reversed()
  }

  private func note(_ fields: inout JSONFields, _ path: String, _ detail: String) {
    fields.note(at: JSONFieldFault(pointer: "/" + path, code: .malformed, detail: detail))
  }
}
