internal import Contracts
public import HTTP
public import HTTPWire
internal import Postgres
internal import Reactor

/// An error of a service that callers of its API may read.
public protocol ProblemConvertible: Error {
  /// What it means for a caller.
  var problem: Problem { get }
}

extension Router {
  /// Adds an address of an API. Failures that every address can meet become problems: the database is away, too many
  /// requests wait, or the service refuses with a `ProblemConvertible` error.
  public mutating func api(
    _ method: HTTPMethod, _ pattern: String, _ handler: @escaping HTTPHandler
  ) {
    on(method, pattern) { request in
      do { return try await handler(request) } catch { throw Problem.refusal(error) ?? error }
    }
  }
}

extension Problem {
  /// The problem that an error is to a caller; `nil` for errors that are nobody's business.
  public static func refusal(_ error: any Error) -> Problem? {
    switch error {
    case let problem as Problem: problem
    case let error as any ProblemConvertible: error.problem
    case let error as PostgresError where error.isTransient: unavailable(outcomeUnknown: error.outcomeUnknown)
    case let error as PostgresError where error.isRefusedToTenant: Problem(.tenantDeleted)
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
        ? "The database did not confirm the request. Repeat it with the same Idempotency-Key where the address takes one; else look first whether it was carried out."
        : "The database cannot be reached at the moment; nothing was changed. Try again shortly.",
      retryAfterSeconds: 1)
  }
}
