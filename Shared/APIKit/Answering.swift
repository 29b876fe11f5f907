internal import Contracts
public import HTTP
internal import Postgres
internal import Reactor

/// Runs a handler and turns the failures that every handler of an API can meet into problems: the database is away, too
/// many requests wait. `translate` does the same for failures of the service's own.
@inlinable
public func answering(
  translating translate: (any Error) -> Problem? = { _ in nil }, _ body: () async throws -> HTTPResponse
) async throws -> HTTPResponse {
  do { return try await body() } catch { throw translate(error) ?? Problem.common(error) ?? error }
}

extension Problem {
  /// The problem that a failure of the platform is to a caller; `nil` for failures that are none.
  public static func common(_ error: any Error) -> Problem? {
    switch error {
    case let error as PostgresError where error.isTransient: unavailable(outcomeUnknown: error.outcomeUnknown)
    case let error as ReactorError where error.code == .overloaded:
      Problem(.overloaded, "Too many requests are waiting; try again shortly.", retryAfterSeconds: 1)
    default: nil
    }
  }

  /// 503: the database is away or overloaded. Nothing was promised.
  public static func unavailable(outcomeUnknown: Bool) -> Problem {
    Problem(
      .storageUnavailable,
      outcomeUnknown
        ? "The database did not confirm the request; repeat it with the same Idempotency-Key to be sure."
        : "The database cannot be reached at the moment; nothing was changed. Try again shortly.",
      retryAfterSeconds: 1)
  }
}
