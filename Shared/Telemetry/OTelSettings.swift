internal import Primitives

/// How batches are encoded.
public enum OTLPEncoding: String, Sendable {
  /// `http/protobuf`
  case protobuf = "http/protobuf"
  /// `http/json`
  case json = "http/json"

  /// `Content-Type` of a batch.
  public var contentType: String {
    switch self {
    case .protobuf: "application/x-protobuf"
    case .json: "application/json"
    }
  }
}

/// Where one kind of telemetry goes.
public struct OTLPSignal: Sendable {
  /// The full address; `nil` switches the export off.
  public fileprivate(set) var endpoint: String?
  /// How batches are encoded.
  public fileprivate(set) var encoding = OTLPEncoding.protobuf
  /// Further request headers, for example an authorization.
  public fileprivate(set) var headers: [(name: String, value: String)] = []
  /// Time for one export, in milliseconds.
  public fileprivate(set) var timeoutMilliseconds = 10_000
}

/// How a queue is emptied.
public struct OTLPBatchSettings: Sendable {
  /// Items that may wait.
  public fileprivate(set) var queueMax = 2048
  /// Items of one export.
  public fileprivate(set) var batchMax = 512
  /// Longest time until an export, in milliseconds.
  public fileprivate(set) var delayMilliseconds: Int
}

/// The standard `OTEL_*` settings (OpenTelemetry environment variable specification). Traces are exported as soon as
/// there is an endpoint; logs and metrics, which are there by other ways too, only where that is asked for.
public struct OTelSettings: Sendable {
  /// Where spans go.
  public private(set) var traces = OTLPSignal()
  /// Where metrics go.
  public private(set) var metrics = OTLPSignal()
  /// Where log records go.
  public private(set) var logs = OTLPSignal()
  /// Which traces are recorded.
  public private(set) var sampler = Sampler(ratio: 1, followsParent: true)
  /// The resource's attributes; `service.name` is added by the exporter.
  public private(set) var resource: [(key: String, value: String)] = []
  /// Name of the service, when it is set.
  public private(set) var serviceName: String?
  /// The queue of spans.
  public private(set) var spanBatches = OTLPBatchSettings(delayMilliseconds: 5000)
  /// The queue of log records.
  public private(set) var logBatches = OTLPBatchSettings(delayMilliseconds: 1000)
  /// Time between exports of metrics, in milliseconds.
  public private(set) var metricIntervalMilliseconds = 60_000
  /// What is wrong with the variables; empty when all are good.
  public private(set) var faults: [String] = []

  /// Reads the settings from an environment.
  public init(environment: [String: String]) {
    traces = signal(environment, "TRACES", path: "/v1/traces", isStandard: true)
    metrics = signal(environment, "METRICS", path: "/v1/metrics", isStandard: false)
    logs = signal(environment, "LOGS", path: "/v1/logs", isStandard: false)
    resource = pairs(environment["OTEL_RESOURCE_ATTRIBUTES"], "OTEL_RESOURCE_ATTRIBUTES").map { ($0.0, $0.1) }
    serviceName = environment["OTEL_SERVICE_NAME"].flatMap { $0.isEmpty ? nil : $0 }
    readSampler(
      environment["OTEL_TRACES_SAMPLER"].flatMap { $0.isEmpty ? nil : $0 },
      environment["OTEL_TRACES_SAMPLER_ARG"].flatMap { $0.isEmpty ? nil : $0 })
    spanBatches = batches(environment, "OTEL_BSP", spanBatches)
    logBatches = batches(environment, "OTEL_BLRP", logBatches)
    metricIntervalMilliseconds = number(
      environment, "OTEL_METRIC_EXPORT_INTERVAL", 100...3_600_000, default: metricIntervalMilliseconds)
    var seen: Set<String> = []
    faults = faults.filter { seen.insert($0).inserted }
  }

  /// Reads what is set for one kind of telemetry, else for all. `isStandard` says that an endpoint for all is enough.
  private mutating func signal(
    _ environment: [String: String], _ name: String, path: String, isStandard: Bool
  ) -> OTLPSignal {
    func text(_ name: String) -> String? { environment[name].flatMap { $0.isEmpty ? nil : $0 } }
    func own(_ part: String) -> (name: String, text: String)? {
      for name in ["OTEL_EXPORTER_OTLP_\(name)_\(part)", "OTEL_EXPORTER_OTLP_\(part)"] {
        if let text = text(name) { return (name, text) }
      }
      return nil
    }
    var signal = OTLPSignal()
    if let (name, text) = own("PROTOCOL") {
      if let known = OTLPEncoding(rawValue: text) {
        signal.encoding = known
      } else {
        faults.append("\(name) must be http/protobuf or http/json.")
      }
    }
    var isOn = isStandard
    if let endpoint = text("OTEL_EXPORTER_OTLP_\(name)_ENDPOINT") {
      signal.endpoint = endpoint
      isOn = true
    } else if let base = text("OTEL_EXPORTER_OTLP_ENDPOINT") {
      signal.endpoint = (base.hasSuffix("/") ? String(base.dropLast()) : base) + path
    }
    if let endpoint = signal.endpoint, !endpoint.hasPrefix("http://"), !endpoint.hasPrefix("https://") {
      faults.append("\(own("ENDPOINT")?.name ?? "OTEL_EXPORTER_OTLP_ENDPOINT") must be an http or https URL.")
    }
    switch text("OTEL_\(name)_EXPORTER") {
    case nil: break
    case "otlp": isOn = true
    case "none": isOn = false
    default: faults.append("OTEL_\(name)_EXPORTER must be otlp or none.")
    }
    if !isOn || text("OTEL_SDK_DISABLED")?.lowercased() == "true" { signal.endpoint = nil }
    if let (name, text) = own("HEADERS") {
      signal.headers = pairs(text, name).map { ($0.0.lowercased(), $0.1) }
      if signal.headers.contains(where: { $0.value.utf8.contains { $0 < 0x20 || $0 == 0x7F } }) {
        faults.append("\(name) must hold no control characters.")
        signal.headers = []
      }
    }
    if let (name, _) = own("TIMEOUT") {
      signal.timeoutMilliseconds = number(environment, name, 1...600_000, default: signal.timeoutMilliseconds)
    }
    return signal
  }

  private mutating func batches(
    _ environment: [String: String], _ prefix: String, _ standard: OTLPBatchSettings
  ) -> OTLPBatchSettings {
    var settings = standard
    settings.queueMax = number(environment, prefix + "_MAX_QUEUE_SIZE", 1...1_000_000, default: settings.queueMax)
    settings.batchMax = number(
      environment, prefix + "_MAX_EXPORT_BATCH_SIZE", 1...100_000, default: settings.batchMax)
    settings.delayMilliseconds = number(
      environment, prefix + "_SCHEDULE_DELAY", 10...600_000, default: settings.delayMilliseconds)
    return settings
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
