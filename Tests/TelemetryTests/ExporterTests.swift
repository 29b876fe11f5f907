import Foundation
import Synchronization
import Testing

@testable import Telemetry

private let resource = OTLPResource(attributes: [("service.name", .string("cadre"))])

/// A collector whose answers a test chooses.
private final class Collector: Sendable {
  private let requests = Mutex<[OTLPRequest]>([])
  private let answers: Mutex<[OTLPResult]>
  let pauses = Mutex<[Duration]>([])

  init(_ answers: OTLPResult...) { self.answers = Mutex(answers) }

  /// The last answer is given again and again.
  var transport: OTLPTransport {
    OTLPTransport(
      sleep: { pause in
        self.pauses.withLock { $0.append(pause) }
        await Task.yield()
        try Task.checkCancellation()
      },
      send: { request in
        self.requests.withLock { $0.append(request) }
        return self.answers.withLock { $0.count > 1 ? $0.removeFirst() : $0.first ?? .accepted }
      })
  }

  var received: [OTLPRequest] { requests.withLock { $0 } }

  func documents() throws -> [[String: Any]] {
    try received.compactMap { try JSONSerialization.jsonObject(with: Data($0.body)) as? [String: Any] }
  }
}

private func settings(_ more: [String: String] = [:]) -> OTelSettings {
  OTelSettings(
    environment: [
      "OTEL_EXPORTER_OTLP_ENDPOINT": "http://c", "OTEL_EXPORTER_OTLP_PROTOCOL": "http/json",
      "OTEL_LOGS_EXPORTER": "otlp", "OTEL_METRICS_EXPORTER": "otlp",
    ].merging(more) { $1 })
}

private func metric(_ registry: MetricsRegistry, _ name: String) -> Int {
  let lines = String(decoding: registry.render(.prometheusText), as: UTF8.self).split(separator: "\n")
  return lines.first { $0.hasPrefix(name + " ") }.flatMap { Int($0.split(separator: " ")[1]) } ?? -1
}

