internal import JSON
internal import Telemetry

/// A step that this worker holds.
struct LeasedStep: Sendable {
  /// A call that an earlier attempt has made and recorded.
  struct RecordedCall: Sendable {
    let isModel: Bool
    let requestSHA256: String
    let result: [UInt8]
  }

  let id: String
  let run: String
  let tenant: String
  /// Whom the use of models is put down to, beside the run.
  let project: String?
  let agent: String?
  /// Who has submitted the task: what its models use is put down to them.
  let principal: String?
  let key: String
  let attempt: Int64
  let token: String
  let leaseMilliseconds: Int64
  let input: AgentInput
  let journal: [RecordedCall]
  /// The trace that the work goes on.
  let trace: TraceContext?

  /// Reads one lease of the orchestrator's answer; `nil` when a member is missing.
  init?(_ view: JSONView) {
    guard let id = view["step_id"]?.string, let run = view["run_id"]?.string, let tenant = view["tenant_id"]?.string,
      let key = view["step"]?.string, let attempt = view["attempt"]?.int, let token = view["token"]?.string,
      let lease = view["lease_ms"]?.int,
      let input = view["input"].map({ AgentInput($0, model: view["model"]?.string) }),
      let journal = view["journal"]
    else { return nil }
    self.id = id
    self.run = run
    self.tenant = tenant
    project = view["project"]?.string
    agent = view["agent"]?.string
    principal = view["principal"]?.string
    self.key = key
    self.attempt = attempt
    self.token = token
    leaseMilliseconds = lease
    trace = view["traceparent"]?.string.flatMap { TraceContext(traceparent: $0) }
    self.input = input
    self.journal = journal.elements.compactMap { entry in
      guard let call = entry["call"], let digest = call["request_sha256"]?.string, let result = entry["result"] else {
        return nil
      }
      return RecordedCall(
        isModel: entry["kind"]?.string == "model", requestSHA256: digest, result: Array(result.rawBytes))
    }
  }
}

/// What a step asks of an agent.
struct AgentInput: Sendable {
  let prompt: String
  let system: String?
  let model: String
  let outputTokensMax: Int64?

  /// Reads an input. A document without a prompt is the prompt itself; `context` is what earlier steps have found.
  init(_ view: JSONView, model: String?) {
    var prompt = view["prompt"]?.string ?? view.string ?? String(decoding: view.rawBytes, as: UTF8.self)
    if view["prompt"] != nil, let context = view["context"], !context.isNull {
      prompt += "\n\nContext:\n" + (context.string ?? String(decoding: context.rawBytes, as: UTF8.self))
    }
    self.prompt = prompt
    system = view["system"]?.string
    self.model = model ?? view["model"]?.string ?? "default"
    outputTokensMax = view["max_output_tokens"]?.int
  }
}
