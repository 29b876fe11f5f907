/// What a module needs to be seen: metrics, traces and logs of one service.
public struct Telemetry: Sendable {
  /// Name of the service.
  public let service: String
  /// The metrics.
  public let registry: MetricsRegistry
  /// Makes spans.
  public let tracer: Tracer
  /// Writes lines.
  public let logger: Logger

  /// Puts the parts together.
  public init(service: String, registry: MetricsRegistry, tracer: Tracer, logger: Logger) {
    self.service = service
    self.registry = registry
    self.tracer = tracer
    self.logger = logger
  }

  /// Metrics without an audience, no traces, no logs: for tests and tools.
  public static func disabled(service: String = "test") -> Telemetry {
    Telemetry(
      service: service, registry: MetricsRegistry(),
      tracer: Tracer(sampler: Sampler(ratio: 0, followsParent: false), sink: nil),
      logger: Logger(service: service, minimum: .error, sink: nil))
  }
}
