/// How often the workers of a step may be lost before that counts as the step's own doing. Until then a lost attempt
/// uses up none of the attempts that the author gave for failures.
public struct LossLimits: Hashable, Sendable {
  /// Without a sign in between that the step gets on: a recorded call, or an attempt that its worker has ended itself.
  public let inARow: Int
  /// In all, since the present agent or model has begun.
  public let inAll: Int

  /// Makes limits.
  public init(inARow: Int, inAll: Int) {
    self.inARow = inARow
    self.inAll = inAll
  }

  /// Five without progress: a step that kills its worker ends within minutes. Fifty in all: one that gets on between
  /// its losses ends, too.
  public static let standard = LossLimits(inARow: 5, inAll: 50)
}

/// The workers that a step has lost under `LossLimits`.
struct Losses: Hashable, Sendable {
  var inARow = 0
  var inAll = 0

  /// Whether one more attempt is made.
  func isWithin(_ limits: LossLimits) -> Bool { inARow < limits.inARow && inAll < limits.inAll }

  /// What the last of them means for the step.
  func failure(_ limits: LossLimits) -> Failure { isWithin(limits) ? .workerLost : .workersLost(self) }
}

extension Failure {
  /// What a lost lease means for its step.
  static let workerLost = Failure(
    code: "worker_lost", message: "The worker stopped answering while it ran the step.", isRetryable: true)

  /// The step has lost so many workers that it is taken for the reason.
  static func workersLost(_ losses: Losses) -> Failure {
    Failure(
      code: "workers_lost",
      message: "\(losses.inAll) workers stopped answering while they ran the step, the last \(losses.inARow) without "
        + "getting on with it. It may be what ends them: look at their logs and memory before it is retried.",
      isRetryable: false)
  }
}

extension Decision {
  /// The lease has ended without a word from its holder, or, when it `wasUndelivered`, before anybody could hold it.
  mutating func lose(_ place: Int, wasUndelivered: Bool, _ limits: LossLimits?) {
    let step = state.steps[place]
    guard case .leased(let worker) = step.status else { return }
    // What can never be delivered must not go round for ever.
    if wasUndelivered, state.undelivered[place, default: 0] < RunState.undeliveredMax {
      emit(.stepLost(step: step.key, attempt: step.attempt, worker: worker, wasUndelivered: true))
      return ready(place, delay: 0)
    }
    let retry = state.definitions[step.definition].retry
    // Who gives one attempt, or names the code, means that nothing is begun twice.
    guard let limits, retry.attemptsMax > 1, !retry.nonRetryableCodes.contains(Failure.workerLost.code) else {
      emit(.stepLost(step: step.key, attempt: step.attempt, worker: worker))
      return afterFailure(place, .workerLost)
    }
    emit(.stepLost(step: step.key, attempt: step.attempt, worker: worker, limits: limits))
    let losses = state.losses[place] ?? Losses()
    guard losses.isWithin(limits) else { return afterFailure(place, losses.failure(limits)) }
    ready(place, delay: retry.delayMilliseconds(afterAttempt: losses.inARow, seed: retrySeed(place)))
  }
}

extension RunState {
  /// A worker of the step was lost; it counts apart from the attempts of its policy.
  mutating func countLoss(_ place: Int, _ limits: LossLimits) {
    var lost = losses[place] ?? Losses()
    lost.inARow += 1
    lost.inAll += 1
    losses[place] = lost
    steps[place].attemptBase += 1
    steps[place].failure = lost.failure(limits)
  }

  /// The step gets on: the losses so far were not its doing.
  mutating func gotOn(_ place: Int) {
    if !losses.isEmpty { losses[place]?.inARow = 0 }
  }
}
