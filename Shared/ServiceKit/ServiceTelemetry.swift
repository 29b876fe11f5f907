internal import HTTP
internal import HTTPWire
internal import Primitives
internal import Reactor
internal import SystemSources
internal import Telemetry

/// The telemetry of a process, put together from the standard settings.
struct ServiceTelemetry {
  let telemetry: Telemetry
  let exporter: TraceExport?

  init(service: String, settings: OTelSettings, logger: Logger) {
    let registry = MetricsRegistry()
    ProcessMetrics.register(in: registry, service: service, version: CadreVersion.current)
    var exporter: SpanExporter?
    if settings.tracesEndpoint != nil {
      exporter = SpanExporter(
        settings: settings, service: service, version: CadreVersion.current, instance: UUID.version7().description,
        registry: registry)
    }
    // Without a collector nobody reads spans: they are not even recorded, while contexts still travel.
    let sampler = exporter == nil ? Sampler(ratio: 0, followsParent: true) : settings.sampler
    telemetry = Telemetry(
      service: service, registry: registry, tracer: Tracer(sampler: sampler, sink: exporter), logger: logger)
    self.exporter = exporter.flatMap { TraceExport(exporter: $0, settings: settings, logger: logger) }
  }
}

/// Carries batches of spans to the collector over HTTP.
struct TraceExport: Sendable {
  /// A collector cannot ask for a longer pause.
  private static let retrySecondsMax = 300

  private let exporter: SpanExporter
  private let url: HTTPURL
  private let headers: HTTPHeaders
  private let timeout: Duration
  private let logger: Logger

  init?(exporter: SpanExporter, settings: OTelSettings, logger: Logger) {
    guard let endpoint = settings.tracesEndpoint, let url = try? HTTPURL(endpoint) else { return nil }
    self.exporter = exporter
    self.url = url
    self.logger = logger
    timeout = .milliseconds(settings.timeoutMilliseconds)
    var headers = HTTPHeaders()
    for header in settings.headers { headers.append(header.name, header.value) }
    self.headers = headers
  }

  func run(_ client: HTTPClient) async {
    await exporter.run(sleep: { try await EventLoop.sleep(for: $0) }, send: { await send($0, client) })
  }

  /// Sends what is left, without patience for a collector that is away.
  func flush(_ client: HTTPClient) async {
    await exporter.flush(sleep: { _ in throw CancellationError() }, send: { await send($0, client) })
  }

  private func send(_ batch: OTLPRequest, _ client: HTTPClient) async -> OTLPResult {
    var headers = headers
    headers.set(.contentType, batch.contentType)
    let request = HTTPClientRequest(.post, url, headers: headers, body: .bytes(batch.body), timeout: timeout)
    do {
      let response = try await client.send(request, peer: "otel-collector")
      _ = try await response.body.collect(upTo: 1 << 20)
      switch response.status.code {
      case 200..<300: return .accepted
      case 429, 502, 503, 504:
        return .retry(
          after: response.headers[.retryAfter].flatMap { Int($0) }.map {
            .seconds(min(max(0, $0), TraceExport.retrySecondsMax))
          })
      default:
        logger.warning("the collector refused spans", ["status": .int(Int64(response.status.code))])
        return .rejected
      }
    } catch {
      logger.warning("the collector cannot be reached", ["reason": .string("\(error)")])
      return .retry(after: nil)
    }
  }
}

/// How busy the event loops are.
enum LoopMetrics {
  private static let probeInterval = Duration.milliseconds(500)

  static func register(in registry: MetricsRegistry, group: EventLoopGroup) {
    let lag = registry.histogram(
      "cadre_loop_lag_seconds", help: "How late a timer of the loop fires: the time that work made it wait.",
      labels: ["loop"])
    for loop in group.loops {
      let histogram = lag.with("\(loop.index)")
      loop.task {
        while true {
          let expected = MonotonicClock.now() &+ UInt64(clamping: probeInterval.nanoseconds)
          try await EventLoop.sleep(for: probeInterval)
          let now = MonotonicClock.now()
          histogram.observe(nanoseconds: now > expected ? now - expected : 0)
        }
      }
    }
  }
}
