internal import HTTPWire

/// How the row of a request with a key ends.
enum AnswerEnding: Sendable, Equatable {
  /// The answer is kept and repeated.
  case kept(KeptAnswer)
  /// It was carried out, and its answer is not kept.
  case notKept(status: Int)
  /// Nothing was done: a repetition is a first request again.
  case released
  /// It is not known whether it was done.
  case unknown

  /// Refusals that are the same the next time; others depend on the moment, or on rights that may change.
  private static let lasting: Set<UInt16> = [400, 404, 405, 409, 410, 412, 413, 415, 422, 428]

  /// What follows from an answer. `kept` is the answer in the form in which it would be kept.
  init(_ status: HTTPStatus, kept: KeptAnswer?) {
    switch status.code {
    case 200..<400: self = kept.map { .kept($0) } ?? .notKept(status: Int(status.code))
    case 429, 503: self = .released
    case 400..<500:
      guard AnswerEnding.lasting.contains(status.code), let kept else {
        self = .released
        return
      }
      self = .kept(kept)
    default: self = .unknown
    }
  }
}
