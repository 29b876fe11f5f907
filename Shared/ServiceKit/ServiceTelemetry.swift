internal import HTTP
internal import HTTPWire
internal import Primitives
internal import Reactor
internal import SystemSources
internal import Telemetry

/// The telemetry of a process, put together from the standard settings.
struct ServiceTelemetry {
  let telemetry: Telemetry
  let export: TelemetryExport

  init(service: String, settings: OTelSettings, minimum: LogLevel, sink: any LogSink) {
    let registry = MetricsRegistry()
    ProcessMetrics.register(in: registry, service: service, version: CadreVersion.current)
    let resource = OTLPResource(
      settings: settings, service: service, version: CadreVersion.current, instance: UUID.version7().description)
    let spans =
      settings.traces.endpoint == nil
      ? nil : SpanExporter(settings: settings, resource: resource, registry: registry)
    let records =
      settings.logs.endpoint == nil ? nil : LogExporter(settings: settings, resource: resource, registry: registry)
    let metrics =
      settings.metrics.endpoint == nil
      ? nil : MetricExporter(settings: settings, resource: resource, registry: registry)
    let logger = Logger(service: service, minimum: minimum, sink: sink, exporter: records)
    // Without a collector nobody reads spans: they are not even recorded, while contexts still travel.
    let sampler = spans == nil ? Sampler(ratio: 0, followsParent: true) : settings.sampler
    telemetry = Telemetry(
      service: service, registry: registry, tracer: Tracer(sampler: sampler, sink: spans), logger: logger)
    export = TelemetryExport(
      [(spans, settings.traces), (records, settings.logs), (metrics, settings.metrics)], logger: logger.unexported)
  }
}

/// Carries telemetry to collectors over HTTP.
struct TelemetryExport: Sendable {
  /// One kind of telemetry and its collector.
  private struct Way: Sendable {
    let exporter: any TelemetryExporter
    let url: HTTPURL
    let headers: HTTPHeaders
    let timeout: Duration
  }

  /// A collector cannot ask for a longer pause.
  private static let retrySecondsMax = 300
  /// Time for each batch at the end of the process.
  private static let lastTimeout = Duration.seconds(3)
  private static let answerBytesMax = 1 << 20

  private let ways: [Way]
  private let logger: Logger

  init(_ exporters: [((any TelemetryExporter)?, OTLPSignal)], logger: Logger) {
    self.logger = logger
    ways = exporters.compactMap { exporter, signal in
      guard let exporter, let endpoint = signal.endpoint, let url = try? HTTPURL(endpoint) else { return nil }
      var headers = HTTPHeaders()
      for header in signal.headers { headers.append(header.name, header.value) }
      return Way(
        exporter: exporter, url: url, headers: headers, timeout: .milliseconds(signal.timeoutMilliseconds))
    }
  }

  /// Exports until the task is cancelled.
  func run(_ client: HTTPClient) async {
    await withTaskGroup(of: Void.self) { group in
      for way in ways {
        group.addTask { [self] in
          await way.exporter.run(
            OTLPTransport(sleep: { try await EventLoop.sleep(for: $0) }) { await send($0, way, way.timeout, client) })
        }
      }
    }
  }

  /// Sends what is left, without patience for a collector that is away.
  func finish(_ client: HTTPClient) async {
    for way in ways {
      await way.exporter.finish(
        OTLPTransport(sleep: { _ in throw CancellationError() }) {
          await send($0, way, min(way.timeout, TelemetryExport.lastTimeout), client)
        })
    }
  }

  private func send(
    _ batch: OTLPRequest, _ way: Way, _ timeout: Duration, _ client: HTTPClient
  ) async -> OTLPResult {
    var headers = way.headers
    headers.set(.contentType, batch.contentType)
    let request = HTTPClientRequest(.post, way.url, headers: headers, body: .bytes(batch.body), timeout: timeout)
    do {
      let response = try await client.send(request, peer: "otel-collector")
      _ = try await response.body.collect(upTo: TelemetryExport.answerBytesMax)
      switch response.status.code {
      case 200..<300: return .accepted
      case 429, 502, 503, 504:
        return .retry(
          after: response.headers[.retryAfter].flatMap { Int($0) }.map {
            .seconds(min(max(0, $0), TelemetryExport.retrySecondsMax))
          })
      default:
        logger.warning("the collector refused telemetry", ["status": .int(Int64(response.status.code))])
        return .rejected
      }
    } catch is CancellationError {
      return .retry(after: nil)
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
