internal import Contracts
internal import Decider
internal import JSON

/// The stored form of events: `type` and `step` are columns, the rest is a small JSON object. Fields are only ever
/// added, and reading tolerates their absence, so that old histories stay readable.
enum EventCodec {
  static func encode(_ event: RunEvent) -> [UInt8] {
    var writer = JSONWriter()
    writer.beginObject()
    switch event {
    case .runCreated(let workflow, let version, let input):
      writer.member("workflow", workflow)
      writer.member("version", Int64(version))
      write("input", input, &writer)
    case .stepReady(_, let attempt, let delay):
      writer.member("attempt", Int64(attempt))
      if delay > 0 { writer.member("delay_ms", delay) }
    case .stepStarted(_, let attempt, let worker), .stepLost(_, let attempt, let worker):
      writer.member("attempt", Int64(attempt))
      writer.member("worker", worker)
    case .callRecorded(_, let attempt, let call):
      writer.member("attempt", Int64(attempt))
      write(call, &writer)
    case .stepSucceeded(_, let attempt, let output):
      writer.member("attempt", Int64(attempt))
      write("output", output, &writer)
    case .stepFailed(_, let attempt, let failure):
      writer.member("attempt", Int64(attempt))
      write(failure, &writer)
    case .runSucceeded(let output): write("output", output, &writer)
    case .runFailed(let step, let failure):
      writer.member("failed_step", step)
      write(failure, &writer)
    case .cancelRequested(let who, let reason):
      writer.member("by", who)
      writer.member("reason", reason)
    case .runCancelled: break
    }
    writer.endObject()
    return writer.bytes
  }

  /// Reads an event back; `nil` for a type that this version does not know or a member that is missing.
  static func decode(type: String, step: String?, data: JSONView) -> RunEvent? {
    let attempt = Int(data["attempt"]?.int ?? 0)
    switch (type, step) {
    case ("run.created", _):
      guard let workflow = data["workflow"]?.string, let version = data["version"]?.int,
        let input = payload(data["input"])
      else { return nil }
      return .runCreated(workflow: workflow, version: Int(version), input: input)
    case ("step.ready", let step?):
      return .stepReady(step: step, attempt: attempt, delayMilliseconds: data["delay_ms"]?.int ?? 0)
    case ("step.started", let step?):
      return .stepStarted(step: step, attempt: attempt, worker: data["worker"]?.string ?? "")
    case ("step.lost", let step?):
      return .stepLost(step: step, attempt: attempt, worker: data["worker"]?.string ?? "")
    case ("model.called", let step?), ("tool.called", let step?):
      return call(type, data).map { .callRecorded(step: step, attempt: attempt, $0) }
    case ("step.succeeded", let step?):
      return payload(data["output"]).map { .stepSucceeded(step: step, attempt: attempt, output: $0) }
    case ("step.failed", let step?): return .stepFailed(step: step, attempt: attempt, failure(data))
    case ("run.succeeded", _): return payload(data["output"]).map { .runSucceeded(output: $0) }
    case ("run.failed", _): return .runFailed(step: data["failed_step"]?.string ?? "", failure(data))
    case ("run.cancel_requested", _):
      return .cancelRequested(by: data["by"]?.string ?? "", reason: data["reason"]?.string ?? "")
    case ("run.cancelled", _): return .runCancelled
    default: return nil
    }
  }

  private static func write(_ name: StaticString, _ payload: PayloadRef, _ writer: inout JSONWriter) {
    writer.key("\(name)")
    writer.beginObject()
    writer.member("sha256", payload.sha256)
    writer.member("bytes", Int64(payload.bytes))
    writer.endObject()
  }

  private static func write(_ failure: Failure, _ writer: inout JSONWriter) {
    writer.member("code", failure.code)
    writer.member("message", failure.message)
    writer.member("retryable", failure.isRetryable)
  }

  private static func write(_ call: CallRecord, _ writer: inout JSONWriter) {
    writer.member("index", Int64(call.index))
    writer.member("name", call.name)
    writer.member("request_sha256", call.requestSHA256)
    write("result", call.result, &writer)
    writer.member("input_tokens", call.usage.inputTokens)
    writer.member("output_tokens", call.usage.outputTokens)
    writer.member("cost_microusd", call.usage.costMicroUSD)
    writer.member("unpriced_calls", call.usage.unpricedCalls)
    writer.member("model_calls", call.usage.modelCalls)
    writer.member("duration_ms", call.durationMilliseconds)
  }

  private static func payload(_ view: JSONView?) -> PayloadRef? {
    guard let view, let sha256 = view["sha256"]?.string, let bytes = view["bytes"]?.int else { return nil }
    return PayloadRef(sha256: sha256, bytes: Int(bytes))
  }

  private static func failure(_ view: JSONView) -> Failure {
    Failure(
      code: view["code"]?.string ?? "unknown", message: view["message"]?.string ?? "",
      isRetryable: view["retryable"]?.bool ?? false)
  }

  private static func call(_ type: String, _ view: JSONView) -> CallRecord? {
    guard let result = payload(view["result"]), let index = view["index"]?.int, let name = view["name"]?.string,
      let request = view["request_sha256"]?.string
    else { return nil }
    return CallRecord(
      kind: type == "model.called" ? .model : .tool, index: Int(index), name: name, requestSHA256: request,
      result: result,
      usage: Usage(
        inputTokens: view["input_tokens"]?.int ?? 0, outputTokens: view["output_tokens"]?.int ?? 0,
        costMicroUSD: view["cost_microusd"]?.int ?? 0, unpricedCalls: view["unpriced_calls"]?.int ?? 0,
        modelCalls: view["model_calls"]?.int ?? 0),
      durationMilliseconds: view["duration_ms"]?.int ?? 0)
  }
}
