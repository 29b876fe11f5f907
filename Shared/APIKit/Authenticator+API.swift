public import Contracts
public import HTTP
public import ServiceKit

/// Who makes a request of a management API.
extension Authenticator {
  /// The caller, who must have the right to use the API. Throws a 401 or 403 `Problem`.
  public func caller(of request: HTTPRequest) throws(Problem) -> Caller {
    try authenticate(request, scope: .api)
  }

  /// Lets only callers pass who may configure the installation. Throws a 401 or 403 `Problem`.
  public func requireOperator(_ request: HTTPRequest) throws(Problem) {
    _ = try authenticate(request, scope: .operator)
  }
}
