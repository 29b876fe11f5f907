internal import Contracts
internal import Decider
internal import History
internal import Postgres
internal import Primitives

/// Transitions of several runs, as one statement writes them.
struct TransitionRows: Sendable {
  /// The row of a run. A class: each column takes one member, and must not copy the others.
  final class RunRow: Sendable {
    let transition: Transition
    let outcome: StoredOutcome

    init(_ transition: Transition) {
      self.transition = transition
      outcome = StoredOutcome(transition.events)
    }
  }

  /// The proof that a worker still has its lease.
  struct ProofRow: Sendable {
    let run: UUID
    let proof: Transition.LeaseProof
  }

  struct PayloadRow: Sendable {
    let run: UUID
    let tenant: UUID
    let payload: Payload
  }

  /// A step that leaves the queue although no worker took it.
  struct UnqueuedRow: Sendable {
    let run: UUID
    let step: UUID
  }

  /// An attempt whose sub-run must not begin any more.
  struct UnbegunRow: Sendable {
    let run: UUID
    let attempt: Effects.Orphan
  }

  /// An approval or an answer that is asked for.
  struct RequestRow: Sendable {
    let run: UUID
    let id: UUID
    let step: String
    let attempt: Int32
    let subject: [UInt8]
    /// Milliseconds until it expires.
    let close: Int64?
    /// What the step asks; `nil` is the approval of a step.
    var ask: Ask?
  }

  /// An approval or a question that is decided.
  struct DecisionRow: Sendable {
    let run: UUID
    let id: UUID
    let status: String
    let decidedBy: String?
    let comment: String?
    var answer: [UInt8]?
  }

  private(set) var runs: [RunRow] = []
  private(set) var proofs: [ProofRow] = []
  private(set) var queue = QueueRows()
  private(set) var payloads: [PayloadRow] = []
  private(set) var finishedTimers: [Int64] = []
  private(set) var unqueued: [UnqueuedRow] = []
  private(set) var unbegun: [UnbegunRow] = []
  private(set) var requests: [RequestRow] = []
  private(set) var decisions: [DecisionRow] = []
  /// Whether the small form of the statement is enough.
  private(set) var isPlain = true

  init(_ transitions: [Transition], replica: Int32) {
    for transition in transitions { append(transition, replica) }
  }

  private mutating func append(_ transition: Transition, _ replica: Int32) {
    let run = transition.run.uuid
    let tenant = transition.tenant.uuid
    runs.append(RunRow(transition))
    for proof in transition.proofs { proofs.append(ProofRow(run: run, proof: proof)) }
    queue.append(transition, replica: replica)
    if !transition.events.isEmpty {
      queue.append(transition.run, transition.version, EventCodec.encode(transition.events))
    }
    for payload in transition.payloads { payloads.append(PayloadRow(run: run, tenant: tenant, payload: payload)) }
    if transition.isPlain { return }
    isPlain = false
    finishedTimers += transition.finishedTimers
    for step in transition.unqueued { unqueued.append(UnqueuedRow(run: run, step: step.uuid)) }
    unbegun += transition.unbegun.map { UnbegunRow(run: run, attempt: $0) }
    for event in transition.events { append(event, transition) }
  }

  private mutating func append(_ event: RunEvent, _ transition: Transition) {
    switch event {
    case .approvalRequested(let key, let number, let payload):
      requests.append(
        RequestRow(
          run: transition.run.uuid, id: StepID.of(transition.run, step: key).uuid, step: key,
          attempt: Int32(clamping: number), subject: Hex.decode(payload.sha256) ?? [],
          close: transition.approvalLimits[key] ?? nil))
    case .approvalDecided(let key, _, let decision):
      decide(transition.run, key, decision.isApproved ? "approved" : "rejected", decision.by, decision.comment)
    case .stepTimedOut(let key, _, .startToClose, _, _): decide(transition.run, key, "expired", nil, nil)
    case .stepSuspended(let key, let number, let asks):
      for ask in asks {
        requests.append(
          RequestRow(
            run: transition.run.uuid, id: StepID.of(transition.run, step: key, attempt: number, ask: ask.key).uuid,
            step: key, attempt: Int32(clamping: number), subject: Hex.decode(ask.subject.sha256) ?? [],
            close: ask.expiresMilliseconds, ask: ask))
      }
    case .askAnswered(let key, let number, let ask, let answer):
      decisions.append(
        DecisionRow(
          run: transition.run.uuid, id: StepID.of(transition.run, step: key, attempt: number, ask: ask).uuid,
          status: answer.outcome.rawValue, decidedBy: answer.by, comment: answer.comment,
          answer: Hex.decode(answer.answer.sha256)))
    case .askExpired(let key, let number, let ask, _):
      decisions.append(
        DecisionRow(
          run: transition.run.uuid, id: StepID.of(transition.run, step: key, attempt: number, ask: ask).uuid,
          status: "expired", decidedBy: nil, comment: nil))
    default: break
    }
  }

