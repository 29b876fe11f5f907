public import Decider
public import JSON

extension StepDocument {
  /// Reads a step that `write` wrote.
  public static func read(written view: JSONView) throws(JSONFieldsError) -> WorkflowStep {
    try read(view, path: "")
  }

  /// Writes a step as it stands in a document; what is standard is left out.
  public static func write(_ step: WorkflowStep, to writer: inout JSONWriter) {
    writer.beginObject()
    writer.member("key", step.key)
    writeKind(step.kind, to: &writer)
    if !step.dependsOn.isEmpty { write("depends_on", step.dependsOn, to: &writer) }
    if case .atLeast(let count) = step.join { writer.member("join", Int64(count)) }
    writer.member("agent", ifPresent: step.agent)
    writer.member("model", ifPresent: step.model)
    if step.priority != 0 { writer.member("priority", Int64(step.priority)) }
    if !step.locks.isEmpty { write("locks", step.locks, to: &writer) }
    if step.isCompensation { writer.member("compensation", true) }
    if let fanOut = step.fanOut {
      writer.key("for_each")
      writer.beginObject()
      writer.member("items", fanOut.items)
      writer.member("width", Int64(fanOut.width))
      writer.member("items_max", Int64(fanOut.itemsMax))
      writer.endObject()
    }
    if let stepsMax = step.expansionStepsMax {
      writer.key("plans")
      writer.beginObject()
      writer.member("steps_max", Int64(stepsMax))
      writer.endObject()
    }
    if step.retry != WorkflowStep.standardRetry(of: step.kind) { write(step.retry, to: &writer) }
    if step.timeouts != StepTimeouts() { write(step.timeouts, to: &writer) }
    writeFailure(step, to: &writer)
    if let condition = step.condition {
      writer.key("when")
      ConditionDocument.write(condition, to: &writer)
    }
    if let input = step.input { writer.member("input", raw: input.utf8) }
    writer.endObject()
  }

  private static func writeKind(_ kind: WorkflowStep.Kind, to writer: inout JSONWriter) {
    switch kind {
    case .work(let jobType):
      writer.member("type", "work")
      writer.member("job_type", jobType)
    case .transform: writer.member("type", "transform")
    case .delay(let milliseconds):
      writer.member("type", "delay")
      writer.member("delay_ms", milliseconds)
    case .signal(let name):
      writer.member("type", "signal")
      writer.member("signal", name)
    case .approval: writer.member("type", "approval")
    case .run(let workflow, let version):
      writer.member("type", "run")
      writer.member("workflow", workflow)
      writer.member("workflow_version", ifPresent: version.map { Int64($0) })
    }
  }

  private static func writeFailure(_ step: WorkflowStep, to writer: inout JSONWriter) {
    switch step.onFailure {
    case .fail: break
    case .proceed: writer.member("on_failure", "continue")
    case .compensate(let keys):
      writer.key("on_failure")
      writer.beginObject()
      write("compensate", keys, to: &writer)
      writer.endObject()
    }
    guard !step.fallbacks.isEmpty else { return }
    writer.key("fallbacks")
    writer.beginArray()
    for fallback in step.fallbacks {
      writer.beginObject()
      writer.member("agent", ifPresent: fallback.agent)
      writer.member("model", ifPresent: fallback.model)
      writer.endObject()
    }
    writer.endArray()
  }

  private static func write(_ retry: RetryPolicy, to writer: inout JSONWriter) {
    writer.key("retry")
    writer.beginObject()
    writer.member("attempts_max", Int64(retry.attemptsMax))
    writer.member("backoff_ms", retry.backoffMilliseconds)
    writer.member("backoff_max_ms", retry.backoffMillisecondsMax)
    writer.member("growth_percent", retry.growthPercent)
    writer.member("jitter_percent", retry.jitterPercent)
    if !retry.nonRetryableCodes.isEmpty { write("non_retryable", retry.nonRetryableCodes, to: &writer) }
    writer.endObject()
  }

  private static func write(_ timeouts: StepTimeouts, to writer: inout JSONWriter) {
    writer.key("timeouts")
    writer.beginObject()
    writer.member("schedule_to_start_ms", ifPresent: timeouts.scheduleToStart)
    writer.member("start_to_close_ms", ifPresent: timeouts.startToClose)
    writer.member("heartbeat_ms", ifPresent: timeouts.heartbeat)
    writer.endObject()
  }

  private static func write(_ name: String, _ texts: [String], to writer: inout JSONWriter) {
    writer.key(name)
    writer.beginArray()
    for text in texts { writer.string(text) }
    writer.endArray()
  }
}
