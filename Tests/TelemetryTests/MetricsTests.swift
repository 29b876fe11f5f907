import Foundation
import Telemetry
import Testing

@Suite struct MetricsTests {
  @Test func `increments of many threads add up exactly`() async {
    let registry = MetricsRegistry()
    let counter = registry.counter("t_total", help: "h.")
    let histogram = registry.histogram("t_seconds", help: "h.", buckets: [1, 2]).with()
    await withTaskGroup(of: Void.self) { group in
      for _ in 0..<16 {
        group.addTask {
          for _ in 0..<5000 {
            counter.add()
            histogram.observe(1.5)
          }
        }
      }
    }
    #expect(counter.value == 80_000)
    #expect(histogram.count == 80_000)
    #expect(histogram.sum == 120_000)
  }

  @Test func `the classic format is written as scrapers expect`() {
    let registry = MetricsRegistry()
    registry.counter("b_total", help: "Counts \\ b\nlines.", labels: ["k"]).with("a\"b\\c\nd").add(3)
    registry.gauge("a_now", help: "Gauge.").set(-2)
    let histogram = registry.histogram("c_seconds", help: "Times.", labels: ["x"], buckets: [0.5, 1]).with("y")
    histogram.observe(0.5)
    histogram.observe(0.75)
    histogram.observe(9)
    #expect(
      String(decoding: registry.render(.prometheusText), as: UTF8.self) == """
        # HELP a_now Gauge.
        # TYPE a_now gauge
        a_now -2
        # HELP b_total Counts \\\\ b\\nlines.
        # TYPE b_total counter
        b_total{k="a\\"b\\\\c\\nd"} 3
        # HELP c_seconds Times.
        # TYPE c_seconds histogram
        c_seconds_bucket{x="y",le="0.5"} 1
        c_seconds_bucket{x="y",le="1"} 2
        c_seconds_bucket{x="y",le="+Inf"} 3
        c_seconds_sum{x="y"} 10.25
        c_seconds_count{x="y"} 3

        """)
    let open = String(decoding: registry.render(.openMetrics), as: UTF8.self)
    #expect(open.contains("# TYPE b counter\nb_total{") && open.hasSuffix("# EOF\n"))
  }

  @Test(
    arguments: [
      (nil, "text/plain"), ("text/plain", "text/plain"), ("*/*", "text/plain"), ("nonsense;;;q=", "text/plain"),
      ("application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5", "application/openmetrics-text"),
      ("application/openmetrics-text;q=0.2,text/plain;q=0.9", "text/plain"),
    ] as [(String?, String)])
  func `the format is negotiated`(accept: String?, type: String) {
    #expect(ExpositionFormat.negotiate(accept: accept).contentType.hasPrefix(type))
  }

  @Test func `a metric with too many series gathers the rest under one, and says so`() {
    let registry = MetricsRegistry()
    let family = registry.counter("many_total", help: "h.", labels: ["id"])
    for number in 0..<(MetricsRegistry.seriesPerFamilyMax + 50) { family.with("\(number)").add() }
    let text = String(decoding: registry.render(.prometheusText), as: UTF8.self)
    #expect(text.contains("many_total{id=\"other\"} 50\n"))
    #expect(text.contains("cadre_telemetry_series_overflow_total{family=\"many_total\"} 50\n"))
    #expect(text.split(separator: "\n").filter { $0.hasPrefix("many_total{") }.count == 501)
  }

  @Test func `a recorded trace is the exemplar of its bucket, in OpenMetrics alone`() {
    let registry = MetricsRegistry()
    let histogram = registry.histogram("c_seconds", help: "Times.", buckets: [1, 2], scale: 1000).with()
    let recorded = TraceContext(traceHigh: 1, traceLow: 0xAB, spanID: 3, isSampled: true)
    histogram.observe(0.5, in: TraceContext(traceHigh: 9, traceLow: 9, spanID: 9, isSampled: false))
    histogram.observe(1.5, in: recorded)
    histogram.observe(1.6, in: TraceContext(traceHigh: 7, traceLow: 7, spanID: 7, isSampled: true))
    histogram.observe(1.7)
    let open = String(decoding: registry.render(.openMetrics), as: UTF8.self).split(separator: "\n")
    let exemplar = #"c_seconds_bucket{le="2"} 4 # {trace_id="000000000000000100000000000000ab"} 1.5 "#
    // The second one came within the same second.
    #expect(open.contains { $0.hasPrefix(exemplar) })
    #expect(open.filter { $0.contains("trace_id") }.count == 1)
    #expect(!String(decoding: registry.render(.prometheusText), as: UTF8.self).contains("trace_id"))
  }

  @Test func `promtool finds nothing to complain about`() throws {
    let registry = MetricsRegistry()
    ProcessMetrics.register(in: registry, service: "test", version: "1")
    registry.counter("cadre_a_total", help: "A.", labels: ["x"]).with("é\"").add()
    registry.histogram("cadre_call_seconds", help: "B.").with().observe(0.1)
    let promtool = Process()
    promtool.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    promtool.arguments = ["promtool", "check", "metrics"]
    let (input, output) = (Pipe(), Pipe())
    promtool.standardInput = input
    promtool.standardError = output
    promtool.standardOutput = output
    try promtool.run()
    input.fileHandleForWriting.write(Data(registry.render(.prometheusText)))
    try input.fileHandleForWriting.close()
    try? output.fileHandleForWriting.close()
    promtool.waitUntilExit()
    let said = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    #expect(promtool.terminationStatus == 0, "\(said)")
  }
}
