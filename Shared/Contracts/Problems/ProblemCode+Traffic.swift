internal import HTTPWire

extension ProblemCode {
  /// Limits, load and repeated requests.
  static let traffic: [ProblemCode] = [
    tooManyInFlight, duplicateHeader, idempotencyInProgress, idempotencyOutcomeUnknown, idempotencyAnswerNotKept,
    idempotencyStoreUnavailable,
  ]

  /// `too_many_in_flight`
  public static let tooManyInFlight = ProblemCode(
    "too_many_in_flight", .tooManyRequests,
    meaning: "The tenant or the credential has as many requests or streams open as it may have.",
    remedy: "Wait for some of them to end.")
  /// `duplicate_header`
  public static let duplicateHeader = ProblemCode(
    "duplicate_header", .badRequest, meaning: "A header that may come once comes more than once.",
    remedy: "Send it once.")
  /// `idempotency_in_progress`
  public static let idempotencyInProgress = ProblemCode(
    "idempotency_in_progress", .conflict, meaning: "The first request with this Idempotency-Key is not answered yet.",
    remedy: "Repeat it after `Retry-After`.")
  /// `idempotency_outcome_unknown`
  public static let idempotencyOutcomeUnknown = ProblemCode(
    "idempotency_outcome_unknown", .conflict,
    meaning: "The first request with this Idempotency-Key was begun, and it is not known whether it was carried out.",
    remedy: "Look whether it was; if not, send it with a new key.")
  /// `idempotency_answer_not_kept`
  public static let idempotencyAnswerNotKept = ProblemCode(
    "idempotency_answer_not_kept", .conflict,
    meaning:
      "The first request with this Idempotency-Key was carried out; its answer is secret or too large to be kept.",
    remedy: "Read what it has made; do not send it again.")
  /// `idempotency_store_unavailable`
  public static let idempotencyStoreUnavailable = ProblemCode(
    "idempotency_store_unavailable", .serviceUnavailable,
    meaning: "The Idempotency-Key cannot be recorded, so nothing was done.", remedy: "Try again shortly.")
}
