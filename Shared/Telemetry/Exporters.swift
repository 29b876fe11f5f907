internal import Primitives
internal import SystemSources

/// Something that goes to a collector aside from all requests.
public protocol TelemetryExporter: Sendable {
  /// Exports until the task is cancelled.
  func run(_ transport: OTLPTransport) async
  /// Exports what is left at the end of the process; gives up at the first failure.
  func finish(_ transport: OTLPTransport) async
}

/// Gathers finished spans and exports them in batches.
public final class SpanExporter: SpanSink, TelemetryExporter {
  private let queue: ExportQueue<FinishedSpan>

  /// Makes an exporter; `run` does the work.
  public init(settings: OTelSettings, resource: OTLPResource, registry: MetricsRegistry) {
    let encoding = settings.traces.encoding
    queue = ExportQueue(
      settings: settings.spanBatches,
      exported: registry.counter("cadre_telemetry_spans_exported_total", help: "Spans that the collector has taken."),
      dropped: registry.counter(
        "cadre_telemetry_spans_dropped_total", help: "Spans dropped because the queue was full."),
      failed: registry.counter("cadre_telemetry_spans_failed_total", help: "Spans that the collector did not take.")
    ) { OTLPEncoder.traces($0, resource, encoding) }
  }

  /// Queues a span.
  public func finished(_ span: FinishedSpan) { queue.add(span) }

  func flush(_ transport: OTLPTransport) async { await queue.flush(transport) }

  /// Exports until the task is cancelled.
  public func run(_ transport: OTLPTransport) async { await queue.run(transport) }

  /// Exports what is left.
  public func finish(_ transport: OTLPTransport) async { await queue.flush(transport, givesUp: true) }
}

/// Gathers log records and exports them in batches.
public final class LogExporter: LogRecordSink, TelemetryExporter {
  private let queue: ExportQueue<LogRecord>

  /// Makes an exporter; `run` does the work.
  public init(settings: OTelSettings, resource: OTLPResource, registry: MetricsRegistry) {
    let encoding = settings.logs.encoding
    queue = ExportQueue(
      settings: settings.logBatches,
      exported: registry.counter(
        "cadre_telemetry_logs_exported_total", help: "Log records that the collector has taken."),
      dropped: registry.counter(
        "cadre_telemetry_logs_dropped_total", help: "Log records not exported because the queue was full."),
      failed: registry.counter(
        "cadre_telemetry_logs_failed_total", help: "Log records that the collector did not take.")
    ) { OTLPEncoder.logs($0, resource, encoding) }
  }

  /// Queues a record.
  public func logged(_ record: LogRecord) { queue.add(record) }

  /// Exports until the task is cancelled.
  public func run(_ transport: OTLPTransport) async { await queue.run(transport) }

  /// Exports what is left.
  public func finish(_ transport: OTLPTransport) async { await queue.flush(transport, givesUp: true) }
}

/// Exports all metrics now and then. They are cumulative: an export that fails loses nothing but its moment.
public final class MetricExporter: TelemetryExporter {
  private let registry: MetricsRegistry
  private let resource: OTLPResource
  private let encoding: OTLPEncoding
  private let interval: Duration
  private let startedAt = MetricExporter.now()
  private let exported: Counter
  private let failed: Counter

  /// Makes an exporter; `run` does the work.
  public init(settings: OTelSettings, resource: OTLPResource, registry: MetricsRegistry) {
    self.registry = registry
    self.resource = resource
    encoding = settings.metrics.encoding
    interval = .milliseconds(settings.metricIntervalMilliseconds)
    exported = registry.counter(
      "cadre_telemetry_metric_exports_total", help: "Exports of all metrics that the collector has taken.")
    failed = registry.counter(
      "cadre_telemetry_metric_exports_failed_total", help: "Exports of all metrics that the collector did not take.")
  }

  /// Exports until the task is cancelled.
  public func run(_ transport: OTLPTransport) async {
    while !Task.isCancelled {
      do { try await transport.sleep(interval) } catch { return }
      await export(transport)
    }
  }

  /// Exports the last values.
  public func finish(_ transport: OTLPTransport) async { await export(transport) }

  private func export(_ transport: OTLPTransport) async {
    let request = OTLPEncoder.metrics(registry, since: startedAt, at: MetricExporter.now(), resource, encoding)
    (await transport.deliver(request) ? exported : failed).add()
  }

  private static func now() -> UInt64 { UInt64(clamping: WallClock.now().unixMicroseconds) &* 1000 }
}
