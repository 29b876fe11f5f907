internal import Dialects
internal import HTTPWire
internal import ModelCatalog
internal import Pricing
internal import Primitives
internal import Routing
internal import SystemSources

/// An answer whose first token is there, so that no other provider is asked any more. One object, for the same reason
/// as `PreparedCall`.
final class StartedAnswer: Sendable {
  /// What has come of the answer.
  enum Content: Sendable {
    /// All of it.
    case whole(ProviderAnswer)
    /// A stream with what may be sent of it already.
    case stream(ProviderStream, first: [UInt8])
  }

  let content: Content
  let target: ModelTarget
  let provider: Provider
  let health: HealthRegistry.Key
  let dropped: [String]
  /// Why it comes from there, when the plan was left.
  let route: String?
  /// When its request was sent, in monotonic nanoseconds.
  let sentAt: UInt64

  init(
    _ content: Content, target: ModelTarget, provider: Provider, health: HealthRegistry.Key, dropped: [String],
    route: String? = nil, sentAt: UInt64
  ) {
    self.sentAt = sentAt
    self.content = content
    self.target = target
    self.provider = provider
    self.health = health
    self.dropped = dropped
    self.route = route
  }

  /// What has come of it by now.
  func report(
    _ outcome: String, promptTokens: Int64, outputTokensMax: Int64? = nil,
    progress: AttemptReport.Progress = .complete
  ) -> AttemptReport {
    var report = AttemptReport(
      target: target, kind: provider.kind, progress: progress, outcome: outcome, promptTokens: promptTokens,
      outputTokensMax: outputTokensMax, sentAt: sentAt, endedAt: MonotonicClock.now())
    switch content {
    case .whole(let whole):
      report.usage = whole.usage
      report.deliveredBytes = Int64(whole.deliveredBytes)
    case .stream(let stream, _): stream.add(to: &report)
    }
    return report
  }
}
