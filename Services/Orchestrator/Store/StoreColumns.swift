internal import Contracts
internal import Decider
internal import Postgres
internal import Primitives

/// Column-wise gathering of rows for `unnest`: one array parameter per column, whatever the number of rows.
struct EventColumns {
  private var run: [UUID] = []
  private var sequence: [Int32] = []
  private var type: [String] = []
  private var step: [String?] = []
  private var data: [PostgresJSON] = []

  /// Adds events that bring the run to `sequenceAfter`.
  mutating func append(_ id: RunID, after sequenceAfter: Int, _ events: [RunEvent]) {
    for (offset, event) in events.enumerated() {
      run.append(id.uuid)
      sequence.append(Int32(sequenceAfter - events.count + 1 + offset))
      type.append(event.type)
      step.append(event.step)
      data.append(PostgresJSON(EventCodec.encode(event)))
    }
  }

  var parameters: [any PostgresEncodable] { [run, sequence, type, step, data] }
}

/// Ready steps.
struct ReadyColumns {
  private var stepID: [UUID] = []
  private var run: [UUID] = []
  private var tenant: [UUID] = []
  private var step: [String] = []
  private var attempt: [Int32] = []
  private var jobType: [String] = []
  private var delay: [Int64] = []

  /// Adds the steps that `events` make ready.
  mutating func append(_ owner: TenantID, _ id: RunID, _ events: [RunEvent], _ workflow: Workflow) {
    for case .stepReady(let key, let number, let milliseconds) in events {
      stepID.append(StepID.of(id, step: key).uuid)
      run.append(id.uuid)
      tenant.append(owner.uuid)
      step.append(key)
      attempt.append(Int32(number))
      jobType.append(workflow.step(key)?.jobType ?? "agent")
      delay.append(milliseconds)
    }
  }

  var parameters: [any PostgresEncodable] { [stepID, run, tenant, step, attempt, jobType, delay] }
}

/// Payloads of runs.
struct PayloadColumns {
  private var run: [UUID] = []
  private var tenant: [UUID] = []
  private var sha256: [[UInt8]] = []
  private var body: [[UInt8]] = []

  /// Adds payloads that are stored when the run's fence holds.
  mutating func append(_ id: RunID, _ owner: TenantID, _ payloads: [Payload]) {
    for payload in payloads {
      run.append(id.uuid)
      tenant.append(owner.uuid)
      sha256.append(payload.sha256)
      body.append(payload.body)
    }
  }

  var parameters: [any PostgresEncodable] { [run, tenant, sha256, body] }
}

/// The run rows of transitions, with their lease proofs.
struct RunColumns {
  private var run: [UUID] = []
  private var expected: [Int32] = []
  private var version: [Int32] = []
  private var status: [String] = []
  private var output: [[UInt8]?] = []
  private var failure: [PostgresJSON?] = []
  private var inputTokens: [Int64] = []
  private var outputTokens: [Int64] = []
  private var cost: [Int64] = []
  private var unpriced: [Int64] = []
  private var calls: [Int64] = []
  private var step: [UUID?] = []
  private var token: [UUID?] = []
  private var released: [Bool] = []
  private var extensionMilliseconds: [Int64] = []
  private var lost: [Bool] = []

  init(_ transitions: [Transition]) {
    for transition in transitions { append(transition) }
  }

  private mutating func append(_ transition: Transition) {
    run.append(transition.run.uuid)
    expected.append(Int32(transition.expectedVersion))
    version.append(Int32(transition.after.sequence))
    status.append(transition.after.status.rawValue)
    var result: [UInt8]?
    var reason: PostgresJSON?
    for event in transition.events {
      if case .runSucceeded(let payload) = event { result = Hex.decode(payload.sha256) }
      if case .runFailed(let key, let failure) = event {
        reason = PostgresJSON(EventCodec.encode(.stepFailed(step: key, attempt: 0, failure)))
      }
    }
    output.append(result)
    failure.append(reason)
    let usage = transition.after.usage
    inputTokens.append(usage.inputTokens)
    outputTokens.append(usage.outputTokens)
    cost.append(usage.costMicroUSD)
    unpriced.append(usage.unpricedCalls)
    calls.append(usage.modelCalls)
    step.append(transition.lease?.step.uuid)
    token.append(transition.lease?.token)
    released.append(transition.lease?.isReleased ?? false)
    extensionMilliseconds.append(transition.lease?.extensionMilliseconds ?? 0)
    lost.append(transition.lease?.isLost ?? false)
  }

  var parameters: [any PostgresEncodable] {
    [
      run, expected, version, status, output, failure, inputTokens, outputTokens, cost, unpriced, calls, step, token,
      released, extensionMilliseconds, lost,
    ]
  }
}
