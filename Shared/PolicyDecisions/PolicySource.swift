internal import Policy

/// Where decisions come from.
protocol PolicySource: Sendable {
  /// The name in metrics: `process` or `server`.
  var name: String { get }
  /// What the answer to a question depends on beside input and data of the tenant; `nil` when nobody can answer.
  func revision() -> String?
  /// How long an answer to a document may be remembered: nanoseconds, 0 for not at all.
  func cacheNanoseconds(_ path: [String]) -> UInt64
  /// The decision when it can be made at once; `nil` when it takes longer than an event loop may be held.
  func decideAtOnce(_ query: PolicyQuery, _ data: TenantPolicyData?) -> PolicyDecision?
  /// The decision.
  func decide(_ query: PolicyQuery, _ data: TenantPolicyData?, timeout: Duration) async -> PolicyDecision
}
