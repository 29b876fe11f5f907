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
  let journal: [(event: EventRow, result: [UInt8])]
  /// What the attempt before failed with, unless it was lost. With `continues`, the journal holds its calls and the
  /// worker answers the failure behind them.
  var failure: Failure?
  /// The trace that the worker goes on.
  let traceparent: String?

  /// The caller that the worker is for the step.
  func caller(submitter: String?) -> Caller {
    Caller(
      issuer: .orchestrator, tenant: step.tenant, principal: submitter ?? "unknown", scopes: [.models, .step],
      project: step.named("project:"), agent: step.named("agent:"),
      step: Caller.Step(run: step.run, id: step.step, lease: LeaseBinding(token: step.token)))
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
    lease.traceparent = traceparent
    lease.journal = journal.map { entry in
      JournalEntry(
        kind: entry.event.type == "model.called" ? .model : .tool, call: entry.event.data, result: entry.result)
    }
    lease.previousFailure = failure.map {
      PreviousFailure(code: $0.code, message: $0.message, continues: $0.next == .continues)
    }
    return lease
  }
}

/// Looks up what the workers of leased steps need.
struct LeasePreparer: Sendable {
  /// Inputs and journals that one answer holds before no further step is added; the others wait for the next claim.
  private static let answerBytesMax = 32 << 20

  let engine: Engine
  let store: RunStore

  /// Renders the inputs of leased steps and looks up what earlier attempts have recorded. A step whose input cannot be
  /// rendered has failed. The second result are steps beyond what one answer may hold in bytes.
  func prepare(_ leased: [LeasedStep]) async throws -> (prepared: [PreparedLease], left: [LeasedStep]) {
    var prepared: [PreparedLease] = []
    var left: [LeasedStep] = []
    var bytes = 0
    var byRun: [RunID: [LeasedStep]] = [:]
    for step in leased {
      if let input = step.input, step.attempt == 1 {
        bytes += input.count
        prepared.append(
          PreparedLease(step: step, input: input, journal: [], traceparent: dispatched(step, isRepeated: false)))
      } else {
        byRun[step.run, default: []].append(step)
      }
    }
    for (run, steps) in byRun {
      guard bytes < LeasePreparer.answerBytesMax else {
        left += steps
        continue
      }
      let version = steps.map(\.version).max() ?? 0
      guard let snapshot = try await engine.snapshot(of: run, atLeast: version) else { continue }
      let found = steps.compactMap { leased in snapshot.state.step(leased.key).map { (leased, $0) } }
      var rest = found[...]
      while !rest.isEmpty, bytes < LeasePreparer.answerBytesMax {
        let inputs = try await StepInputRenderer(store: store).render(rest.map(\.1), of: run, snapshot)
        guard !inputs.isEmpty else { break }
        for ((leased, step), rendered) in zip(rest, inputs) {
          let input: [UInt8]
          do { input = try rendered.get() } catch {
            try await fail(leased, "\(error)")
            continue
          }
          let journal =
            step.recordedCalls == 0
            ? [] : try await store.journal(run, step: leased.key, after: step.journalAfter)
          bytes += input.count + journal.reduce(0) { $0 + $1.result.count }
          prepared.append(
            PreparedLease(
              step: leased, input: input, journal: journal, failure: snapshot.state.unansweredFailure(of: step),
              traceparent: dispatched(leased, isRepeated: leased.attempt > step.inheritedAttempts + 1)))
        }
        rest = rest.dropFirst(inputs.count)
      }
      left += rest.map(\.0)
    }
    return (prepared, left)
  }

  /// Notes the dispatch in the trace of the run. Returns where the worker goes on with it.
  private func dispatched(_ step: LeasedStep, isRepeated: Bool) -> String? {
    guard let traceparent = step.traceparent else { return nil }
    engine.tracing.dispatched(step, isRepeated: isRepeated, now: WallClock.now())
    return engine.tracing.context(of: step.step, attempt: step.attempt, in: step.run, traceparent)?.traceparent
  }

  private func fail(_ leased: LeasedStep, _ reason: String) async throws {
    let proof = Transition.LeaseProof(
      step: leased.step, token: leased.token, isReleased: true, extensionMilliseconds: 0, isLost: false)
    let failure = Failure(code: "input_failed", message: reason, isRetryable: false)
    try await engine.apply(
      RunChange(
        run: leased.run, inputs: [.fail(step: leased.key, attempt: leased.attempt, failure)], proof: proof))
  }
}
