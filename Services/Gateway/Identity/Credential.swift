package import Contracts

/// The credential that a request presents.
package enum Credential: Sendable {
  /// A key of ours, with whom it stands for.
  case caller(Caller)
  /// A virtual key, which the llm-router checks itself.
  case virtualKey(String)
}
