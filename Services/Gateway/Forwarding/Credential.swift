package import Contracts
internal import GatewayRequests
internal import HTTP

/// What a forwarded request carries.
package enum Credential: Sendable {
  /// An assertion of a caller.
  case caller(Caller)
  /// A virtual key, which the llm-router checks itself.
  case virtualKey(String)
}

extension Credential {
  /// Of an identity. Throws a 401 `Problem` for nobody.
  init(_ identity: Identity) throws(Problem) {
    if let key = identity.virtualKey {
      self = .virtualKey(key)
    } else if let caller = identity.caller {
      self = .caller(caller)
    } else {
      throw Problem(.unauthorized)
    }
  }
}