@Suite struct LogExportTests {
  @Test func `a record says what its line says, without secrets`() async throws {
    let registry = MetricsRegistry()
    let exporter = LogExporter(settings: settings(), resource: resource, registry: registry)
    let lines = MemoryLogSink()
    let logger = Logger(service: "s", minimum: .info, sink: lines, exporter: exporter)
    let trace = try #require(TraceContext(traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"))
    logger.warning(
      "m", ["password": .string("hunter2"), "url": .string("http://u:secret@h/"), "count": .int(3)], trace: trace)
    logger.debug("below the level")
    logger.unexported.warning("the collector is away")
    let collector = Collector(.accepted)
    await exporter.finish(collector.transport)
    let text = String(decoding: try #require(collector.received.first).body, as: UTF8.self)
    #expect(lines.lines.count == 2 && collector.received.count == 1)
    #expect(!text.contains("hunter2") && !text.contains("secret") && !text.contains("below") && !text.contains("away"))
    for part in [
      #""severityNumber":13"#, #""severityText":"warning""#, #""body":{"stringValue":"m"}"#,
      #"{"key":"count","value":{"intValue":"3"}}"#, #"{"key":"password","value":{"stringValue":"[redacted]"}}"#,
      #""traceId":"0af7651916cd43dd8448eb211c80319c","spanId":"b7ad6b7169203331""#,
    ] { #expect(text.contains(part), "\(part) in \(text)") }
    #expect(metric(registry, "cadre_telemetry_logs_exported_total") == 1)
  }

  @Test func `a collector that is away at the end is asked once`() async {
    let registry = MetricsRegistry()
    let exporter = LogExporter(
      settings: settings(["OTEL_BLRP_MAX_QUEUE_SIZE": "6", "OTEL_BLRP_MAX_EXPORT_BATCH_SIZE": "2"]),
      resource: resource, registry: registry)
    let logger = Logger(service: "s", minimum: .info, sink: MemoryLogSink(), exporter: exporter)
    for number in 0..<8 { logger.info("line \(number)") }
    let collector = Collector(.rejected)
    await exporter.finish(collector.transport)
    #expect(collector.received.count == 1)
    #expect(metric(registry, "cadre_telemetry_logs_failed_total") == 6)
    #expect(metric(registry, "cadre_telemetry_logs_dropped_total") == 2)
  }

  @Test func `pauses grow, and the collector's own wish counts`() async {
    let exporter = LogExporter(settings: settings(), resource: resource, registry: MetricsRegistry())
    let logger = Logger(service: "s", minimum: .info, sink: MemoryLogSink(), exporter: exporter)
    logger.info("one")
    let collector = Collector(.retry(after: nil), .retry(after: nil), .retry(after: .seconds(90)), .accepted)
    await exporter.finish(collector.transport)
    #expect(collector.pauses.withLock { $0 } == [.milliseconds(500), .seconds(1), .seconds(30)])
    #expect(collector.received.count == 4)
  }

  @Test func `a full batch does not wait, and what a cancelled export had is sent at the end`() async throws {
    let registry = MetricsRegistry()
    let exporter = LogExporter(
      settings: settings(["OTEL_BLRP_MAX_EXPORT_BATCH_SIZE": "2", "OTEL_BLRP_SCHEDULE_DELAY": "600000"]),
      resource: resource, registry: registry)
    let logger = Logger(service: "s", minimum: .info, sink: MemoryLogSink(), exporter: exporter)
    logger.info("one")
    logger.info("two")
    let (sent, arrived) = AsyncStream<Void>.makeStream()
    let running = Task {
      await exporter.run(
        OTLPTransport(
          sleep: {
            #expect($0 <= .milliseconds(500)); try Task.checkCancellation()
          },
          send: { _ in
            arrived.yield()
            // Hangs until the process ends.
            try? await Task.sleep(for: .seconds(120))
            return .retry(after: nil)
          }))
    }
    for await _ in sent { break }
    running.cancel()
    await running.value
    let collector = Collector(.accepted)
    await exporter.finish(collector.transport)
    #expect(metric(registry, "cadre_telemetry_logs_exported_total") == 2)
    #expect(metric(registry, "cadre_telemetry_logs_failed_total") == 0)
  }
}

@Suite struct MetricExportTests {
  @Test func `every kind of metric has its form`() async throws {
    let registry = MetricsRegistry()
    registry.counter("a_total", help: "A.", labels: ["l"]).with("x").add(5)
    registry.gauge("b_bytes", help: "B.").set(-2)
    registry.observeGauge("c", help: "C.") { 1.5 }
    let histogram = registry.histogram("d_seconds", help: "D.", buckets: [1, 2]).with()
    let trace = try #require(TraceContext(traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"))
    histogram.observe(1.5, in: trace)
    histogram.observe(9)
    let exporter = MetricExporter(settings: settings(), resource: resource, registry: registry)
    let collector = Collector(.accepted)
    await exporter.finish(collector.transport)
    let text = String(decoding: try #require(collector.received.first).body, as: UTF8.self)
    for part in [
      #"{"name":"a_total","description":"A.","sum":{"dataPoints":[{"attributes":[{"key":"l","value":{"stringValue":"x"}}]"#,
      #""asInt":"5"}],"aggregationTemporality":2,"isMonotonic":true}"#,
      #"{"name":"b_bytes","description":"B.","unit":"By","gauge":{"dataPoints":[{"timeUnixNano":""#, #""asInt":"-2""#,
      #""asDouble":1.5"#, #""unit":"s","histogram":"#,
      #""count":"2","sum":10.5,"bucketCounts":["0","1","1"],"explicitBounds":[1.0,2.0],"exemplars":[{"timeUnixNano":""#,
      #""spanId":"b7ad6b7169203331","traceId":"0af7651916cd43dd8448eb211c80319c""#,
    ] { #expect(text.contains(part), "\(part) in \(text)") }
    #expect(metric(registry, "cadre_telemetry_metric_exports_total") == 1)
  }

  @Test func `it comes again and again, and its failures are counted`() async {
    let registry = MetricsRegistry()
    let exporter = MetricExporter(
      settings: settings(["OTEL_METRIC_EXPORT_INTERVAL": "100"]), resource: resource, registry: registry)
    let collector = Collector(.rejected, .accepted)
    let running = Task { await exporter.run(collector.transport) }
    while collector.received.count < 3 { await Task.yield() }
    running.cancel()
    await running.value
    #expect(metric(registry, "cadre_telemetry_metric_exports_failed_total") == 1)
    #expect(collector.pauses.withLock { $0.allSatisfy { $0 == .milliseconds(100) } })
  }
}

@Suite struct SignalSettingsTests {
  @Test func `logs and metrics are exported where that is asked for`() {
    let base = ["OTEL_EXPORTER_OTLP_ENDPOINT": "http://c/"]
    func signals(_ more: [String: String]) -> [String?] {
      let settings = OTelSettings(environment: base.merging(more) { $1 })
      #expect(settings.faults.isEmpty, "\(settings.faults)")
      return [settings.traces.endpoint, settings.metrics.endpoint, settings.logs.endpoint]
    }
    #expect(signals([:]) == ["http://c/v1/traces", nil, nil])
    #expect(
      signals(["OTEL_LOGS_EXPORTER": "otlp", "OTEL_METRICS_EXPORTER": "otlp", "OTEL_TRACES_EXPORTER": "none"])
        == [nil, "http://c/v1/metrics", "http://c/v1/logs"])
    #expect(signals(["OTEL_EXPORTER_OTLP_LOGS_ENDPOINT": "https://l/x"]) == ["http://c/v1/traces", nil, "https://l/x"])
    #expect(
      signals(["OTEL_EXPORTER_OTLP_LOGS_ENDPOINT": "https://l/x", "OTEL_LOGS_EXPORTER": "none"])
        == ["http://c/v1/traces", nil, nil])
    #expect(signals(["OTEL_SDK_DISABLED": "true", "OTEL_LOGS_EXPORTER": "otlp"]) == [nil, nil, nil])
  }

  @Test func `each kind has settings of its own`() {
    let settings = OTelSettings(environment: [
      "OTEL_EXPORTER_OTLP_ENDPOINT": "http://c", "OTEL_EXPORTER_OTLP_LOGS_PROTOCOL": "http/json",
      "OTEL_EXPORTER_OTLP_HEADERS": "a=b", "OTEL_EXPORTER_OTLP_METRICS_HEADERS": "c=d",
      "OTEL_EXPORTER_OTLP_TIMEOUT": "7000", "OTEL_EXPORTER_OTLP_LOGS_TIMEOUT": "300",
      "OTEL_METRIC_EXPORT_INTERVAL": "5000", "OTEL_BLRP_MAX_QUEUE_SIZE": "9", "OTEL_BSP_MAX_QUEUE_SIZE": "8",
    ])
    #expect(settings.faults.isEmpty)
    #expect(settings.logs.encoding == .json && settings.traces.encoding == .protobuf)
    #expect(settings.metrics.headers.map(\.name) == ["c"] && settings.logs.headers.map(\.name) == ["a"])
    #expect(settings.logs.timeoutMilliseconds == 300 && settings.traces.timeoutMilliseconds == 7000)
    #expect(settings.metricIntervalMilliseconds == 5000)
    #expect(settings.logBatches.queueMax == 9 && settings.spanBatches.queueMax == 8)
  }

  @Test(arguments: [
    ("OTEL_LOGS_EXPORTER", "console"), ("OTEL_METRICS_EXPORTER", "prometheus"),
    ("OTEL_METRIC_EXPORT_INTERVAL", "soon"), ("OTEL_BLRP_SCHEDULE_DELAY", "0"),
    ("OTEL_EXPORTER_OTLP_LOGS_PROTOCOL", "grpc"), ("OTEL_EXPORTER_OTLP_METRICS_HEADERS", "novalue"),
    ("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", "collector:4318"), ("OTEL_EXPORTER_OTLP_LOGS_TIMEOUT", "-1"),
  ])
  func `faults name their variable, once`(name: String, value: String) {
    #expect(OTelSettings(environment: [name: value]).faults.filter { $0.contains(name) }.count == 1)
  }
}
