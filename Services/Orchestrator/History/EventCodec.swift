internal import Contracts
public import Decider
internal import JSON
internal import Workflows

/// The stored form of events: `type` and `step` stand beside it, the rest is a small JSON object. Fields are only ever
/// added, and reading tolerates their absence, so that old histories stay readable.
public enum EventCodec {
  /// Events that were appended together: an array with `[type, step or null, members]` for each.
  public static func encode(_ events: [RunEvent]) -> [UInt8] {
    var writer = JSONWriter(reservingBytes: events.count * 160)
    writer.beginArray()
    for event in events {
      writer.beginArray()
      writer.string(event.type)
      if let step = event.step { writer.string(step) } else { writer.null() }
      writer.beginObject()
      write(event, to: &writer)
      writer.endObject()
      writer.endArray()
    }
    writer.endArray()
    return writer.bytes
  }

  /// The members of an event.
  public static func encode(_ event: RunEvent) -> [UInt8] {
    var writer = JSONWriter()
    writer.beginObject()
    write(event, to: &writer)
    writer.endObject()
    return writer.bytes
  }

  private static func write(_ event: RunEvent, to writer: inout JSONWriter) {
    switch event {
    case .runCreated(let workflow, let version, let input, let seed, let facts):
      writer.member("workflow", workflow)
      writer.member("version", Int64(version))
      write("input", input, &writer)
      writer.member("seed", String(seed))
      write(facts, &writer)
    case .stepReady(_, let attempt, let delay):
      writer.member("attempt", Int64(attempt))
      if delay > 0 { writer.member("delay_ms", delay) }
    case .stepStarted(_, let attempt, let worker):
      writer.member("attempt", Int64(attempt))
      writer.member("worker", worker)
    case .stepLost(_, let attempt, let worker, let wasUndelivered, let limits):
      writer.member("attempt", Int64(attempt))
      writer.member("worker", worker)
      if wasUndelivered { writer.member("undelivered", true) }
      if let limits { write(limits, &writer) }
    case .callRecorded(_, let attempt, let call):
      writer.member("attempt", Int64(attempt))
      write(call, &writer)
    case .stepSucceeded(_, let attempt, let output, let facts, let usage):
      writer.member("attempt", Int64(attempt))
      write("output", output, &writer)
      write(facts, &writer)
      if let usage { writeOfSubRun(usage, &writer) }
    case .planExpanded(_, let attempt, let output, let facts, let steps):
      writer.member("attempt", Int64(attempt))
      write("output", output, &writer)
      write(facts, &writer)
      writer.key("steps")
      writer.beginArray()
      for step in steps { StepDocument.write(step, to: &writer) }
      writer.endArray()
    case .stepFailed(_, let attempt, let failure, let usage):
      writer.member("attempt", Int64(attempt))
      write(failure, &writer)
      if let usage { writeOfSubRun(usage, &writer) }
    case .stepRefused(_, let attempt, let failure):
      writer.member("attempt", Int64(attempt))
      write(failure, &writer)
    case .stepTimedOut(_, let attempt, let limit, let isRepeated, let usage):
      writer.member("attempt", Int64(attempt))
      writer.member("limit", limit.rawValue)
      if isRepeated { writer.member("repeated", true) }
      if let usage { writeOfSubRun(usage, &writer) }
    case .stepSuspended(_, let attempt, let asks):
      writer.member("attempt", Int64(attempt))
      write(asks, &writer)
    case .askAnswered(_, let attempt, let ask, let answer):
      writer.member("attempt", Int64(attempt))
      writer.member("key", ask)
      write(answer, &writer)
    case .askExpired(_, let attempt, let ask, let at):
      writer.member("attempt", Int64(attempt))
      writer.member("key", ask)
      writer.member("at_us", at)
    case .stepReleased(_, let attempt, let worker):
      writer.member("attempt", Int64(attempt))
      writer.member("worker", worker)
    case .delayElapsed(_, let attempt): writer.member("attempt", Int64(attempt))
    case .childStarted(_, let attempt, let run):
      writer.member("attempt", Int64(attempt))
      writer.member("run_id", run)
    case .approvalRequested(_, let attempt, let subject):
      writer.member("attempt", Int64(attempt))
      write("subject", subject, &writer)
    case .approvalDecided(_, let attempt, let decision):
      writer.member("attempt", Int64(attempt))
      writer.member("approved", decision.isApproved)
      writer.member("by", decision.by)
      writer.member("comment", decision.comment)
      write("output", decision.output, &writer)
      write(decision.facts, &writer)
    case .stepFannedOut(_, let count): writer.member("count", Int64(count))
    case .stepCompleted(_, let output): if let output { write("output", output, &writer) }
    case .stepDegraded(_, let fallback): writer.member("fallback", Int64(fallback))
    case .runExpired(let undoes): if undoes { writer.member("undoes", true) }
    case .stepExhausted, .stepSkipped, .runCancelled: break
    case .runSucceeded(let output): if let output { write("output", output, &writer) }
    default: writeOfRun(event, to: &writer)
    }
  }

