/// Metrics as OTLP: cumulative, from the start of the process on, under the names and labels of `/metrics`.
extension OTLPEncoder {
  /// An `ExportMetricsServiceRequest` of everything that the registry holds now, observed at `unixNanoseconds`.
  public static func metrics(
    _ registry: MetricsRegistry, since startUnixNanoseconds: UInt64, at unixNanoseconds: UInt64,
    _ resource: OTLPResource, _ encoding: OTLPEncoding
  ) -> OTLPRequest {
    let families = registry.snapshot().filter { !$0.1.isEmpty }
    let moment = Moment(start: startUnixNanoseconds, now: unixNanoseconds)
    return switch encoding {
    case .protobuf: request(encoding, metrics(families, moment, resource) as ProtobufWriter)
    case .json: request(encoding, metrics(families, moment, resource) as OTLPJSONWriter)
    }
  }

  private typealias Series = ([String], MetricsRegistry.Instrument)

  private struct Moment {
    let start: UInt64
    let now: UInt64
  }

  /// `AGGREGATION_TEMPORALITY_CUMULATIVE`
  private static var cumulative: Int { 2 }

  private static func metrics<Writer: OTLPWriter>(
    _ families: [(MetricsRegistry.Declaration, [Series])], _ moment: Moment, _ resource: OTLPResource
  ) -> Writer {
    envelope(resource, OTLPField(1, "resourceMetrics"), OTLPField(2, "scopeMetrics")) { writer in
      writer.messages(OTLPField(2, "metrics"), families) { family, writer in
        let (declaration, series) = family
        writer.string(OTLPField(1, "name"), declaration.name)
        writer.string(OTLPField(2, "description"), declaration.help)
        if let unit = declaration.unit { writer.string(OTLPField(3, "unit"), unit) }
        switch declaration.kind {
        case .gauge:
          writer.message(OTLPField(5, "gauge")) { gauge in
            gauge.messages(OTLPField(1, "dataPoints"), series) { number($0, declaration, moment, &$1) }
          }
        case .counter:
          writer.message(OTLPField(7, "sum")) { sum in
            sum.messages(OTLPField(1, "dataPoints"), series) { number($0, declaration, moment, &$1) }
            sum.number(OTLPField(2, "aggregationTemporality"), cumulative)
            sum.bool(OTLPField(3, "isMonotonic"), true)
          }
        case .histogram:
          writer.message(OTLPField(9, "histogram")) { histogram in
            histogram.messages(OTLPField(1, "dataPoints"), series) { distribution($0, declaration, moment, &$1) }
            histogram.number(OTLPField(2, "aggregationTemporality"), cumulative)
          }
        }
      }
    }
  }

  private static func labels(_ values: [String], _ declaration: MetricsRegistry.Declaration) -> [(
    key: String, value: AttributeValue
  )] {
    zip(declaration.labels, values).map { ($0, .string($1)) }
  }

  private static func number(
    _ series: Series, _ declaration: MetricsRegistry.Declaration, _ moment: Moment, _ point: inout some OTLPWriter
  ) {
    write(labels(series.0, declaration), OTLPField(7, "attributes"), &point)
    if declaration.kind == .counter { point.fixed64(OTLPField(2, "startTimeUnixNano"), moment.start) }
    point.fixed64(OTLPField(3, "timeUnixNano"), moment.now)
    switch series.1 {
    case .counter(let counter): point.sfixed64(OTLPField(6, "asInt"), Int64(clamping: counter.value))
    case .gauge(let gauge): point.sfixed64(OTLPField(6, "asInt"), gauge.value)
    case .sampled(let sample): point.double(OTLPField(4, "asDouble"), sample())
    case .histogram: break
    }
  }

  private static func distribution(
    _ series: Series, _ declaration: MetricsRegistry.Declaration, _ moment: Moment, _ point: inout some OTLPWriter
  ) {
    guard case .histogram(let histogram) = series.1 else { return }
    let counts = (0...histogram.bounds.count).map { histogram.count($0) }
    write(labels(series.0, declaration), OTLPField(9, "attributes"), &point)
    point.fixed64(OTLPField(2, "startTimeUnixNano"), moment.start)
    point.fixed64(OTLPField(3, "timeUnixNano"), moment.now)
    // Of the same reading as the buckets: their sum must be the count.
    point.fixed64(OTLPField(4, "count"), counts.reduce(0, &+))
    point.double(OTLPField(5, "sum"), histogram.sum)
    point.fixed64s(OTLPField(6, "bucketCounts"), counts)
    point.doubles(OTLPField(7, "explicitBounds"), histogram.bounds)
    let exemplars = counts.indices.compactMap { histogram.exemplars[$0] }
    guard !exemplars.isEmpty else { return }
    point.messages(OTLPField(8, "exemplars"), exemplars) { exemplar, writer in
      writer.fixed64(OTLPField(2, "timeUnixNano"), exemplar.unixNanoseconds)
      writer.double(OTLPField(3, "asDouble"), exemplar.value)
      writer.id(OTLPField(4, "spanId"), [exemplar.context.spanID])
      writer.id(OTLPField(5, "traceId"), [exemplar.context.traceHigh, exemplar.context.traceLow])
    }
  }
}

extension MetricsRegistry.Declaration {
  /// The unit by the name, in the spelling of UCUM.
  fileprivate var unit: String? {
    let base = name.hasSuffix("_total") ? String(name.dropLast("_total".count)) : name
    return base.hasSuffix("_seconds") ? "s" : base.hasSuffix("_bytes") ? "By" : nil
  }
}
