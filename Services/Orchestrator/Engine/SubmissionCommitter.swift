package import Contracts
internal import Decider
internal import JSON
package import Primitives
package import RunStorage
internal import StepDispatch
internal import Workflows

/// A run that was accepted, as it stands then.
package struct AcceptedRun: Sendable {
  package let createdAt: Timestamp
  package let submission: Submission
  /// Steps in the ready queue.
  let newWork: Int
}

/// Writes new runs. Steps that are ready at once go to the workers that wait, as far as there are any.
struct SubmissionCommitter: Sendable {
  let store: any RunCommitStore
  let cache: RunCache
  let catalog: WorkflowCatalog
  let dispatcher: Dispatcher
  /// Called with every step that a worker gets directly.
  let leased: @Sendable (LeasedStep) -> Void

  /// Writes new runs; `nil` in the place of one that was there already, and of a sub-run that nobody waits for.
  func commit(_ batch: [Submission], idempotency: IdempotencyRow?) async throws -> [AcceptedRun?] {
    var eager = EagerDispatch(registry: dispatcher.slots)
    defer { dispatcher.deliver(eager.grants) }
    var accepted: [RunID: AcceptedRun] = [:]
    // A submission that was sent again may stand beside itself.
    var seen: Set<RunID> = []
    var left = batch.filter { seen.insert($0.run).inserted }
    while !left.isEmpty {
      var submissions = left
      var plans = left.map(SubmissionCommitter.plan)
      for index in plans.indices {
        let before = plans[index].events.count
        eager.assign(&plans[index], &submissions[index].state)
        submissions[index].events += plans[index].events.dropFirst(before)
      }
      let inserted = try await store.insert(submissions, plans, idempotency: idempotency)
      left = []
      for (submission, plan) in zip(submissions, plans) {
        switch inserted[submission.run] {
        case .inserted(let created, let leases):
          accepted[submission.run] = AcceptedRun(
            createdAt: created, submission: submission, newWork: plan.work.count { $0.delayMilliseconds == 0 })
          await cacheState(of: submission, createdAt: created)
          let leases = leases.mapValues { $0.with(submission.input.body) }
          for step in eager.committed(plan, submission.facts, leases) { leased(step) }
        case .limited:
          // A limit is counted by the claim: once more, through the ready queue.
          dispatcher.slots.limitMet(submission.facts.tenant)
          if let again = batch.first(where: { $0.run == submission.run }) { left.append(again) }
        case .exists, .unwanted, nil: break
        }
      }
    }
    return batch.map { accepted[$0.run] }
  }

  private func cacheState(of submission: Submission, createdAt: Timestamp) async {
    let name = submission.state.workflow.name
    guard
      let workflow = try? await catalog.find(
        submission.facts.tenant, name, version: submission.state.workflow.version)
    else { return }
    cache.reserve(submission.run)
    cache.checkIn(
      submission.run,
      RunSnapshot(facts: submission.facts, workflow: workflow, state: submission.state, createdAt: createdAt))
  }

  /// The queue entries and timers of a new run.
  private static func plan(_ submission: Submission) -> Transition {
    var plan = TransitionBuilder(run: submission.run, facts: submission.facts, state: submission.state).transition(
      expected: 0, events: Array(submission.events.dropFirst(submission.ownEvents)), payloads: [], proofs: [],
      finishedTimers: [])
    if let limit = submission.state.workflow.timeoutMilliseconds {
      plan.timers.append(NewTimer(kind: .expire, delayMilliseconds: limit))
    }
    // A run may end with its beginning.
    if submission.state.status.isEnded {
      plan.timers =
        submission.facts.parent.map { parent in
          [
            NewTimer(
              kind: .childEnded, step: parent.step, attempt: parent.attempt, run: parent.run, other: submission.run)
          ]
        } ?? []
    }
    return plan
  }
}

extension Submission {
  /// Whether something of the run is due for the orchestrator itself.
  var hasTimers: Bool { state.status.isEnded || state.steps.contains { $0.status == .waiting } }

  /// A run at its beginning.
  package static func begin(
    run: RunID, facts: RunFacts, task: NewTask?, principal: String, workflow: CompiledWorkflow, input: Payload
  ) throws -> Submission {
    let document = try JSONDocument(parsing: input.body)
    var state = RunState(workflow: workflow.workflow)
    let events = try decide(
      &state, .create(input: input.ref, seed: run.uuid.low, facts: workflow.watched.facts(input: document.root)))
    return Submission(
      run: run, facts: facts, task: task, principal: principal, input: input, events: events, forkedFrom: nil,
      state: state)
  }
}
