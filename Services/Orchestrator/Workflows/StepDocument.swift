internal import Decider
internal import JSON

/// One step of a workflow document.
public enum StepDocument {
  static let kinds = ["work", "transform", "delay", "signal", "approval", "run"]
  private static let day: Int64 = 86_400_000

  static func read(_ view: JSONView, path: String) throws(JSONFieldsError) -> WorkflowStep {
    var fields = JSONFields(view, path: path)
    let key = name("key", isRequired: true, &fields) ?? ""
    var step = WorkflowStep(key: key, kind: kind(&fields))
    step.dependsOn = fields.strings("depends_on", countMax: 100, bytesMax: 64) ?? []
    step.join = join(&fields)
    step.agent = fields.string("agent", bytesMax: 100)
    step.model = fields.string("model", bytesMax: 200)
    step.priority = Int(fields.int("priority", in: -10...10) ?? 0)
    step.locks = fields.strings("locks", countMax: 4, bytesMax: 100) ?? []
    for lock in step.locks {
      do throws(TemplateError) { _ = try LockName(lock) } catch {
        fields.note("locks", .malformed, error.description)
      }
    }
    step.isCompensation = fields.bool("compensation") ?? false
    step.fanOut = fanOut(&fields)
    step.expansionStepsMax = fields.object("plans") { nested in
      Int(nested.int("steps_max", in: 1...1000) ?? 50)
    }
    step.retry = retry(&fields) ?? WorkflowStep.standardRetry(of: step.kind)
    step.timeouts = timeouts(&fields)
    step.onFailure = onFailure(&fields)
    step.fallbacks = fallbacks(&fields)
    if let condition = fields.value("when") {
      do { step.condition = try ConditionDocument.read(condition, path: path + "/when") } catch {
        for fault in error.faults { fields.note(at: fault) }
      }
    }
    if let input = fields.value("input") {
      do {
        _ = try Template(input)
        step.input = String(decoding: input.rawBytes, as: UTF8.self)
      } catch { fields.note("input", .malformed, error.description) }
    }
    if step.expansionStepsMax != nil, !step.isWork || step.fanOut != nil {
      fields.note("plans", .notAllowed, "Only a step of type work without for_each can plan.")
    }
    try fields.finish()
    return step
  }

  private static func name(_ member: String, isRequired: Bool = false, _ fields: inout JSONFields) -> String? {
    guard let name = fields.string(member, isRequired: isRequired, bytesMax: 64) else { return nil }
    guard WorkflowDocument.isName(name) else {
      fields.note(member, .malformed, "Lower-case letters, digits, - and _ are allowed, a letter first.")
      return nil
    }
    return name
  }

  private static func kind(_ fields: inout JSONFields) -> WorkflowStep.Kind {
    let type = fields.string("type", bytesMax: 20, allowed: kinds) ?? "work"
    switch type {
    case "transform": return .transform
    case "delay":
      return .delay(milliseconds: fields.int("delay_ms", isRequired: true, in: 1...(365 * day)) ?? 1)
    case "signal": return .signal(name: name("signal", isRequired: true, &fields) ?? "")
    case "approval": return .approval
    case "run":
      return .run(
        workflow: name("workflow", isRequired: true, &fields) ?? "",
        version: fields.int("workflow_version", in: 1...1_000_000).map { Int($0) })
    default: return .work(jobType: name("job_type", &fields) ?? "agent")
    }
  }

  private static func join(_ fields: inout JSONFields) -> WorkflowStep.Join {
    guard let value = fields.value("join") else { return .all }
    switch (value.string, value.int) {
    case ("all", _): return .all
    case ("any", _): return .atLeast(1)
    case (_, let count?) where (1...100).contains(count): return .atLeast(Int(count))
    default:
      fields.note("join", .notAllowed, "\"all\", \"any\" or a number from 1 to 100 is expected.")
      return .all
    }
  }

  private static func fanOut(_ fields: inout JSONFields) -> WorkflowStep.FanOut? {
    fields.object("for_each") { nested in
      let items = nested.string("items", isRequired: true, bytesMax: Reference.bytesMax) ?? ""
      if let reference = Reference(items) {
        if reference.root != .input, !reference.isOutput {
          nested.note("items", .malformed, "A list in the input or in an output is expected.")
        }
      } else if !items.isEmpty {
        nested.note("items", .malformed, "A reference such as input.files or steps.plan.output.tasks is expected.")
      }
      return WorkflowStep.FanOut(
        items: items, width: Int(nested.int("width", in: 1...1000) ?? 5),
        itemsMax: Int(nested.int("items_max", in: 1...9_000) ?? 1000))
    }
  }

  private static func retry(_ fields: inout JSONFields) -> RetryPolicy? {
    fields.object("retry") { nested in
      var policy = RetryPolicy.standard
      if let attempts = nested.int("attempts_max", in: 1...100) { policy.attemptsMax = Int(attempts) }
      policy.backoffMilliseconds = nested.int("backoff_ms", in: 0...day) ?? policy.backoffMilliseconds
      policy.backoffMillisecondsMax = nested.int("backoff_max_ms", in: 0...day) ?? policy.backoffMillisecondsMax
      policy.growthPercent = nested.int("growth_percent", in: 100...1000) ?? policy.growthPercent
      policy.jitterPercent = nested.int("jitter_percent", in: 0...100) ?? policy.jitterPercent
      policy.nonRetryableCodes = nested.strings("non_retryable", countMax: 50, bytesMax: 100) ?? []
      return policy
    }
  }

  private static func timeouts(_ fields: inout JSONFields) -> StepTimeouts {
    fields.object("timeouts") { nested in
      StepTimeouts(
        scheduleToStart: nested.int("schedule_to_start_ms", in: 1...(365 * day)),
        startToClose: nested.int("start_to_close_ms", in: 1...(365 * day)),
        heartbeat: nested.int("heartbeat_ms", in: 500...3_600_000))
    } ?? StepTimeouts()
  }

  private static func onFailure(_ fields: inout JSONFields) -> WorkflowStep.FailurePolicy {
    guard let value = fields.value("on_failure") else { return .fail }
    switch value.string {
    case "fail": return .fail
    case "continue": return .proceed
    default:
      return fields.object("on_failure") { nested in
        WorkflowStep.FailurePolicy.compensate(
          nested.strings("compensate", isRequired: true, countMax: 50, bytesMax: 64) ?? [])
      } ?? .fail
    }
  }

  private static func fallbacks(_ fields: inout JSONFields) -> [WorkflowStep.Fallback] {
    (fields.array("fallbacks", countMax: 5) ?? []).compactMap { view in
      guard view["agent"]?.string != nil || view["model"]?.string != nil,
        view.members.allSatisfy({ $0.key.string == "agent" || $0.key.string == "model" })
      else {
        fields.note("fallbacks", .malformed, "Each fallback names an agent, a model or both.")
        return nil
      }
      return WorkflowStep.Fallback(agent: view["agent"]?.string, model: view["model"]?.string)
    }
  }
}
