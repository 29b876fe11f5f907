internal import Contracts
internal import Decider
internal import JSON
internal import Primitives
internal import RunEngine
internal import RunStorage
internal import SystemSources
internal import Telemetry

/// A leased step with all that its worker needs.
struct PreparedLease: Sendable {
  let step: LeasedStep
  let input: [UInt8]
  var journal: RunStore.Journal = []
  /// What people have answered so far.
  var answers: [StepAnswer] = []
  /// What the attempt before failed with, unless it was lost. With `continues`, the journal holds its calls and the
  /// worker answers the failure behind them.
  var failure: Failure?
  /// The trace that the worker goes on.
  let traceparent: String?

  /// The caller that the worker is for the step.
  func caller(submitter: String?) -> Caller {
    Caller(stepOf: step.run, step.step, step.tenant, token: step.token, lane: step.lane, submitter: submitter)
  }

  /// The lease as workers read it.
  func document(submitter: String?, assertion: String) -> StepLease {
    var lease = StepLease(
      step: step.step, run: step.run, task: step.task, tenant: step.tenant, key: step.key, attempt: step.attempt,
      token: step.token, leaseMilliseconds: step.leaseMilliseconds, deadline: step.deadline, assertion: assertion,
      input: input)
    lease.principal = submitter
    lease.agent = step.named("agent:")
    lease.project = step.named("project:")
    lease.model = step.named("model:")
    lease.jobType = step.jobType
    lease.traceparent = traceparent
    lease.journal = journal.compactMap { entry in
      CallRecord.Kind(eventType: entry.event.type).flatMap { CallReport.Kind(rawValue: $0.rawValue) }.map {
        JournalEntry(kind: $0, call: entry.event.data, result: entry.result)
      }
    }
    lease.answers = answers
    lease.previousFailure = failure.map {
      PreviousFailure(
        code: $0.code, message: $0.message,
        continues: $0.next == .continues || ($0.next == .anew && !lease.journal.isEmpty))
    }
    return lease
  }
}

/// Looks up what the workers of leased steps need.
struct LeasePreparer: Sendable {
  /// Inputs and journals that one answer holds before no further step is added; the others wait for the next claim.
  private static let answerBytesMax = WorkerLimits.leasesBytesMax
  /// Largest journal of one step: with its input it fits into an answer that workers read.
  private static let journalBytesMax = WorkerLimits.leasesBytesMax

  let engine: Engine
  let store: RunStore

  private typealias Found = (leased: LeasedStep, step: RunState.Step)

  /// What is being prepared.
  private struct Preparation {
    var prepared: [PreparedLease] = []
    var left: [LeasedStep] = []
    var bytes = 0

    /// Whether something of this size still fits. The first one always does.
    func fits(_ more: Int) -> Bool { bytes == 0 || bytes + more <= LeasePreparer.answerBytesMax }
  }

  /// Renders the inputs of leased steps and looks up what earlier attempts have recorded. A step whose input cannot be
  /// rendered has failed. The second result are steps beyond what one answer may hold in bytes.
  func prepare(_ leased: [LeasedStep]) async throws -> (prepared: [PreparedLease], left: [LeasedStep]) {
    var preparation = Preparation()
    var byRun: [RunID: [LeasedStep]] = [:]
    for step in leased {
      if let input = step.input, step.attempt == 1 {
        preparation.bytes += input.count
        preparation.prepared.append(
          PreparedLease(step: step, input: input, traceparent: dispatched(step, isRepeated: false)))
      } else {
        byRun[step.run, default: []].append(step)
      }
    }
    for (run, steps) in byRun {
      guard preparation.fits(1) else {
        preparation.left += steps
        continue
      }
      try await prepare(run, steps, &preparation)
    }
    return (preparation.prepared, preparation.left)
  }

