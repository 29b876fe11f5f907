/// Why a run has a timer.
public enum TimerKind: String, Hashable, Sendable, CaseIterable {
  /// The orchestrator does the step itself.
  case own
  /// A delay is over.
  case delay
  /// A wait was in vain.
  case close
  /// The run was given enough time.
  case expire
  /// Nobody waits for this sub-run any more.
  case cancel
  /// A sub-run has ended.
  case childEnded = "child_ended"
  /// A question has waited long enough.
  case ask
}

/// A timer that is due, as far as a decision needs it.
public struct ClaimedTimer: Hashable, Sendable {
  /// Why it was set.
  public let kind: TimerKind
  /// The step that it is about.
  public let step: String?
  /// The attempt that it is about.
  public let attempt: Int?
  /// The sub-run that has ended.
  public let child: String?
  /// The key of the question that it is about.
  public let ask: String?
  /// The version of its run in the database when it was claimed. A state that is older does not know what set it.
  public let runVersion: Int

  /// Makes a timer.
  public init(
    kind: TimerKind, step: String?, attempt: Int?, child: String?, ask: String? = nil, runVersion: Int
  ) {
    self.kind = kind
    self.step = step
    self.attempt = attempt
    self.child = child
    self.ask = ask
    self.runVersion = runVersion
  }
}

/// What a state of a run says about one of its timers. Pure, so that the simulation judges timers as the service does.
public enum TimerDecision: Hashable, Sendable {
  /// Its work is to be done.
  case owed
  /// The state is older than the timer: it says nothing. The run has to be read from the database.
  case outdated
  /// Its work was done, or nobody needs it any more.
  case notOwed

  /// Judges `timer` by `state`.
  public init(_ timer: ClaimedTimer, in state: RunState) {
    guard state.sequence >= timer.runVersion else {
      self = .outdated
      return
    }
    self = TimerDecision.isOwed(timer, state) ? .owed : .notOwed
  }

  private static func isOwed(_ timer: ClaimedTimer, _ state: RunState) -> Bool {
    guard !state.status.isEnded else { return false }
    switch timer.kind {
    // The limit of undoing has an attempt, that of the run has none.
    case .expire: return (timer.attempt != nil) == (state.status == .compensating)
    case .cancel: return state.status != .compensating
    case .ask: return isQuestionOpen(timer, state)
    case .own, .delay, .close, .childEnded: break
    }
    guard let step = timer.step.flatMap({ state.step($0) }), step.attempt == timer.attempt else { return false }
    switch timer.kind {
    case .own: return step.status == .waiting && step.child == nil && step.subject == nil
    case .delay: return step.status == .waiting
    case .close: return (step.status == .waiting && !state.isSuspended(step)) || step.status.isLeased
    // A sub-run may have ended before its beginning was noted at the step.
    case .childEnded: return step.status == .waiting && (step.child == nil || step.child == timer.child)
    case .expire, .cancel, .ask: return true
    }
  }

  private static func isQuestionOpen(_ timer: ClaimedTimer, _ state: RunState) -> Bool {
    guard let step = timer.step.flatMap({ state.step($0) }), state.isSuspended(step) else { return false }
    return state.questions(of: step).contains { question in
      question.status == .open && question.ask.key == timer.ask && question.attempt == timer.attempt
    }
  }

  /// Whether nobody waits for a sub-run that was begun for an attempt: only a state that shows the step beyond that
  /// attempt proves it. The state must not be older than the refusal that raised the question.
  public static func isOrphan(child: String, step key: String, attempt: Int, in state: RunState) -> Bool {
    guard let step = state.step(key) else { return true }
    if step.child == child, step.attempt == attempt { return false }
    return state.status.isEnded || step.attempt != attempt || step.status != .waiting
  }
}

/// What became of the work of a timer.
public enum TimerOutcome: Hashable, Sendable {
  /// It was done, and the timer went with it in one transaction.
  case done
  /// It is not owed: a state that is at least as new as the timer says so.
  case notOwed
  /// The run does not exist any more.
  case runGone
  /// Others moved the run again and again.
  case contended
  /// This version cannot read the history; another one may.
  case unreadable
  /// The database was not there.
  case unavailable
  /// Something else went wrong.
  case failed
}

/// What becomes of a timer. It is never deleted for a reason that lies outside its run.
public enum TimerFate: Hashable, Sendable {
  /// It is gone already.
  case settled
  /// It is to be deleted.
  case forget
  /// It is due again after a while.
  case again(afterMilliseconds: Int64)

  private static let firstPause: [TimerOutcome: Int64] = [.contended: 50, .unavailable: 250, .unreadable: 500]
  private static let otherPause: Int64 = 500
  /// Longest pause between two tries.
  public static let pauseMillisecondsMax: Int64 = 30_000

  /// The fate of a timer after `tries` vain tries before this one. `spread` takes up to half of the pause away, so that
  /// many do not come back at once.
  public init(after outcome: TimerOutcome, tries: Int, spread: UInt64) {
    switch outcome {
    case .done: self = .settled
    case .notOwed, .runGone: self = .forget
    case .contended, .unreadable, .unavailable, .failed:
      let first = TimerFate.firstPause[outcome] ?? TimerFate.otherPause
      let pause = min(first << Int64(max(0, min(tries, 12))), TimerFate.pauseMillisecondsMax)
      self = .again(afterMilliseconds: pause - Int64(spread % UInt64(pause / 2 + 1)))
    }
  }
}
