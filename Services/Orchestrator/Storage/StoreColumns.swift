internal import Contracts
internal import Decider
internal import History
internal import Postgres
internal import Primitives

/// Column-wise gathering of rows for `unnest`: one array parameter per column, whatever the number of rows.
struct EventColumns {
  private var run: [UUID] = []
  private var sequence: [Int32] = []
  private var body: [[UInt8]] = []

  /// Adds events that bring the run to `sequenceAfter`.
  mutating func append(_ id: RunID, after sequenceAfter: Int, _ events: [RunEvent]) {
    guard !events.isEmpty else { return }
    run.append(id.uuid)
    sequence.append(Int32(clamping: sequenceAfter))
    body.append(EventCodec.encode(events))
  }

  var parameters: [any PostgresEncodable] { [run, sequence, body] }

  static let count = 3
}

/// Steps for the queue.
struct WorkColumns {
  private var stepID: [UUID] = []
  private var run: [UUID] = []
  private var tenant: [UUID] = []
  private var step: [String] = []
  private var attempt: [Int32] = []
  private var version: [Int32] = []
  private var jobType: [String] = []
  private var lane: [String] = []
  private var priority: [Int32] = []
  private var delay: [Int64] = []
  private var start: [Int64?] = []
  private var heartbeat: [Int64?] = []
  private var close: [Int64?] = []
  private var input: [[UInt8]?] = []
  private var home: [Int32] = []
  /// Whether some step has to wait before it is queued.
  private(set) var hasDelays = false

  mutating func append(_ work: [QueuedStep], of id: RunID, _ owner: TenantID, home replica: Int32) {
    for entry in work {
      stepID.append(StepID.of(id, step: entry.key).uuid)
      run.append(id.uuid)
      tenant.append(owner.uuid)
      step.append(entry.key)
      attempt.append(Int32(clamping: entry.attempt))
      version.append(Int32(clamping: entry.version))
      jobType.append(entry.jobType)
      lane.append(entry.lane)
      priority.append(Int32(clamping: entry.priority))
      delay.append(entry.delayMilliseconds)
      start.append(entry.timeouts.scheduleToStart)
      heartbeat.append(entry.timeouts.heartbeat)
      close.append(entry.timeouts.startToClose)
      input.append(entry.inputSHA256)
      home.append(replica)
      if entry.delayMilliseconds > 0 { hasDelays = true }
    }
  }

  var parameters: [any PostgresEncodable] {
    [
      stepID, run, tenant, step, attempt, version, jobType, lane, priority, delay, start, heartbeat, close, input, home,
    ]
  }

  static let count = 15
}

/// Steps that go to workers directly.
struct DispatchedColumns {
  private var stepID: [UUID] = []
  private var run: [UUID] = []
  private var tenant: [UUID] = []
  private var step: [String] = []
  private var attempt: [Int32] = []
  private var token: [UUID] = []
  private var worker: [String] = []
  private var life: [Int64] = []
  private var lane: [String] = []
  private var heartbeat: [Int64?] = []
  private var close: [Int64?] = []
  private var input: [[UInt8]?] = []

  mutating func append(_ steps: [DispatchedStep], of id: RunID, _ owner: TenantID) {
    for handed in steps {
      stepID.append(handed.id.uuid)
      run.append(id.uuid)
      tenant.append(owner.uuid)
      step.append(handed.step.key)
      attempt.append(Int32(clamping: handed.step.attempt))
      token.append(handed.token)
      worker.append(handed.worker)
      life.append(handed.milliseconds)
      lane.append(handed.step.lane)
      heartbeat.append(handed.step.timeouts.heartbeat)
      close.append(handed.step.timeouts.startToClose)
      input.append(handed.step.inputSHA256)
    }
  }

  var parameters: [any PostgresEncodable] {
    [stepID, run, tenant, step, attempt, token, worker, life, lane, heartbeat, close, input]
  }

  static let count = 12
}

