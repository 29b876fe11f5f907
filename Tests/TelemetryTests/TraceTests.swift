import Foundation
import Primitives
import Synchronization
import Testing

@testable import Telemetry

private let good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

final class CollectedSpans: SpanSink {
  private let spans = Mutex<[FinishedSpan]>([])
  func finished(_ span: FinishedSpan) { spans.withLock { $0.append(span) } }
  var all: [FinishedSpan] { spans.withLock { $0 } }
}

@Suite struct TraceContextTests {
  @Test func `reads and writes the header`() throws {
    let context = try #require(TraceContext(traceparent: good, tracestate: "a=1,b=2"))
    #expect(context.traceparent == good)
    #expect(context.isSampled && context.state == "a=1,b=2")
    #expect(context.child().traceIDText == context.traceIDText)
    #expect(context.child().spanID != context.spanID)
    var bytes: [UInt8] = []
    context.appendHeaders(to: &bytes)
    #expect(String(decoding: bytes, as: UTF8.self) == "traceparent: \(good)\r\ntracestate: a=1,b=2\r\n")
  }

  private static let hostile: [String] = {
    var list = ["", "00", String(good.dropLast()), good + "0", good + "-", good.uppercased(), " " + good, good + ";x"]
    list.append("ff" + String(good.dropFirst(2)))
    list.append("é" + String(good.dropFirst(2)))
    list.append("0-" + good)
    list.append(String(good.reversed()))
    list.append(String(repeating: "0", count: 55))
    list.append(String(repeating: "-", count: 55))
    list.append("00--" + String(good.dropFirst(4)))
    list.append("\0" + String(good.dropFirst()))
    let changes = [
      ("0af7651916cd43dd8448eb211c80319c", String(repeating: "0", count: 32)), ("0af", "0ag"), ("-01", "-0"),
      ("b7ad6b7169203331", String(repeating: "0", count: 16)), ("-", "_"), ("-01", "-0x"), ("00-", "0g-"),
      ("c-b", "cb-"),
      ("31-01", "3-101"), ("0af", "0AF"),
    ]
    for (old, new) in changes { list.append(good.replacingOccurrences(of: old, with: new)) }
    return list
  }()

  @Test(arguments: hostile)
  func `refuses what is not valid`(header: String) {
    #expect(TraceContext(traceparent: header) == nil)
  }

  @Test func `tolerates later versions with more behind`() {
    #expect(TraceContext(traceparent: "01" + good.dropFirst(2) + "-more") != nil)
    #expect(TraceContext(traceparent: "01" + good.dropFirst(2)) != nil)
    #expect(TraceContext(traceparent: "01" + good.dropFirst(2) + "more") == nil)
  }

  @Test(arguments: [
    "", "novalue", "a=1,a=2", "=1", String(repeating: "x", count: 513),
    (0..<33).map { "k\($0)=1" }.joined(separator: ","), "a=\u{7f}",
  ])
  func `a bad tracestate is dropped alone`(state: String) {
    let context = TraceContext(traceparent: good, tracestate: state)
    #expect(context != nil)
    #expect(context?.state == nil)
  }
}

@Suite struct TracerTests {
  @Test func `a sampled span carries its attributes, its error and its parent`() throws {
    let sink = CollectedSpans()
    let tracer = Tracer(sampler: Sampler(ratio: 1, followsParent: true), sink: sink)
    let parent = tracer.startSpan("parent", kind: .server)
    let child = tracer.startSpan("child", kind: .client, parent: parent.context)
    child.setAttribute("k", .string("v"))
    child.recordError(type: "t", message: "m")
    child.end()
    child.end()
    child.setAttribute("late", .int(1))
    parent.end()
    #expect(sink.all.map(\.name) == ["child", "parent"])
    let finished = try #require(sink.all.first)
    #expect(finished.parentID == parent.context.spanID)
    #expect(finished.context.traceIDText == parent.context.traceIDText)
    #expect(finished.attributes.map(\.key) == ["k", "error.type"])
    #expect(finished.error == "m")
    #expect(finished.endUnixNanoseconds >= finished.startUnixNanoseconds)
  }

