internal import Contracts
public import Decider
public import JSON
internal import Workflows

extension EventCodec {
  /// Reads an event back; `nil` for a type that this version does not know or a member that is missing.
  public static func decode(type: String, step: String?, data: JSONView) -> RunEvent? {
    guard let step else { return decodeOfRun(type, data) }
    let attempt = Int(data["attempt"]?.int ?? 0)
    switch type {
    case "step.ready": return .stepReady(step: step, attempt: attempt, delayMilliseconds: data["delay_ms"]?.int ?? 0)
    case "step.started": return .stepStarted(step: step, attempt: attempt, worker: data["worker"]?.string ?? "")
    case "step.lost":
      return .stepLost(
        step: step, attempt: attempt, worker: data["worker"]?.string ?? "",
        wasUndelivered: data["undelivered"]?.bool ?? false, limits: data["losses_max"].map(lossLimits))
    case "model.called", "tool.called", "tool.intended", "agent.noted":
      return call(type, data).map { .callRecorded(step: step, attempt: attempt, $0) }
    case "step.succeeded":
      return payload(data["output"]).map {
        .stepSucceeded(
          step: step, attempt: attempt, output: $0, facts: facts(data), usage: data["usage"].map(usage))
      }
    case "plan.expanded":
      guard let output = payload(data["output"]), let steps = data["steps"] else { return nil }
      let read = steps.elements.compactMap { try? StepDocument.read(written: $0) }
      guard read.count == steps.count else { return nil }
      return .planExpanded(step: step, attempt: attempt, output: output, facts: facts(data), steps: read)
    case "step.failed":
      return .stepFailed(step: step, attempt: attempt, failure(data), usage: data["usage"].map(usage))
    case "step.refused": return .stepRefused(step: step, attempt: attempt, failure(data))
    case "step.timed_out":
      return data["limit"]?.string.flatMap { StepTimeout(rawValue: $0) }.map {
        .stepTimedOut(
          step: step, attempt: attempt, $0, isRepeated: data["repeated"]?.bool ?? false,
          usage: data["usage"].map(usage))
      }
    case "step.suspended": return asks(data).map { .stepSuspended(step: step, attempt: attempt, asks: $0) }
    case "ask.answered":
      guard let key = data["key"]?.string, let answer = answer(data) else { return nil }
      return .askAnswered(step: step, attempt: attempt, ask: key, answer)
    case "ask.expired":
      return data["key"]?.string.map {
        .askExpired(step: step, attempt: attempt, ask: $0, at: data["at_us"]?.int ?? 0)
      }
    case "step.released": return .stepReleased(step: step, attempt: attempt, worker: data["worker"]?.string ?? "")
    case "delay.elapsed": return .delayElapsed(step: step, attempt: attempt)
    case "child.started": return .childStarted(step: step, attempt: attempt, run: data["run_id"]?.string ?? "")
    case "approval.requested":
      return payload(data["subject"]).map { .approvalRequested(step: step, attempt: attempt, subject: $0) }
    case "approval.decided":
      guard let output = payload(data["output"]), let isApproved = data["approved"]?.bool else { return nil }
      return .approvalDecided(
        step: step, attempt: attempt,
        ApprovalDecision(
          isApproved: isApproved, by: data["by"]?.string ?? "", comment: data["comment"]?.string ?? "",
          output: output, facts: facts(data)))
    case "step.fanned_out": return .stepFannedOut(step: step, count: Int(data["count"]?.int ?? 0))
    case "step.completed": return .stepCompleted(step: step, output: payload(data["output"]))
    case "step.degraded": return .stepDegraded(step: step, fallback: Int(data["fallback"]?.int ?? 0))
    case "step.exhausted": return .stepExhausted(step: step)
    case "step.skipped": return .stepSkipped(step: step)
    default: return nil
    }
  }

  private static func decodeOfRun(_ type: String, _ data: JSONView) -> RunEvent? {
    let who = data["by"]?.string ?? ""
    switch type {
    case "run.created":
      guard let workflow = data["workflow"]?.string, let version = data["version"]?.int,
        let input = payload(data["input"])
      else { return nil }
      return .runCreated(
        workflow: workflow, version: Int(version), input: input,
        seed: data["seed"]?.string.flatMap { UInt64($0) } ?? 0, facts: facts(data))
    case "signal.received":
      guard let name = data["name"]?.string, let id = data["id"]?.string, let payload = payload(data["payload"]) else {
        return nil
      }
      return .signalReceived(name: name, id: id, payload: payload, by: who, facts: facts(data))
    case "run.paused": return .runPaused(by: who)
    case "run.resumed": return .runResumed(by: who)
    case "run.cancel_requested":
      return .cancelRequested(
        by: who, reason: data["reason"]?.string ?? "", undoes: data["undoes"]?.bool ?? false)
    case "run.expired": return .runExpired(undoes: data["undoes"]?.bool ?? false)
    case "run.forked":
      let changes = (data["changes"]?.elements).map { elements in
        elements.map { view in
          StepChange(
            step: view["step"]?.string ?? "", agent: view["agent"]?.string, model: view["model"]?.string,
            input: view["input"].map { String(decoding: $0.rawBytes, as: UTF8.self) },
            failure: view["failure"].map(failure))
        }
      }
      return .runForked(
        from: data["from_run"]?.string ?? "", at: Int(data["at_seq"]?.int ?? 0), by: who, changes: changes ?? [])
    case "run.compensating": return .compensationStarted(step: data["failed_step"]?.string ?? "", failure(data))
    case "run.succeeded": return .runSucceeded(output: payload(data["output"]))
    case "run.failed": return .runFailed(step: data["failed_step"]?.string, failure(data))
    case "run.cancelled": return .runCancelled
    default: return nil
    }
  }

  static func payload(_ view: JSONView?) -> PayloadRef? {
    guard let view, let sha256 = view["sha256"]?.string, let bytes = view["bytes"]?.int else { return nil }
    return PayloadRef(sha256: sha256, bytes: Int(bytes))
  }

  private static func facts(_ view: JSONView) -> [Fact] {
    guard let facts = view["facts"] else { return [] }
    return facts.members.map { Fact($0.key.string ?? "", FactValue(written: $0.value)) }
  }

  private static func failure(_ view: JSONView) -> Failure {
    Failure(
      code: view["code"]?.string ?? "unknown", message: view["message"]?.string ?? "",
      isRetryable: view["retryable"]?.bool ?? false,
      next: view["next"]?.string.flatMap { NextAttempt(rawValue: $0) })
  }

  private static func usage(_ view: JSONView) -> Usage {
    Usage(
      inputTokens: view["input_tokens"]?.int ?? 0, outputTokens: view["output_tokens"]?.int ?? 0,
      costMicroUSD: view["cost_microusd"]?.int ?? 0, unpricedCalls: view["unpriced_calls"]?.int ?? 0,
      modelCalls: view["model_calls"]?.int ?? 0)
  }

  private static func call(_ type: String, _ view: JSONView) -> CallRecord? {
    guard let kind = CallRecord.Kind(eventType: type), let result = payload(view["result"]),
      let index = view["index"]?.int, let name = view["name"]?.string,
      let request = view["request_sha256"]?.string
    else { return nil }
    return CallRecord(
      kind: kind, index: Int(index), name: name, requestSHA256: request,
      result: result,
      usage: usage(view),
      durationMilliseconds: view["duration_ms"]?.int ?? 0)
  }
}
