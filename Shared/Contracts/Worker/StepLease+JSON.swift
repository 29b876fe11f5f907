public import JSON
internal import Primitives

extension StepLease {
  /// Reads a lease; `nil` when a member is missing that no worker can do without. What it does not know is left out.
  public init?(_ view: JSONView) {
    guard let step = view["step_id"]?.string.flatMap({ StepID($0) }),
      let run = view["run_id"]?.string.flatMap({ RunID($0) }),
      let task = view["task_id"]?.string.flatMap({ TaskID($0) }),
      let tenant = view["tenant_id"]?.string.flatMap({ TenantID($0) }),
      let attempt = view["attempt"]?.int, (1...WorkerLimits.attemptMax).contains(attempt),
      let token = view["token"]?.string.flatMap({ UUID($0) }), let lease = view["lease_ms"]?.int,
      let deadline = view["deadline"]?.string.flatMap({ Timestamp(rfc3339: $0) }),
      let assertion = view["assertion"]?.string, let input = view["input"]
    else { return nil }
    let limits = WorkerLimits.leaseMilliseconds
    self.init(
      step: step, run: run, task: task, tenant: tenant, key: view["step"]?.string ?? "", attempt: Int(attempt),
      token: token, leaseMilliseconds: max(limits.lowerBound, min(lease, limits.upperBound)), deadline: deadline,
      assertion: assertion, input: Array(input.rawBytes))
    principal = view["principal"]?.string
    agent = view["agent"]?.string
    project = view["project"]?.string
    model = view["model"]?.string
    traceparent = view["traceparent"]?.string
    previousFailure = view["previous_failure"].flatMap { PreviousFailure($0) }
    jobType = view["job_type"]?.string
    for element in view["answers"].map({ Array($0.elements) }) ?? [] {
      // A question without its answer would be asked again.
      guard let answer = StepAnswer(element) else { return nil }
      answers.append(answer)
    }
    guard let recorded = view["journal"] else { return }
    for element in recorded.elements {
      // An attempt without one of its calls would pay it again.
      guard let entry = JournalEntry(element) else { return nil }
      journal.append(entry)
    }
  }

  /// Writes the lease.
  public func write(to writer: inout JSONWriter) {
    writer.beginObject()
    writer.member("step_id", id: step)
    writer.member("run_id", id: run)
    writer.member("task_id", id: task)
    writer.member("tenant_id", id: tenant)
    writer.member("step", key)
    writer.member("attempt", Int64(attempt))
    writer.member("token", token.description)
    writer.member("lease_ms", leaseMilliseconds)
    writer.member("deadline", deadline.description)
    writer.member("assertion", assertion)
    writer.member("principal", ifPresent: principal)
    writer.member("agent", ifPresent: agent)
    writer.member("project", ifPresent: project)
    writer.member("model", ifPresent: model)
    writer.member("traceparent", ifPresent: traceparent)
    writer.member("job_type", ifPresent: jobType)
    writer.key("input")
    writer.raw(input)
    writer.key("journal")
    writer.beginArray()
    for entry in journal { entry.write(to: &writer) }
    writer.endArray()
    if !answers.isEmpty { writer.objects("answers", answers) { $0.writeMembers(to: &$1) } }
    if let previousFailure {
      writer.key("previous_failure")
      previousFailure.write(to: &writer)
    }
    writer.endObject()
  }
}
