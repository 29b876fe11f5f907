internal import Telemetry

/// What is counted of decisions. Labels are words of ours, and documents that a policy was declared for.
struct PolicyMetrics: Sendable {
  /// Times of decisions, in seconds: 5 us to 1 s.
  private static let buckets: [Double] = [
    0.000005, 0.00001, 0.000025, 0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25,
    0.5, 1,
  ]
  /// The documents that services ask for; others are counted as `other`.
  private static let documents: Set<String> = [
    "cadre.http.decision", "cadre.tools.decision", "cadre.models.decision", "cadre.approvals.decision",
    "cadre.sessions.decision", "cadre.runners.decision",
  ]

  private let decisions: CounterFamily
  private let faults: CounterFamily
  private let durations: HistogramFamily
  private let reloads: CounterFamily
  /// Lines of the decision log that were lost because writing was too slow.
  let dropped: Counter

  init(_ registry: MetricsRegistry) {
    decisions = registry.counter(
      "cadre_policy_decisions_total",
      help: "Decisions of policies: what they said, the mode in force, and whether the decision was remembered.",
      labels: ["document", "effect", "mode", "cached"])
    faults = registry.counter(
      "cadre_policy_faults_total", help: "Refusals because no rule has spoken, by fault.",
      labels: ["document", "fault"])
    durations = registry.histogram(
      "cadre_policy_decision_duration_seconds", help: "Time of a decision that was not remembered.",
      labels: ["document", "source"], buckets: PolicyMetrics.buckets)
    reloads = registry.counter(
      "cadre_policy_reloads_total", help: "Bundles of policies that were loaded, or refused.", labels: ["outcome"])
    // Series that begin with their first event have no increase that a rule could see.
    for outcome in ["loaded", "refused"] { reloads.with(outcome).add(0) }
    for document in PolicyMetrics.documents {
      for fault in PolicyFault.allCases { faults.with(document, fault.rawValue).add(0) }
    }
    dropped = registry.counter(
      "cadre_policy_log_dropped_total", help: "Decisions that are missing in the decision log because it was too slow.")
  }

  static func label(_ path: [String]) -> String {
    let name = path.joined(separator: ".")
    return documents.contains(name) ? name : "other"
  }

  func decided(_ document: String, _ decision: PolicyDecision, _ mode: PolicyMode, isFromCache: Bool) {
    decisions.with(document, decision.effect.rawValue, mode.rawValue, isFromCache ? "true" : "false").add()
    if let fault = decision.fault { faults.with(document, fault.rawValue).add() }
  }

  func took(_ document: String, _ source: String, nanoseconds: UInt64) {
    durations.with(document, source).observe(nanoseconds: nanoseconds)
  }

  func loaded() { reloads.with("loaded").add() }

  func refused() { reloads.with("refused").add() }
}
