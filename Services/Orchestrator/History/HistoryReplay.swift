public import Decider

/// Folds a history again: feeds its facts to the decider and compares what it decides with what was decided then.
public enum HistoryReplay {
  /// What came of it.
  public enum Verdict: Hashable, Sendable {
    /// Every decision was the same.
    case consistent
    /// The first decision that was not.
    case diverged(Divergence)
  }

  /// The first place at which the history and the decider part.
  public struct Divergence: Hashable, Sendable {
    /// The event at which they do.
    public let sequence: Int
    /// The fact that was decided on.
    public let fact: RunEvent
    /// What the history holds there; `nil` where it ends.
    public let recorded: RunEvent?
    /// What the decider decides now; `nil` where it decides nothing more.
    public let replayed: RunEvent?
    /// Why the decider refused the fact.
    public let refusal: RunRefusal?
  }

  /// The outcome of a replay.
  public struct Report: Sendable {
    /// Whether the decisions are the same.
    public let verdict: Verdict
    /// Events of the history.
    public let events: Int
    /// Facts that were fed in.
    public let facts: Int
    /// The state at the end, or where the two parted.
    public let state: RunState
  }

  /// Replays `history` with `workflow`.
  public static func verify(_ history: [RunEvent], with workflow: Workflow) -> Report {
    var state = RunState(workflow: workflow)
    var position = 0
    var facts = 0
    while position < history.count {
      let fact = history[position]
      facts += 1
      func diverged(_ offset: Int, _ recorded: RunEvent?, _ replayed: RunEvent?, _ refusal: RunRefusal?) -> Report {
        let divergence = Divergence(
          sequence: position + offset + 1, fact: fact, recorded: recorded, replayed: replayed, refusal: refusal)
        return Report(verdict: .diverged(divergence), events: history.count, facts: facts, state: state)
      }
      guard let input = RunInput(fact, in: state) else { return diverged(0, fact, nil, nil) }
      let decided: [RunEvent]
      do { decided = try decide(&state, input) } catch { return diverged(0, fact, nil, error) }
      for (offset, event) in decided.enumerated() {
        let recorded = position + offset < history.count ? history[position + offset] : nil
        if recorded != event { return diverged(offset, recorded, event, nil) }
      }
      position += decided.count
      if position < history.count, history[position].isConsequence {
        return diverged(0, history[position], nil, nil)
      }
    }
    return Report(verdict: .consistent, events: history.count, facts: facts, state: state)
  }
}

extension RunInput {
  /// The input that led to a fact in the state before it; `nil` for a consequence.
  public init?(_ fact: RunEvent, in state: RunState) {
    switch fact {
    case .approvalDecided(let step, _, let decision):
      guard let subject = state.step(step)?.subject else { return nil }
      self = .decideApproval(step: step, subjectSHA256: subject.sha256, decision)
    case .runCreated(_, _, let input, let seed, let facts): self = .create(input: input, seed: seed, facts: facts)
    case .stepStarted(let step, _, let worker): self = .lease(step: step, worker: worker)
    case .callRecorded(let step, let attempt, let call): self = .record(step: step, attempt: attempt, [call])
    case .stepSucceeded(let step, let attempt, let output, let facts, let usage):
      self = .succeed(step: step, attempt: attempt, output: output, facts: facts, usage: usage)
    case .planExpanded(let step, let attempt, let output, let facts, let steps):
      self = .plan(step: step, attempt: attempt, output: output, facts: facts, steps: steps)
    case .stepFailed(let step, let attempt, let failure, let usage):
      self = .fail(step: step, attempt: attempt, failure, usage: usage)
    case .stepLost(let step, let attempt, _, let wasUndelivered, let limits):
      self = .lose(step: step, attempt: attempt, wasUndelivered: wasUndelivered, limits: limits)
    case .stepTimedOut(let step, let attempt, let limit, let isRepeated, let usage):
      self = .timeOut(step: step, attempt: attempt, limit, repeats: isRepeated, usage: usage)
    case .stepSuspended(let step, let attempt, let asks): self = .suspend(step: step, attempt: attempt, asks)
    case .askAnswered(let step, let attempt, let ask, let answer):
      self = .answer(step: step, attempt: attempt, ask: ask, subjectSHA256: nil, answer)
    case .askExpired(let step, let attempt, let ask, let at):
      self = .expireAsk(step: step, attempt: attempt, ask: ask, at: at)
    case .stepReleased(let step, let attempt, _): self = .release(step: step, attempt: attempt)
    case .delayElapsed(let step, let attempt): self = .elapse(step: step, attempt: attempt)
    case .childStarted(let step, let attempt, let run): self = .startChild(step: step, attempt: attempt, run: run)
    case .signalReceived(let name, let id, let payload, let who, let facts):
      self = .signal(name: name, id: id, payload: payload, by: who, facts: facts)
    case .approvalRequested(let step, let attempt, let subject):
      self = .requestApproval(step: step, attempt: attempt, subject: subject)
    case .runPaused(let who): self = .pause(by: who)
    case .runResumed(let who): self = .resume(by: who)
    case .cancelRequested(let who, let reason, let undoes): self = .cancel(by: who, reason: reason, undoes: undoes)
    case .runExpired(let undoes): self = .expire(undoes: undoes)
    case .runForked(let source, let at, let who, let changes):
      self = .fork(from: source, at: at, by: who, changes: changes)
    case .stepReady, .stepFannedOut, .stepCompleted, .stepRefused, .stepDegraded, .stepExhausted,
      .stepSkipped, .compensationStarted, .runSucceeded, .runFailed, .runCancelled:
      return nil
    }
  }
}