  @Test func `links, ids that follow from elsewhere, and beginnings that were before`() throws {
    let sink = CollectedSpans()
    let tracer = Tracer(sampler: Sampler(ratio: 1, followsParent: true), sink: sink)
    let parent = try #require(TraceContext(traceparent: good))
    let before = Timestamp(unixMicroseconds: 1_700_000_000_000_000)
    let span = tracer.startSpan("s", parent: parent, id: 7, startedAt: before)
    for number in 1...20 { span.addLink(parent.child(spanID: UInt64(number)), ["n": .int(Int64(number))]) }
    span.end()
    span.addLink(parent)
    let finished = try #require(sink.all.first)
    #expect(finished.context.spanID == 7 && finished.parentID == parent.spanID)
    #expect(finished.startUnixNanoseconds == 1_700_000_000_000_000_000)
    #expect(finished.endUnixNanoseconds > finished.startUnixNanoseconds + 1_000_000_000)
    #expect(finished.links.map(\.context.spanID) == Array(1...16))
    // A beginning in the future is the present.
    tracer.startSpan("t", startedAt: Timestamp(unixMicroseconds: .max)).end()
    let other = try #require(sink.all.last)
    #expect(
      other.endUnixNanoseconds >= other.startUnixNanoseconds && other.endUnixNanoseconds < 5_000_000_000_000_000_000)
  }

  @Test func `who records nothing hands on its caller's place`() throws {
    let parent = try #require(TraceContext(traceparent: good))
    let span = Tracer(sampler: Sampler(ratio: 0, followsParent: true), sink: nil).startSpan("s", parent: parent)
    #expect(span.context == parent && !span.isRecording)
  }

  @Test func `secrets in errors are masked`() throws {
    let sink = CollectedSpans()
    let span = Tracer(sampler: Sampler(ratio: 1, followsParent: true), sink: sink).startSpan("s")
    span.recordError(type: "t", message: "cannot reach http://user:password@host/ with Bearer abcdefghi")
    span.end()
    let error = try #require(sink.all.first?.error)
    #expect(!error.contains("password") && !error.contains("abcdefghi") && error.contains("host"))
  }

  @Test func `the caller's decision is followed, or not, as the sampler says`() throws {
    let sink = CollectedSpans()
    let unsampled = try #require(TraceContext(traceparent: good.dropLast() + "0"))
    Tracer(sampler: Sampler(ratio: 1, followsParent: true), sink: sink).startSpan("a", parent: unsampled).end()
    #expect(sink.all.isEmpty)
    Tracer(sampler: Sampler(ratio: 1, followsParent: false), sink: sink).startSpan("b", parent: unsampled).end()
    #expect(sink.all.map(\.name) == ["b"])
    let half = Tracer(sampler: Sampler(ratio: 0.5, followsParent: true), sink: nil)
    let share = (0..<4000).filter { _ in half.startSpan("x").context.isSampled }.count
    #expect((1600...2400).contains(share))
  }

  @Test func `settings are read by their standard names, faults name the variable`() {
    let settings = OTelSettings(environment: [
      "OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318/",
      "OTEL_EXPORTER_OTLP_HEADERS": "Authorization=Bearer%20x,a=b",
      "OTEL_SERVICE_NAME": "s", "OTEL_RESOURCE_ATTRIBUTES": "k=v", "OTEL_TRACES_SAMPLER": "parentbased_traceidratio",
      "OTEL_TRACES_SAMPLER_ARG": "0.25",
    ])
    #expect(settings.traces.endpoint == "http://collector:4318/v1/traces")
    #expect(settings.traces.headers.map { "\($0.name):\($0.value)" } == ["authorization:Bearer x", "a:b"])
    #expect(settings.sampler == Sampler(ratio: 0.25, followsParent: true))
    #expect(settings.faults.isEmpty)
    let direct = OTelSettings(environment: ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://c/x"])
    #expect(direct.traces.endpoint == "http://c/x")
    #expect(
      OTelSettings(environment: ["OTEL_EXPORTER_OTLP_ENDPOINT": "http://c", "OTEL_SDK_DISABLED": "true"]).traces
        .endpoint == nil)
    let bad = OTelSettings(environment: [
      "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc", "OTEL_TRACES_SAMPLER_ARG": "2", "OTEL_TRACES_SAMPLER": "traceidratio",
      "OTEL_BSP_MAX_QUEUE_SIZE": "many", "OTEL_EXPORTER_OTLP_HEADERS": "novalue",
    ])
    for name in [
      "OTEL_EXPORTER_OTLP_PROTOCOL", "OTEL_TRACES_SAMPLER_ARG", "OTEL_BSP_MAX_QUEUE_SIZE", "OTEL_EXPORTER_OTLP_HEADERS",
    ] {
      #expect(bad.faults.contains { $0.contains(name) })
    }
  }
}