  private func prepare(_ run: RunID, _ steps: [LeasedStep], _ preparation: inout Preparation) async throws {
    let version = steps.map(\.version).max() ?? 0
    guard let snapshot = try await engine.snapshot(of: run, atLeast: version) else { return }
    var found: [Found] = []
    for leased in steps {
      guard let step = snapshot.state.step(leased.key) else { continue }
      guard step.journalBytes <= LeasePreparer.journalBytesMax else {
        // No answer would ever hold it.
        try await fail(
          leased,
          Failure(
            code: "journal_too_large",
            message:
              "What the step has recorded (\(step.journalBytes) bytes) is more than a worker can be given again.",
            isRetryable: false, next: .anew))
        continue
      }
      guard preparation.fits(step.journalBytes) else {
        preparation.left.append(leased)
        continue
      }
      preparation.bytes += step.journalBytes
      found.append((leased, step))
    }
    let recorded = found.filter { $0.step.recordedCalls > 0 }.map { ($0.step.key, $0.step.journalAfter) }
    let journals = try await store.journals(
      run, snapshot.facts.tenant, after: Dictionary(recorded) { first, _ in first })
    let answers = try await answers(to: found.map(\.step), of: run, snapshot)
    var rest = found[...]
    while !rest.isEmpty, preparation.prepared.isEmpty || preparation.fits(0) {
      let inputs = try await StepInputRenderer(store: store).render(rest.map(\.step), of: run, snapshot)
      guard !inputs.isEmpty else { break }
      for ((leased, step), rendered) in zip(rest, inputs) {
        let input: [UInt8]
        do { input = try rendered.get() } catch {
          try await fail(leased, Failure(code: "input_failed", message: "\(error)", isRetryable: false))
          continue
        }
        preparation.bytes += input.count
        preparation.prepared.append(
          PreparedLease(
            step: leased, input: input, journal: journals[step.key] ?? [], answers: answers[step.key] ?? [],
            failure: snapshot.state.unansweredFailure(of: step),
            traceparent: dispatched(leased, isRepeated: leased.attempt > step.inheritedAttempts + 1)))
      }
      rest = rest.dropFirst(inputs.count)
    }
    preparation.left += rest.map(\.leased)
  }

  /// What people have answered to steps, by their keys.
  private func answers(
    to steps: [RunState.Step], of run: RunID, _ snapshot: RunSnapshot
  ) async throws -> [String: [StepAnswer]] {
    let settled = steps.map { ($0.key, snapshot.state.questions(of: $0).filter { $0.status != .open }) }
    let named = settled.flatMap { $0.1 }.compactMap { question -> PayloadRef? in
      if case .answered(let answer) = question.status { answer.answer } else { nil }
    }
    let bodies = try await store.payloads(snapshot.facts.tenant, named)
    var answers: [String: [StepAnswer]] = [:]
    for (key, questions) in settled {
      for question in questions {
        let body: [UInt8]
        var by: String?
        let at: Int64
        switch question.status {
        case .open: continue
        case .expired(let expiredAt): (body, at) = (StepAnswer.expired, expiredAt)
        case .answered(let answer):
          guard let stored = bodies[answer.answer.sha256] else {
            throw UnreadableHistory(run: run, sequence: snapshot.state.sequence)
          }
          (body, by, at) = (stored, answer.by, answer.at)
        }
        answers[key, default: []].append(
          StepAnswer(
            key: question.ask.key, kind: question.ask.kind, answer: body, subjectSHA256: question.ask.subject.sha256,
            by: by, at: Timestamp(unixMicroseconds: at)))
      }
    }
    return answers
  }

  /// Notes the dispatch in the trace of the run. Returns where the worker goes on with it.
  private func dispatched(_ step: LeasedStep, isRepeated: Bool) -> String? {
    guard let traceparent = step.traceparent else { return nil }
    engine.tracing.dispatched(step, isRepeated: isRepeated, now: WallClock.now())
    return engine.tracing.context(of: step.step, attempt: step.attempt, in: step.run, traceparent)?.traceparent
  }

  private func fail(_ leased: LeasedStep, _ failure: Failure) async throws {
    let proof = Transition.LeaseProof(
      step: leased.step, token: leased.token, isReleased: true, extensionMilliseconds: 0, isLost: false)
    try await engine.apply(
      RunChange(
        run: leased.run, inputs: [.fail(step: leased.key, attempt: leased.attempt, failure)], proof: proof))
  }
}
