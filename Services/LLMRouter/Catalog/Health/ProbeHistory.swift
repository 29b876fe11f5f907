/// The consecutive failures of each provider's health probes: after `failuresMax` of them it is blocked, after one
/// success it is not any more. A state machine without time and I/O.
package struct ProbeHistory: Sendable {
  /// What a probe has changed.
  package struct Change: Sendable, Equatable {
    /// Whether the provider is left out of routes.
    package let isBlocked: Bool
    /// Whether that is new.
    package let isNew: Bool
  }

  private let failuresMax: Int
  private var failures: [String: Int] = [:]

  /// No probe was made.
  package init(failuresMax: Int = 2) { self.failuresMax = failuresMax }

  /// Providers that there are no more are forgotten.
  package mutating func keep(_ providers: Set<String>) { failures = failures.filter { providers.contains($0.key) } }

  /// A probe of a provider has ended.
  package mutating func record(_ provider: String, isUp: Bool) -> Change {
    let before = failures[provider, default: 0]
    let now = isUp ? 0 : min(before + 1, failuresMax)
    failures[provider] = now
    return Change(isBlocked: now >= failuresMax, isNew: (before >= failuresMax) != (now >= failuresMax))
  }
}
