/// Encodes spans as an OTLP `ExportTraceServiceRequest` (opentelemetry-proto 1.x, collector/trace/v1), protobuf or
/// JSON.
public enum OTLPEncoder {
  /// The protobuf form.
  public static func protobuf(
    _ spans: [FinishedSpan], resource: [(key: String, value: AttributeValue)], scope: String
  ) -> [UInt8] {
    var scopeSpans = ProtobufWriter()
    scopeSpans.message(1) { $0.string(1, scope) }
    for span in spans { scopeSpans.message(2) { encode(span, &$0) } }
    var resourceSpans = ProtobufWriter()
    resourceSpans.message(1) { writer in
      for attribute in resource { writer.message(1) { encode(attribute, &$0) } }
    }
    resourceSpans.bytes(2, scopeSpans.output)
    var request = ProtobufWriter()
    request.bytes(1, resourceSpans.output)
    return request.output
  }

  private static func encode(_ span: FinishedSpan, _ writer: inout ProtobufWriter) {
    writer.bytes(1, big(span.context.traceHigh) + big(span.context.traceLow))
    writer.bytes(2, big(span.context.spanID))
    if let state = span.context.state { writer.string(3, state) }
    if span.parentID != 0 { writer.bytes(4, big(span.parentID)) }
    writer.string(5, span.name)
    writer.varint(6, UInt64(span.kind.rawValue))
    writer.fixed64(7, span.startUnixNanoseconds)
    writer.fixed64(8, span.endUnixNanoseconds)
    for attribute in span.attributes { writer.message(9) { encode(attribute, &$0) } }
    if let error = span.error {
      writer.message(15) { status in
        status.string(2, error)
        status.varint(3, 2)
      }
    }
  }

  private static func encode(_ attribute: (key: String, value: AttributeValue), _ writer: inout ProtobufWriter) {
    writer.string(1, attribute.key)
    writer.message(2) { value in
      switch attribute.value {
      case .string(let text): value.string(1, text, evenIfEmpty: true)
      case .bool(let truth): value.varint(2, truth ? 1 : 0)
      case .int(let number): value.varint(3, UInt64(bitPattern: number))
      case .double(let number): value.fixed64(4, number.bitPattern)
      }
    }
  }

  private static func big(_ word: UInt64) -> [UInt8] {
    (0..<8).map { UInt8(truncatingIfNeeded: word >> UInt64(56 - $0 * 8)) }
  }

  /// The JSON form: ids in hexadecimal, 64-bit numbers as strings.
  public static func json(
    _ spans: [FinishedSpan], resource: [(key: String, value: AttributeValue)], scope: String
  ) -> [UInt8] {
    let list = spans.map { span in
      var members = [
        "\"traceId\":\"\(span.context.traceIDText)\"", "\"spanId\":\"\(span.context.spanIDText)\"",
        "\"name\":\(LogText.quoted(span.name))", "\"kind\":\(span.kind.rawValue)",
        "\"startTimeUnixNano\":\"\(span.startUnixNanoseconds)\"", "\"endTimeUnixNano\":\"\(span.endUnixNanoseconds)\"",
        "\"attributes\":\(json(span.attributes))",
      ]
      if span.parentID != 0 {
        let parent = TraceContext(traceHigh: 0, traceLow: 1, spanID: span.parentID, isSampled: true)
        members.append("\"parentSpanId\":\"\(parent.spanIDText)\"")
      }
      if let state = span.context.state { members.append("\"traceState\":\(LogText.quoted(state))") }
      if let error = span.error { members.append("\"status\":{\"code\":2,\"message\":\(LogText.quoted(error))}") }
      return "{\(members.joined(separator: ","))}"
    }
    return Array(
      """
      {"resourceSpans":[{"resource":{"attributes":\(json(resource))},"scopeSpans":[{"scope":{"name":\
      \(LogText.quoted(scope))},"spans":[\(list.joined(separator: ","))]}]}]}
      """.utf8)
  }

  /// The JSON mapping of protobuf has names of its own for what is not finite.
  private static func json(_ number: Double) -> String {
    if number.isNaN { return "\"NaN\"" }
    if number.isInfinite { return number < 0 ? "\"-Infinity\"" : "\"Infinity\"" }
    return "\(number)"
  }

  private static func json(_ attributes: [(key: String, value: AttributeValue)]) -> String {
    let list = attributes.map { attribute in
      let value =
        switch attribute.value {
        case .string(let text): "\"stringValue\":\(LogText.quoted(text))"
        case .bool(let truth): "\"boolValue\":\(truth)"
        case .int(let number): "\"intValue\":\"\(number)\""
        case .double(let number): "\"doubleValue\":\(json(number))"
        }
      return "{\"key\":\(LogText.quoted(attribute.key)),\"value\":{\(value)}}"
    }
    return "[\(list.joined(separator: ","))]"
  }
}

/// The protobuf wire format: tagged fields, varints, fixed words, length-delimited bytes.
private struct ProtobufWriter {
  var output: [UInt8] = []

  mutating func varint(_ field: Int, _ value: UInt64) {
    raw(UInt64(field << 3))
    raw(value)
  }

  mutating func fixed64(_ field: Int, _ value: UInt64) {
    raw(UInt64(field << 3 | 1))
    for shift in stride(from: 0, to: 64, by: 8) { output.append(UInt8(truncatingIfNeeded: value >> UInt64(shift))) }
  }

  mutating func bytes(_ field: Int, _ value: [UInt8]) {
    raw(UInt64(field << 3 | 2))
    raw(UInt64(value.count))
    output += value
  }

  mutating func string(_ field: Int, _ value: String, evenIfEmpty: Bool = false) {
    if !value.isEmpty || evenIfEmpty { bytes(field, Array(value.utf8)) }
  }

  mutating func message(_ field: Int, _ body: (inout ProtobufWriter) -> Void) {
    var inner = ProtobufWriter()
    body(&inner)
    bytes(field, inner.output)
  }

  private mutating func raw(_ value: UInt64) {
    var rest = value
    while rest >= 0x80 {
      output.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    output.append(UInt8(rest))
  }
}
