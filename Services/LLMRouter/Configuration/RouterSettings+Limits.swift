package import ModelCalls
internal import ModelCatalog
internal import Primitives
package import Routing
package import Settings

extension RouterSettings {
  /// When circuit breakers open and for how long.
  package static func breakerPolicy(_ settings: Settings) -> CircuitBreaker.Policy {
    CircuitBreaker.Policy(
      failuresInRow: settings[breakerFailures], coolMilliseconds: settings[breakerCool].milliseconds,
      coolMaxMilliseconds: settings[breakerCoolMax].milliseconds,
      keyCoolMilliseconds: settings[breakerKeyCool].milliseconds)
  }

  /// Limits and times of calls.
  package static func callLimits(_ settings: Settings) -> CallLimits {
    CallLimits(
      timeout: settings[callTimeout],
      retries: AttemptPolicy(
        attemptsMax: settings[attempts], pauseMilliseconds: settings[retryPause].milliseconds,
        shortPauseMilliseconds: settings[shortRetryAfter].milliseconds),
      outputTokens: Int64(settings[outputTokens]), allowsUnpriced: settings[allowsUnpriced],
      answerBytes: settings[answerBytes],
      times: ProviderTimes(
        timeout: settings[timeout], firstToken: settings[firstToken], stall: settings[stall]),
      heartbeat: settings[heartbeat])
  }

  /// What is refused whatever the caller may do. Throws what is wrong with a pattern.
  package static func filter(_ settings: Settings) throws -> RequestFilter {
    try RequestFilter(
      deniedTexts: settings[deniedTexts], deniedModels: settings[deniedModels], redactions: settings[redactions])
  }
}
