package import Telemetry

/// What is counted of signing in. Labels are fixed words and names of the configuration.
package struct SignInMetrics: Sendable {
  private let signIns: CounterFamily
  private let secondFactors: CounterFamily
  private let sessions: CounterFamily
  private let blocks: CounterFamily
  private let tokens: CounterFamily
  private let fetches: CounterFamily
  private let hashes: HistogramFamily

  /// Declares the metrics.
  package init(_ registry: MetricsRegistry) {
    signIns = registry.counter(
      "cadre_gateway_sign_ins_total", help: "Attempts to sign in, by method and outcome.",
      labels: ["method", "outcome"])
    secondFactors = registry.counter(
      "cadre_gateway_second_factors_total", help: "Codes of second factors, by outcome.", labels: ["outcome"])
    sessions = registry.counter(
      "cadre_gateway_sessions_total", help: "Sessions of browsers, by what became of them.", labels: ["event"])
    blocks = registry.counter(
      "cadre_gateway_sign_in_blocks_total", help: "Attempts to sign in that were refused for a time.", labels: ["by"])
    // Series that begin with their first event have no increase that a rule could see.
    for reason in AttemptLimiter.Block.allCases { blocks.with(reason.rawValue).add(0) }
    tokens = registry.counter(
      "cadre_gateway_token_checks_total", help: "Signed tokens that were checked, by outcome.", labels: ["outcome"])
    fetches = registry.counter(
      "cadre_gateway_identity_fetches_total",
      help: "Documents that were fetched from issuers and identity providers, by outcome.",
      labels: ["document", "outcome"])
    hashes = registry.histogram(
      "cadre_gateway_password_hash_seconds", help: "Time of a password check, waiting included.", labels: ["outcome"])
  }

  func signIn(_ method: String, _ outcome: SignInOutcome) { signIns.with(method, outcome.rawValue).add() }
  func secondFactor(_ outcome: String) { secondFactors.with(outcome).add() }
  func session(_ event: String) { sessions.with(event).add() }
  func blocked(by reason: String) { blocks.with(reason).add() }
  func token(_ outcome: String) { tokens.with(outcome).add() }
  func fetched(_ document: String, _ isGood: Bool) { fetches.with(document, isGood ? "ok" : "failed").add() }
  func hashed(_ outcome: String, nanoseconds: UInt64) { hashes.with(outcome).observe(nanoseconds: nanoseconds) }
}

/// What became of an attempt to sign in.
package enum SignInOutcome: String, Sendable, CaseIterable {
  /// There is a session.
  case success = "ok"
  /// The second factor is asked for.
  case secondFactor = "second_factor"
  /// A second factor has to be added.
  case enrolment
  /// Right, but the policies do not allow it.
  case denied
  /// Not let in.
  case failed
  /// Too many attempts.
  case blocked
  /// Right, but the tenant may not work.
  case suspended
  /// Nobody could say.
  case unavailable
}
