internal import ServiceKit
public import Settings

/// When a process that ends does what: it has given all of its steps back before the grace of the service is over.
public struct DrainPlan: Hashable, Sendable {
  /// The patience is at most this part of the grace: what follows it takes time as well.
  private static let patienceParts = 2
  /// Time before the end of the grace at which steps are given back whatever their attempts do.
  private static let marginMax = Duration.seconds(2)
  private static let marginParts = 4

  /// Steps that end by themselves until then are not given back.
  public let patience: Duration
  /// Until then attempts end in order: what is known is recorded, and a call that must not be made twice comes to its
  /// end.
  public let orderly: Duration
  /// How long giving back may take behind that.
  public let margin: Duration

  /// A plan. Throws when the patience leaves too little of the grace.
  public init(patience: Duration, grace: Duration) throws(Misfit) {
    guard patience <= grace / DrainPlan.patienceParts else { throw Misfit(patience: patience, grace: grace) }
    margin = min(DrainPlan.marginMax, grace / DrainPlan.marginParts)
    orderly = grace - margin
    self.patience = patience
  }

  /// The plan of the settings. Throws as `init(patience:grace:)`.
  public init(_ settings: Settings) throws(Misfit) {
    try self.init(
      patience: settings[AgentSettings.drainPatience], grace: settings[CommonSettings.shutdownGrace])
  }

  /// Settings that do not fit.
  public struct Misfit: Error, Hashable, CustomStringConvertible {
    let patience: Duration
    let grace: Duration

    /// What to do about it.
    public var description: String {
      "worker.drain_patience_ms (\(patience)) must be at most half of shutdown.grace_ms (\(grace)): in the rest the "
        + "steps that still run are given back. Raise CADRE_SHUTDOWN_GRACE_MS or lower CADRE_WORKER_DRAIN_PATIENCE_MS."
    }
  }
}
