public import Contracts
public import HTTP
public import ServiceKit

extension Caller {
  /// Who makes a request, by its signed assertion. Throws a 401 or 403 `Problem` for one who has not the right.
  public init(_ request: HTTPRequest, _ authenticator: Authenticator, scope: Scope = .api) throws(Problem) {
    self = try authenticator.authenticate(request, scope: scope)
  }
}
