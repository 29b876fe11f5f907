internal import Contracts
internal import Decider
internal import JSON

/// Checks what a new document gives to agents, as far as it can be known before a run: what a template fills in is left
/// to the agent, which checks its whole input. Stored documents are not checked again.
enum AgentInputCheck {
  private static let jobType = "agent"
  private static let jobs = ["plan", "execute", "review", "synthesise"]
  private static let limits = ["turns_max", "tool_calls_max", "context_tokens_max", "cost_microusd_max", "time_ms_max"]
  private static let namesMax = 256
  private static let nameBytesMax = 200

  /// Notes faults of the input of a step at `path`.
  static func run(_ step: WorkflowStep, _ path: String, _ fields: inout JSONFields) {
    guard case .work(jobType) = step.kind, let text = step.input, let document = try? JSONDocument(parsing: text),
      let input = known(document.root), input.kind == .object
    else { return }
    for (key, value) in input.members {
      guard let name = key.string, let value = known(value), !value.isNull, let fault = fault(name, value) else {
        continue
      }
      fields.note(at: JSONFieldFault(pointer: "\(path)/input/\(name)", code: .notAllowed, detail: fault))
    }
  }

  /// A value without holes; `nil` for one that is filled in.
  private static func known(_ view: JSONView) -> JSONView? {
    guard view.kind == .object, view.count == 1 else { return view }
    if let literal = view["$literal"] { return literal }
    return view["$ref"] == nil ? view : nil
  }

  private static func fault(_ name: String, _ value: JSONView) -> String? {
    switch name {
    case "tools":
      if value.string == "*" { return nil }
      return isListOfNames(value) ? nil : "A list of names of tools, or \"*\", is expected."
    case "approve": return isListOfNames(value) ? nil : "A list of risks and of tool:NAME is expected."
    case "job":
      guard let job = value.string else { return "A kind of work is expected." }
      return job.contains("{{") || jobs.contains(job) ? nil : "Allowed are: \(jobs.joined(separator: ", "))."
    case "output_schema": return value.kind == .object || value.bool != nil ? nil : "A JSON Schema is expected."
    case "questions": return questionsFault(value)
    case "goal": return value.string == nil ? "A text is expected." : nil
    case "limits":
      guard value.kind == .object else { return "An object is expected." }
      for (key, limit) in value.members {
        guard let name = key.string, limits.contains(name) else {
          return "Allowed are: \(limits.joined(separator: ", "))."
        }
        if let limit = known(limit), !limit.isNull, limit.string == nil, limit.whole(in: 0...Int64.max) == nil {
          return "\(name) is a whole number from 0."
        }
      }
      return nil
    default: return nil
    }
  }

  private static func questionsFault(_ value: JSONView) -> String? {
    guard value.kind == .object else { return "An object is expected." }
    for (key, member) in value.members {
      let fault =
        if key.string == "tools" { toolQuestionsFault(member) } else {
          ruleFault(key, member, "expires_ms, on_expiry, tools")
        }
      if let fault { return fault }
    }
    return nil
  }

  /// What a step says of the questions of its tools, by their names.
  private static func toolQuestionsFault(_ value: JSONView) -> String? {
    guard let value = known(value), !value.isNull else { return nil }
    guard value.kind == .object, value.count <= namesMax else { return "tools is an object of names of tools." }
    for (key, rule) in value.members {
      guard let name = key.string, !name.isEmpty, name.utf8.count <= nameBytesMax else {
        return "tools has a name that no tool can have."
      }
      guard let rule = known(rule), !rule.isNull else { continue }
      guard rule.kind == .object else { return "tools.\(name) is an object." }
      for (key, member) in rule.members {
        if let fault = ruleFault(key, member, "expires_ms, on_expiry") { return "tools.\(name): \(fault)" }
      }
    }
    return nil
  }

  private static func ruleFault(_ key: JSONView, _ member: JSONView, _ allowed: String) -> String? {
    let isKnown = known(member) != nil && !member.isNull
    switch key.string {
    case "expires_ms":
      if isKnown, member.string == nil, member.whole(in: 0...WorkerLimits.askExpiresMillisecondsMax) == nil {
        return "expires_ms is a whole number from 0 to \(WorkerLimits.askExpiresMillisecondsMax)."
      }
    case "on_expiry":
      if isKnown, !["continue", "fail"].contains(member.string ?? "") { return "on_expiry is continue or fail." }
    default: return "Allowed are: \(allowed)."
    }
    return nil
  }

  private static func isListOfNames(_ value: JSONView) -> Bool {
    guard value.kind == .array, value.count <= namesMax else { return false }
    return value.elements.allSatisfy { element in
      guard let element = known(element) else { return true }
      return element.string.map { !$0.isEmpty && $0.utf8.count <= nameBytesMax } ?? false
    }
  }
}
