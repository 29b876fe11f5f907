internal import Contracts
internal import HTTP
internal import HTTPWire
internal import JSON
internal import Postgres
internal import ServiceKit

/// Who uses the API of the router.
struct APICaller: Sendable {
  let tenant: TenantID
  let principal: String

  /// Reads the caller of a request. Throws a 401 or 403 `Problem`.
  init(_ request: HTTPRequest, _ token: InternalToken) throws(Problem) {
    let caller = try token.authenticate(request, scope: .api)
    tenant = caller.tenant
    principal = caller.principal
  }

  /// Whether the caller runs the installation.
  static func isOperator(_ request: HTTPRequest, _ token: InternalToken) -> Bool {
    (try? token.authenticate(request, scope: .operator)) != nil
  }

  /// Reads one who may configure the installation: providers hold keys that all tenants use.
  static func requireOperator(_ request: HTTPRequest, _ token: InternalToken) throws(Problem) {
    _ = try token.authenticate(request, scope: .operator)
  }
}

enum APIRequest {
  /// The version of `If-Match`, nil when there is none.
  static func ifMatch(_ request: HTTPRequest) throws(Problem) -> Int? {
    guard let text = request.headers[.ifMatch] else { return nil }
    guard let version = Int(text.filter { $0 != "\"" }) else {
      throw .badParameter("If-Match", "The ETag of an earlier answer is expected.")
    }
    return version
  }

  static func notStored(_ expected: Int?, _ what: String) -> Problem {
    expected == nil
      ? Problem(.unprocessableContent, code: "too_many", "There are too many \(what).")
      : Problem(
        .preconditionFailed, code: "outdated", "It was changed since you read it; read it again and repeat the change.")
  }

  /// A name of a provider, model or alias.
  static func name(_ request: HTTPRequest, _ parameter: String, bytesMax: Int) throws(Problem) -> String {
    let name = try request.parameter(parameter)
    guard !name.isEmpty, name.utf8.count <= bytesMax, !name.unicodeScalars.contains(where: { $0.value < 33 }) else {
      throw .badParameter(parameter, "1 to \(bytesMax) bytes without spaces and control characters are expected.")
    }
    return name
  }
}

/// Runs a handler and turns failures of the database into problems.
func answering(_ body: () async throws -> HTTPResponse) async throws -> HTTPResponse {
  do { return try await body() } catch let error as PostgresError where error.isTransient {
    throw Problem(
      .serviceUnavailable, code: "storage_unavailable",
      "The database cannot be reached at the moment; nothing is known to be changed. Try again shortly.",
      retryAfterSeconds: 1)
  }
}