  private mutating func decide(_ run: RunID, _ key: String, _ status: String, _ by: String?, _ comment: String?) {
    decisions.append(
      DecisionRow(
        run: run.uuid, id: StepID.of(run, step: key).uuid, status: status, decidedBy: by, comment: comment))
  }

  // MARK: Parameters

  static func runs(_ parameter: StatementBuilder<TransitionRows>) -> StatementRows<TransitionRows, RunRow> {
    let runs = parameter.rows("i") { $0.runs }
    runs("run_id", .uuid) { $0.transition.run.uuid }
    runs("expected", .int4) { Int32(clamping: $0.transition.expectedVersion) }
    runs("version", .int4) { Int32(clamping: $0.transition.version) }
    runs("status", .text) { $0.transition.status.rawValue }
    runs("output", .bytea) { $0.outcome.output }
    runs("failure", .jsonb) { $0.outcome.failure }
    runs("input_tokens", .int8) { $0.transition.usage.inputTokens }
    runs("output_tokens", .int8) { $0.transition.usage.outputTokens }
    runs("cost", .int8) { $0.transition.usage.costMicroUSD }
    runs("unpriced", .int8) { $0.transition.usage.unpricedCalls }
    runs("calls", .int8) { $0.transition.usage.modelCalls }
    return runs
  }

  static func proofs(
    _ parameter: StatementBuilder<TransitionRows>
  ) -> (rows: StatementRows<TransitionRows, ProofRow>, steps: String) {
    let proofs = parameter.rows("p") { $0.proofs }
    proofs("run_id", .uuid) { $0.run }
    let steps = proofs("step_id", .uuid) { $0.proof.step.uuid }
    proofs("token", .uuid) { $0.proof.token }
    proofs("released", .bool) { $0.proof.isReleased }
    proofs("extension_ms", .int8) { $0.proof.extensionMilliseconds }
    proofs("lost", .bool) { $0.proof.isLost }
    return (proofs, steps)
  }

  static func payloads(_ parameter: StatementBuilder<TransitionRows>) -> StatementRows<TransitionRows, PayloadRow> {
    let payloads = parameter.rows("y") { $0.payloads }
    payloads("run_id", .uuid) { $0.run }
    payloads("tenant_id", .uuid) { $0.tenant }
    payloads("sha256", .bytea) { $0.payload.sha256 }
    payloads("body", .bytea) { $0.payload.body }
    return payloads
  }

  static func unqueued(_ parameter: StatementBuilder<TransitionRows>) -> StatementRows<TransitionRows, UnqueuedRow> {
    let unqueued = parameter.rows("u") { $0.unqueued }
    unqueued("run_id", .uuid) { $0.run }
    unqueued("step_id", .uuid) { $0.step }
    return unqueued
  }

  static func unbegun(_ parameter: StatementBuilder<TransitionRows>) -> StatementRows<TransitionRows, UnbegunRow> {
    let unbegun = parameter.rows("w") { $0.unbegun }
    unbegun("run_id", .uuid) { $0.run }
    unbegun("step", .text) { $0.attempt.step }
    unbegun("attempt", .int4) { Int32(clamping: $0.attempt.attempt) }
    return unbegun
  }

  static func requests(_ parameter: StatementBuilder<TransitionRows>) -> StatementRows<TransitionRows, RequestRow> {
    let requests = parameter.rows("a") { $0.requests }
    requests("run_id", .uuid) { $0.run }
    requests("step_id", .uuid) { $0.id }
    requests("step", .text) { $0.step }
    requests("attempt", .int4) { $0.attempt }
    requests("subject", .bytea) { $0.subject }
    requests("close_ms", .int8) { $0.close }
    requests("kind", .text) { $0.ask.map { ApprovalKind($0.kind).rawValue } ?? ApprovalKind.step.rawValue }
    requests("is_question", .bool) { $0.ask?.kind == .question }
    requests("ask", .text) { $0.ask?.key }
    requests("tool", .text) { $0.ask?.tool }
    requests("asking_step", .uuid) { $0.ask == nil ? nil : StepID.of(RunID($0.run), step: $0.step).uuid }
    return requests
  }

  static func decisions(
    _ parameter: StatementBuilder<TransitionRows>
  ) -> (rows: StatementRows<TransitionRows, DecisionRow>, ids: String) {
    let decisions = parameter.rows("v") { $0.decisions }
    decisions("run_id", .uuid) { $0.run }
    let ids = decisions("step_id", .uuid) { $0.id }
    decisions("status", .text) { $0.status }
    decisions("decided_by", .text) { $0.decidedBy }
    decisions("comment", .text) { $0.comment }
    decisions("answer", .bytea) { $0.answer }
    return (decisions, ids)
  }
}