  private static func writeOfRun(_ event: RunEvent, to writer: inout JSONWriter) {
    switch event {
    case .signalReceived(let name, let id, let payload, let who, let facts):
      writer.member("name", name)
      writer.member("id", id)
      write("payload", payload, &writer)
      writer.member("by", who)
      write(facts, &writer)
    case .runPaused(let who), .runResumed(let who): writer.member("by", who)
    case .cancelRequested(let who, let reason, let undoes):
      writer.member("by", who)
      writer.member("reason", reason)
      if undoes { writer.member("undoes", true) }
    case .runForked(let source, let at, let who, let changes):
      writer.member("from_run", source)
      writer.member("at_seq", Int64(at))
      writer.member("by", who)
      writer.key("changes")
      writer.beginArray()
      for change in changes {
        writer.beginObject()
        writer.member("step", change.step)
        writer.member("agent", ifPresent: change.agent)
        writer.member("model", ifPresent: change.model)
        if let input = change.input { writer.member("input", raw: input.utf8) }
        if let failure = change.failure {
          writer.key("failure")
          writer.beginObject()
          write(failure, &writer)
          writer.endObject()
        }
        writer.endObject()
      }
      writer.endArray()
    case .compensationStarted(let step, let failure):
      writer.member("failed_step", ifPresent: step.isEmpty ? nil : step)
      write(failure, &writer)
    case .runFailed(let step, let failure):
      writer.member("failed_step", ifPresent: step)
      write(failure, &writer)
    default: break
    }
  }

  static func write(_ name: StaticString, _ payload: PayloadRef, _ writer: inout JSONWriter) {
    writer.key("\(name)")
    writer.beginObject()
    writer.member("sha256", payload.sha256)
    writer.member("bytes", Int64(payload.bytes))
    writer.endObject()
  }

  private static func write(_ facts: [Fact], _ writer: inout JSONWriter) {
    guard !facts.isEmpty else { return }
    writer.key("facts")
    writer.beginObject()
    for fact in facts {
      writer.key(fact.reference)
      fact.value.write(to: &writer)
    }
    writer.endObject()
  }

  private static func write(_ failure: Failure, _ writer: inout JSONWriter) {
    writer.member("code", failure.code)
    writer.member("message", failure.message)
    writer.member("retryable", failure.isRetryable)
    writer.member("next", ifPresent: failure.next?.rawValue)
  }

  /// What the sub-run of a step has consumed.
  private static func writeOfSubRun(_ usage: Usage, _ writer: inout JSONWriter) {
    writer.key("usage")
    writer.beginObject()
    write(usage, &writer)
    writer.endObject()
  }

  private static func write(_ usage: Usage, _ writer: inout JSONWriter) {
    writer.member("input_tokens", usage.inputTokens)
    writer.member("output_tokens", usage.outputTokens)
    writer.member("cost_microusd", usage.costMicroUSD)
    writer.member("unpriced_calls", usage.unpricedCalls)
    writer.member("model_calls", usage.modelCalls)
  }

  private static func write(_ call: CallRecord, _ writer: inout JSONWriter) {
    writer.member("index", Int64(call.index))
    writer.member("name", call.name)
    writer.member("request_sha256", call.requestSHA256)
    write("result", call.result, &writer)
    write(call.usage, &writer)
    writer.member("duration_ms", call.durationMilliseconds)
  }
}
