/// Who exports: the attributes of the resource, and the name of the instrumentation.
public struct OTLPResource: Sendable {
  /// Attributes, `service.name` first.
  public let attributes: [(key: String, value: AttributeValue)]
  /// Name of the instrumentation.
  public let scope: String

  /// A resource of these attributes.
  public init(attributes: [(key: String, value: AttributeValue)], scope: String = "cadre") {
    self.attributes = attributes
    self.scope = scope
  }

  /// The resource of one process of a service, with what the settings add.
  public init(settings: OTelSettings, service: String, version: String, instance: String) {
    let own = [
      ("service.name", settings.serviceName ?? service), ("service.version", version),
      ("service.instance.id", instance),
    ]
    let names = Set(own.map(\.0))
    self.init(
      attributes: own.map { ($0.0, .string($0.1)) }
        + settings.resource.filter { !names.contains($0.key) }.map { ($0.key, .string($0.value)) })
  }
}

/// Encodes the three kinds of OTLP export requests (opentelemetry-proto 1.x, `collector/*/v1`).
public enum OTLPEncoder {
  /// An `ExportTraceServiceRequest`.
  public static func traces(
    _ spans: [FinishedSpan], _ resource: OTLPResource, _ encoding: OTLPEncoding
  ) -> OTLPRequest {
    switch encoding {
    case .protobuf: request(encoding, traceRequest(spans, resource) as ProtobufWriter)
    case .json: request(encoding, traceRequest(spans, resource) as OTLPJSONWriter)
    }
  }

  /// An `ExportLogsServiceRequest`.
  public static func logs(
    _ records: [LogRecord], _ resource: OTLPResource, _ encoding: OTLPEncoding
  ) -> OTLPRequest {
    switch encoding {
    case .protobuf: request(encoding, logRequest(records, resource) as ProtobufWriter)
    case .json: request(encoding, logRequest(records, resource) as OTLPJSONWriter)
    }
  }

  static func request(_ encoding: OTLPEncoding, _ writer: some OTLPWriter) -> OTLPRequest {
    OTLPRequest(contentType: encoding.contentType, body: writer.output)
  }

  // MARK: Traces

  private static func traceRequest<Writer: OTLPWriter>(_ spans: [FinishedSpan], _ resource: OTLPResource) -> Writer {
    envelope(resource, OTLPField(1, "resourceSpans"), OTLPField(2, "scopeSpans")) { writer in
      writer.messages(OTLPField(2, "spans"), spans) { write($0, &$1) }
    }
  }

  private static func write(_ span: FinishedSpan, _ writer: inout some OTLPWriter) {
    let context = span.context
    writer.id(OTLPField(1, "traceId"), [context.traceHigh, context.traceLow])
    writer.id(OTLPField(2, "spanId"), [context.spanID])
    if let state = context.state { writer.string(OTLPField(3, "traceState"), state) }
    if span.parentID != 0 { writer.id(OTLPField(4, "parentSpanId"), [span.parentID]) }
    writer.string(OTLPField(5, "name"), span.name)
    writer.number(OTLPField(6, "kind"), span.kind.rawValue)
    writer.fixed64(OTLPField(7, "startTimeUnixNano"), span.startUnixNanoseconds)
    writer.fixed64(OTLPField(8, "endTimeUnixNano"), span.endUnixNanoseconds)
    write(span.attributes, OTLPField(9, "attributes"), &writer)
    if !span.links.isEmpty {
      writer.messages(OTLPField(13, "links"), span.links) { link, writer in
        writer.id(OTLPField(1, "traceId"), [link.context.traceHigh, link.context.traceLow])
        writer.id(OTLPField(2, "spanId"), [link.context.spanID])
        if let state = link.context.state { writer.string(OTLPField(3, "traceState"), state) }
        write(link.attributes, OTLPField(4, "attributes"), &writer)
      }
    }
    guard let error = span.error else { return }
    writer.message(OTLPField(15, "status")) { status in
      status.string(OTLPField(2, "message"), error)
      status.number(OTLPField(3, "code"), 2)
    }
  }

  // MARK: Logs

  private static func logRequest<Writer: OTLPWriter>(_ records: [LogRecord], _ resource: OTLPResource) -> Writer {
    envelope(resource, OTLPField(1, "resourceLogs"), OTLPField(2, "scopeLogs")) { writer in
      writer.messages(OTLPField(2, "logRecords"), records) { write($0, &$1) }
    }
  }

  private static func write(_ record: LogRecord, _ writer: inout some OTLPWriter) {
    writer.fixed64(OTLPField(1, "timeUnixNano"), record.unixNanoseconds)
    writer.number(OTLPField(2, "severityNumber"), record.level.severityNumber)
    writer.string(OTLPField(3, "severityText"), record.level.name)
    writer.message(OTLPField(5, "body")) { $0.string(OTLPField(1, "stringValue"), record.message) }
    write(record.attributes, OTLPField(6, "attributes"), &writer)
    writer.fixed64(OTLPField(11, "observedTimeUnixNano"), record.unixNanoseconds)
    guard let trace = record.trace else { return }
    writer.id(OTLPField(9, "traceId"), [trace.traceHigh, trace.traceLow])
    writer.id(OTLPField(10, "spanId"), [trace.spanID])
  }

  // MARK: What all have

  static func envelope<Writer: OTLPWriter>(
    _ resource: OTLPResource, _ outer: OTLPField, _ inner: OTLPField, _ body: (inout Writer) -> Void
  ) -> Writer {
    var request = Writer()
    request.messages(outer, [resource]) { resource, writer in
      writer.message(OTLPField(1, "resource")) { write(resource.attributes, OTLPField(1, "attributes"), &$0) }
      writer.messages(inner, [resource]) { resource, writer in
        writer.message(OTLPField(1, "scope")) { $0.string(OTLPField(1, "name"), resource.scope) }
        body(&writer)
      }
    }
    return request
  }

  static func write(
    _ attributes: [(key: String, value: AttributeValue)], _ field: OTLPField, _ writer: inout some OTLPWriter
  ) {
    guard !attributes.isEmpty else { return }
    writer.messages(field, attributes) { attribute, writer in
      writer.string(OTLPField(1, "key"), attribute.key)
      writer.message(OTLPField(2, "value")) { value in
        switch attribute.value {
        case .string(let text): value.string(OTLPField(1, "stringValue"), text)
        case .bool(let truth): value.bool(OTLPField(2, "boolValue"), truth)
        case .int(let number): value.int64(OTLPField(3, "intValue"), number)
        case .double(let number): value.double(OTLPField(4, "doubleValue"), number)
        }
      }
    }
  }
}

extension LogLevel {
  /// The number of OpenTelemetry.
  var severityNumber: Int {
    switch self {
    case .debug: 5
    case .info: 9
    case .warning: 13
    case .error: 17
    }
  }
}
