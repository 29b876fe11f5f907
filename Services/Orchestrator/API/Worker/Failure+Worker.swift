package import Decider

extension Failure {
  /// Failures of what a model has answered: the next attempt goes on behind the recorded calls and answers them.
  private static let answerable: Set<String> = [
    "invalid_plan", "plan_too_large", "output_invalid", "empty_answer", "answer_cut", "answer_filtered",
  ]
  /// Failures of a call that was not answered: what was recorded before it has nothing to do with them, and is not paid
  /// again.
  private static let unanswered: Set<String> = [
    "model_timeout", "rate_limited", "budget_exceeded", "providers_cooling", "overloaded", "journal_refused",
  ]

  /// A failure that a worker reports, or that its result turns out to be. Behind one that the recorded answers may have
  /// led to, the next attempt begins anew.
  package init(ofWorker code: String, message: String, isRetryable: Bool) {
    let isUnanswered =
      Failure.unanswered.contains(code) || code.hasPrefix("provider_") || code.hasPrefix("llm_router_")
      || code.hasSuffix("_unavailable")
    let next: NextAttempt? = Failure.answerable.contains(code) ? .continues : isUnanswered ? nil : .anew
    self.init(code: code, message: message, isRetryable: isRetryable, next: next)
  }
}
