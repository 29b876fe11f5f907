internal import Contracts
internal import Decider
internal import JSON
internal import Postgres
internal import Primitives

/// New runs with what is said of their tasks.
struct SubmissionColumns {
  private var run: [UUID] = []
  private var tenant: [UUID] = []
  private var task: [UUID] = []
  private var project: [UUID?] = []
  private var priority: [Int32] = []
  private var workflow: [String] = []
  private var workflowVersion: [Int32] = []
  private var version: [Int32] = []
  private var inputSHA256: [[UInt8]] = []
  private var input: [[UInt8]?] = []
  private var traceparent: [String?] = []
  private var parentRun: [UUID?] = []
  private var parentStep: [String?] = []
  private var parentAttempt: [Int32?] = []
  private var depth: [Int32] = []
  private var forkedFrom: [UUID?] = []
  private var isTask: [Bool] = []
  private var title: [String?] = []
  private var description: [String] = []
  private var labels: [PostgresJSON] = []
  private var assignee: [String?] = []
  private var dueAt: [Timestamp?] = []
  private var createdBy: [String] = []
  private var usage: [Usage] = []
  private var status: [String] = []
  private var output: [[UInt8]?] = []
  private var failure: [PostgresJSON?] = []

  init(_ submissions: [Submission]) {
    for submission in submissions { append(submission) }
  }

  private mutating func append(_ submission: Submission) {
    let facts = submission.facts
    run.append(submission.run.uuid)
    tenant.append(facts.tenant.uuid)
    task.append(facts.task.uuid)
    project.append(facts.project?.uuid)
    priority.append(Int32(clamping: facts.priority))
    workflow.append(submission.state.workflow.name)
    workflowVersion.append(Int32(clamping: submission.state.workflow.version))
    version.append(Int32(clamping: submission.state.sequence))
    inputSHA256.append(submission.input.sha256)
    input.append(submission.input.body)
    traceparent.append(facts.traceparent)
    parentRun.append(facts.parent?.run.uuid)
    parentStep.append(facts.parent?.step)
    parentAttempt.append(facts.parent.map { Int32(clamping: $0.attempt) })
    depth.append(Int32(clamping: facts.depth))
    forkedFrom.append(submission.forkedFrom?.uuid)
    isTask.append(submission.task != nil)
    title.append(submission.task?.title)
    description.append(submission.task?.description ?? "")
    var writer = JSONWriter()
    writer.beginArray()
    for label in submission.task?.labels ?? [] { writer.string(label) }
    writer.endArray()
    labels.append(PostgresJSON(writer.bytes))
    assignee.append(submission.task?.assignee)
    dueAt.append(submission.task?.dueAt)
    createdBy.append(submission.principal)
    usage.append(submission.state.usage)
    status.append(submission.state.status.rawValue)
    let end = RunEnd(submission.events)
    output.append(end.output)
    failure.append(end.failure)
  }

  var parameters: [any PostgresEncodable] {
    let first: [any PostgresEncodable] = [
      run, tenant, task, project, priority, workflow, workflowVersion, version, inputSHA256, input, traceparent,
      parentRun, parentStep, parentAttempt, depth, forkedFrom, isTask, title, description, labels, assignee, dueAt,
      createdBy,
    ]
    let usages: [any PostgresEncodable] = [
      usage.map(\.inputTokens), usage.map(\.outputTokens), usage.map(\.costMicroUSD), usage.map(\.unpricedCalls),
      usage.map(\.modelCalls), status, output, failure,
    ]
    return first + usages
  }
}

/// Approvals that transitions ask for and that they answer.
struct ApprovalColumns {
  private var run: [UUID] = []
  private var stepID: [UUID] = []
  private var step: [String] = []
  private var attempt: [Int32] = []
  private var subject: [[UInt8]] = []
  private var close: [Int64?] = []
  private var answeredRun: [UUID] = []
  private var answered: [UUID] = []
  private var status: [String] = []
  private var decidedBy: [String?] = []
  private var comment: [String?] = []

  init(_ transitions: [Transition]) {
    for transition in transitions {
      for event in transition.events { append(event, transition) }
    }
  }

  private mutating func append(_ event: RunEvent, _ transition: Transition) {
    switch event {
    case .approvalRequested(let key, let number, let payload):
      run.append(transition.run.uuid)
      stepID.append(StepID.of(transition.run, step: key).uuid)
      step.append(key)
      attempt.append(Int32(clamping: number))
      subject.append(Hex.decode(payload.sha256) ?? [])
      close.append(transition.approvalLimits[key] ?? nil)
    case .approvalDecided(let key, _, let decision):
      answer(transition.run, key, decision.isApproved ? "approved" : "rejected", decision.by, decision.comment)
    case .stepTimedOut(let key, _, .startToClose, _, _): answer(transition.run, key, "expired", nil, nil)
    default: break
    }
  }

  private mutating func answer(_ id: RunID, _ key: String, _ result: String, _ who: String?, _ why: String?) {
    answeredRun.append(id.uuid)
    answered.append(StepID.of(id, step: key).uuid)
    status.append(result)
    decidedBy.append(who)
    comment.append(why)
  }

  var parameters: [any PostgresEncodable] {
    [run, stepID, step, attempt, subject, close, answeredRun, answered, status, decidedBy, comment]
  }
}