@Suite struct ExportTests {
  private func span(_ name: String) -> FinishedSpan {
    FinishedSpan(
      context: TraceContext(
        traceHigh: 0x0af7_6519_16cd_43dd, traceLow: 0x8448_eb21_1c80_319c, spanID: 0xb7ad_6b71_6920_3331,
        isSampled: true),
      parentID: 0x1122_3344_5566_7788, name: name, kind: .server, startUnixNanoseconds: 1_700_000_000_000_000_000,
      endUnixNanoseconds: 1_700_000_000_500_000_000,
      attributes: [("s", .string("é")), ("i", .int(-5)), ("d", .double(1.5)), ("b", .bool(true))], error: "broken")
  }

  private let resource = OTLPResource(attributes: [("service.name", .string("cadre"))])

  @Test func `the protobuf form is understood by an independent decoder`() throws {
    let bytes = OTLPEncoder.traces([span("GET /x")], resource, .protobuf).body
    let request = try ProtobufFields(bytes)
    let resourceSpans = try ProtobufFields(#require(request.bytes(1)))
    let resource = try ProtobufFields(#require(resourceSpans.bytes(1)))
    let attribute = try ProtobufFields(#require(resource.bytes(1)))
    #expect(attribute.text(1) == "service.name")
    let scopeSpans = try ProtobufFields(#require(resourceSpans.bytes(2)))
    #expect(try ProtobufFields(#require(scopeSpans.bytes(1))).text(1) == "cadre")
    let decoded = try ProtobufFields(#require(scopeSpans.bytes(2)))
    #expect(decoded.bytes(1)?.count == 16 && decoded.bytes(1)?.first == 0x0a)
    #expect(decoded.bytes(2) == [0xb7, 0xad, 0x6b, 0x71, 0x69, 0x20, 0x33, 0x31])
    #expect(decoded.bytes(4)?.first == 0x11)
    #expect(decoded.text(5) == "GET /x")
    #expect(decoded.number(6) == 2)
    #expect(decoded.number(7) == 1_700_000_000_000_000_000)
    #expect(decoded.number(8) == 1_700_000_000_500_000_000)
    #expect(decoded.count(9) == 4)
    let status = try ProtobufFields(#require(decoded.bytes(15)))
    #expect(status.text(2) == "broken" && status.number(3) == 2)
  }

  @Test func `the JSON form has hexadecimal ids and numbers as text`() throws {
    let bytes = OTLPEncoder.traces([span("a\"b")], resource, .json).body
    let root = try JSONSerialization.jsonObject(with: Data(bytes)) as? [String: Any]
    let text = "\(try #require(root))"
    #expect(text.contains("0af7651916cd43dd8448eb211c80319c") && text.contains("1700000000000000000"))
    #expect(text.contains("1122334455667788") && text.contains("broken"))
  }

  private func exporter(_ registry: MetricsRegistry, queue: String = "10") -> SpanExporter {
    SpanExporter(
      settings: OTelSettings(environment: ["OTEL_EXPORTER_OTLP_ENDPOINT": "http://c", "OTEL_BSP_MAX_QUEUE_SIZE": queue]
      ),
      resource: resource, registry: registry)
  }

  private func metric(_ registry: MetricsRegistry, _ name: String) -> Int {
    let lines = String(decoding: registry.render(.prometheusText), as: UTF8.self).split(separator: "\n")
    return lines.first { $0.hasPrefix(name + " ") }.flatMap { Int($0.split(separator: " ")[1]) } ?? -1
  }

  @Test func `what does not fit the queue is dropped and counted`() async {
    let registry = MetricsRegistry()
    let exporter = exporter(registry)
    for _ in 0..<15 { exporter.finished(span("x")) }
    await exporter.deliver { _ in .accepted }
    #expect(metric(registry, "cadre_telemetry_spans_dropped_total") == 5)
    #expect(metric(registry, "cadre_telemetry_spans_exported_total") == 10)
  }

  @Test func `a collector that is busy is asked again, one that refuses is not`() async {
    let registry = MetricsRegistry()
    let exporter = exporter(registry)
    let tries = Mutex(0)
    exporter.finished(span("x"))
    await exporter.deliver { _ in
      tries.withLock {
        $0 += 1; return $0 < 3 ? .retry(after: .seconds(1)) : .accepted
      }
    }
    #expect(tries.withLock { $0 } == 3)
    exporter.finished(span("y"))
    await exporter.deliver { _ in
      tries.withLock {
        $0 += 1; return .rejected
      }
    }
    #expect(tries.withLock { $0 } == 4)
    exporter.finished(span("z"))
    await exporter.deliver { _ in
      tries.withLock {
        $0 += 1; return .retry(after: nil)
      }
    }
    #expect(tries.withLock { $0 } == 8)
    #expect(metric(registry, "cadre_telemetry_spans_exported_total") == 1)
    #expect(metric(registry, "cadre_telemetry_spans_failed_total") == 2)
  }
}

extension SpanExporter {
  /// Exports what waits, without pauses.
  fileprivate func deliver(_ send: @escaping @Sendable (OTLPRequest) async -> OTLPResult) async {
    await flush(OTLPTransport(sleep: { _ in }, send: send))
  }
}

/// A reader of the protobuf wire format, written apart from the encoder.
private struct ProtobufFields {
  private var fields: [(number: Int, bytes: [UInt8], value: UInt64)] = []

  init(_ bytes: [UInt8]) throws {
    var rest = bytes[...]
    func varint() throws -> UInt64 {
      var value: UInt64 = 0
      var shift: UInt64 = 0
      while let byte = rest.popFirst() {
        value |= UInt64(byte & 0x7F) << shift
        if byte < 0x80 { return value }
        shift += 7
      }
      throw CocoaError(.coderInvalidValue)
    }
    while !rest.isEmpty {
      let tag = try varint()
      switch tag & 7 {
      case 0: fields.append((Int(tag >> 3), [], try varint()))
      case 1:
        fields.append((Int(tag >> 3), [], rest.prefix(8).reversed().reduce(0) { $0 << 8 | UInt64($1) }))
        rest = rest.dropFirst(8)
      case 2:
        let count = Int(try varint())
        fields.append((Int(tag >> 3), Array(rest.prefix(count)), 0))
        rest = rest.dropFirst(count)
      default: throw CocoaError(.coderInvalidValue)
      }
    }
  }

  func bytes(_ number: Int) -> [UInt8]? { fields.first { $0.number == number }?.bytes }
  func text(_ number: Int) -> String? { bytes(number).map { String(decoding: $0, as: UTF8.self) } }
  func number(_ number: Int) -> UInt64? { fields.first { $0.number == number }?.value }
  func count(_ number: Int) -> Int { fields.filter { $0.number == number }.count }
}