/// Timers.
struct TimerColumns {
  private var tenant: [UUID] = []
  private var run: [UUID] = []
  private var forRun: [UUID] = []
  private var kind: [String] = []
  private var step: [String?] = []
  private var attempt: [Int32?] = []
  private var other: [UUID?] = []
  private var delay: [Int64] = []
  private(set) var isEmpty = true

  /// Adds timers that are set when the fence of `id` holds.
  mutating func append(_ timers: [NewTimer], of id: RunID, _ owner: TenantID) {
    for timer in timers {
      isEmpty = false
      tenant.append(owner.uuid)
      run.append(id.uuid)
      forRun.append((timer.run ?? id).uuid)
      kind.append(timer.kind.rawValue)
      step.append(timer.step)
      attempt.append(timer.attempt.map { Int32(clamping: $0) })
      other.append(timer.other?.uuid)
      delay.append(timer.delayMilliseconds)
    }
  }

  var parameters: [any PostgresEncodable] { [tenant, run, forRun, kind, step, attempt, other, delay] }

  static let count = 8
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

/// The run rows of transitions.
struct RunColumns {
  private var run: [UUID] = []
  private var expected: [Int32] = []
  private var version: [Int32] = []
  private var status: [String] = []
  private var paused: [Bool] = []
  private var cleared: [Int32] = []
  private var clearing: [Int32] = []
  private var output: [[UInt8]?] = []
  private var failure: [PostgresJSON?] = []
  private var inputTokens: [Int64] = []
  private var outputTokens: [Int64] = []
  private var cost: [Int64] = []
  private var unpriced: [Int64] = []
  private var calls: [Int64] = []

  init(_ transitions: [Transition]) {
    for transition in transitions { append(transition) }
  }

  private mutating func append(_ transition: Transition) {
    run.append(transition.run.uuid)
    expected.append(Int32(clamping: transition.expectedVersion))
    version.append(Int32(clamping: transition.version))
    status.append(transition.status.rawValue)
    paused.append(transition.isPaused)
    cleared.append(Int32(clamping: transition.clearedAt))
    clearing.append(Int32(clamping: transition.clearing.rawValue))
    let end = RunEnd(transition.events)
    output.append(end.output)
    failure.append(end.failure)
    inputTokens.append(transition.usage.inputTokens)
    outputTokens.append(transition.usage.outputTokens)
    cost.append(transition.usage.costMicroUSD)
    unpriced.append(transition.usage.unpricedCalls)
    calls.append(transition.usage.modelCalls)
  }

  var parameters: [any PostgresEncodable] {
    [
      run, expected, version, status, paused, cleared, clearing, output, failure, inputTokens, outputTokens, cost,
      unpriced, calls,
    ]
  }
}

/// How a run ends by some events, as it is stored.
struct RunEnd {
  private(set) var output: [UInt8]?
  private(set) var failure: PostgresJSON?

  init(_ events: [RunEvent]) {
    for event in events {
      if case .runSucceeded(let payload?) = event { output = Hex.decode(payload.sha256) }
      if case .runFailed(let key, let reason) = event {
        failure = PostgresJSON(EventCodec.encode(.stepFailed(step: key ?? "", attempt: 0, reason)))
      }
    }
  }
}

/// The proofs of the workers whose words led to transitions.
struct ProofColumns {
  private var run: [UUID] = []
  private var step: [UUID] = []
  private var token: [UUID] = []
  private var released: [Bool] = []
  private var extensionMilliseconds: [Int64] = []
  private var lost: [Bool] = []

  init(_ transitions: [Transition]) {
    for transition in transitions {
      for proof in transition.proofs {
        run.append(transition.run.uuid)
        step.append(proof.step.uuid)
        token.append(proof.token)
        released.append(proof.isReleased)
        extensionMilliseconds.append(proof.extensionMilliseconds)
        lost.append(proof.isLost)
      }
    }
  }

  var parameters: [any PostgresEncodable] { [run, step, token, released, extensionMilliseconds, lost] }
}
