internal import Primitives

/// The standard `OTEL_*` settings of tracing (OpenTelemetry environment variable specification).
public struct OTelSettings: Sendable {
  /// How batches are encoded.
  public enum Encoding: String, Sendable {
    /// `http/protobuf`
    case protobuf = "http/protobuf"
    /// `http/json`
    case json = "http/json"
  }

  /// Where traces go; `nil` switches the export off.
  public private(set) var tracesEndpoint: String?
  /// How batches are encoded.
  public private(set) var encoding = Encoding.protobuf
  /// Further request headers, for example an authorization.
  public private(set) var headers: [(name: String, value: String)] = []
  /// Time for one export, in milliseconds.
  public private(set) var timeoutMilliseconds = 10_000
  /// Which traces are recorded.
  public private(set) var sampler = Sampler(ratio: 1, followsParent: true)
  /// The resource's attributes; `service.name` is added by the exporter.
  public private(set) var resource: [(key: String, value: String)] = []
  /// Name of the service, when it is set.
  public private(set) var serviceName: String?
  /// Spans that may wait.
  public private(set) var queueSpansMax = 2048
  /// Spans of one export.
  public private(set) var batchSpansMax = 512
  /// Time between exports, in milliseconds.
  public private(set) var delayMilliseconds = 5000
  /// What is wrong with the variables; empty when all are good.
  public private(set) var faults: [String] = []

  /// Reads the settings from an environment.
  public init(environment: [String: String]) {
    func text(_ name: String) -> String? { environment[name].flatMap { $0.isEmpty ? nil : $0 } }
    if let protocolName = text("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL") ?? text("OTEL_EXPORTER_OTLP_PROTOCOL") {
      if let known = Encoding(rawValue: protocolName) {
        encoding = known
      } else {
        faults.append("OTEL_EXPORTER_OTLP_PROTOCOL must be http/protobuf or http/json.")
      }
    }
    if let endpoint = text("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") {
      tracesEndpoint = endpoint
    } else if let base = text("OTEL_EXPORTER_OTLP_ENDPOINT") {
      tracesEndpoint = (base.hasSuffix("/") ? String(base.dropLast()) : base) + "/v1/traces"
    }
    if let endpoint = tracesEndpoint, !endpoint.hasPrefix("http://"), !endpoint.hasPrefix("https://") {
      faults.append("OTEL_EXPORTER_OTLP_ENDPOINT must be an http or https URL.")
    }
    switch text("OTEL_TRACES_EXPORTER") {
    case nil, "otlp": break
    case "none": tracesEndpoint = nil
    default: faults.append("OTEL_TRACES_EXPORTER must be otlp or none.")
    }
    if text("OTEL_SDK_DISABLED")?.lowercased() == "true" { tracesEndpoint = nil }
    headers = pairs(
      text("OTEL_EXPORTER_OTLP_TRACES_HEADERS") ?? text("OTEL_EXPORTER_OTLP_HEADERS"), "OTEL_EXPORTER_OTLP_HEADERS"
    )
    .map { ($0.0.lowercased(), $0.1) }
    if headers.contains(where: { $0.value.utf8.contains { $0 < 0x20 || $0 == 0x7F } }) {
      faults.append("OTEL_EXPORTER_OTLP_HEADERS must hold no control characters.")
      headers = []
    }
    resource = pairs(text("OTEL_RESOURCE_ATTRIBUTES"), "OTEL_RESOURCE_ATTRIBUTES").map { ($0.0, $0.1) }
    serviceName = text("OTEL_SERVICE_NAME")
    readSampler(text("OTEL_TRACES_SAMPLER"), text("OTEL_TRACES_SAMPLER_ARG"))
    timeoutMilliseconds = number(environment, "OTEL_EXPORTER_OTLP_TIMEOUT", 1...600_000, default: timeoutMilliseconds)
    queueSpansMax = number(environment, "OTEL_BSP_MAX_QUEUE_SIZE", 1...1_000_000, default: queueSpansMax)
    batchSpansMax = number(environment, "OTEL_BSP_MAX_EXPORT_BATCH_SIZE", 1...100_000, default: batchSpansMax)
    delayMilliseconds = number(environment, "OTEL_BSP_SCHEDULE_DELAY", 10...600_000, default: delayMilliseconds)
  }

  private mutating func number(
    _ environment: [String: String], _ name: String, _ range: ClosedRange<Int>, default standard: Int
  ) -> Int {
    guard let text = environment[name], !text.isEmpty else { return standard }
    guard let value = Int(text), range.contains(value) else {
      faults.append("\(name) must be a whole number from \(range.lowerBound) to \(range.upperBound).")
      return standard
    }
    return value
  }

  private mutating func readSampler(_ name: String?, _ argument: String?) {
    guard let name else { return }
    let follows = name.hasPrefix("parentbased_")
    switch follows ? String(name.dropFirst("parentbased_".count)) : name {
    case "always_on": sampler = Sampler(ratio: 1, followsParent: follows)
    case "always_off": sampler = Sampler(ratio: 0, followsParent: follows)
    case "traceidratio":
      guard let ratio = Double(argument ?? "1"), (0...1).contains(ratio) else {
        faults.append("OTEL_TRACES_SAMPLER_ARG must be a number from 0 to 1.")
        return
      }
      sampler = Sampler(ratio: ratio, followsParent: follows)
    default: faults.append("OTEL_TRACES_SAMPLER is not known.")
    }
  }

  private mutating func pairs(_ text: String?, _ name: String) -> [(String, String)] {
    var result: [(String, String)] = []
    for item in (text ?? "").split(separator: ",") {
      guard let equals = item.firstIndex(of: "="), equals > item.startIndex,
        let value = OTelSettings.decode(item[item.index(after: equals)...])
      else {
        faults.append("\(name) must be a list of key=value.")
        continue
      }
      result.append((item[..<equals].filter { $0 != " " }, value))
    }
    return result
  }

  private static func decode(_ text: Substring) -> String? {
    var bytes: [UInt8] = []
    var rest = text.utf8[...]
    while let byte = rest.popFirst() {
      if byte == UInt8(ascii: "%") {
        // Two digits, neither fewer nor a sign.
        guard let value = Hex.decode(String(decoding: Array(rest.prefix(2)), as: UTF8.self)), value.count == 1 else {
          return nil
        }
        bytes += value
        rest = rest.dropFirst(2)
      } else {
        bytes.append(byte)
      }
    }
    return String(validating: bytes, as: UTF8.self)
  }
}
