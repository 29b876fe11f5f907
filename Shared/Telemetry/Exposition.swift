/// The text formats of a scrape.
public enum ExpositionFormat: Sendable {
  /// Prometheus text format 0.0.4.
  case prometheusText
  /// OpenMetrics 1.0.0.
  case openMetrics

  /// The value of `Content-Type`.
  public var contentType: String {
    switch self {
    case .prometheusText: "text/plain; version=0.0.4; charset=utf-8"
    case .openMetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8"
    }
  }

  /// OpenMetrics when the scraper prefers it, else the classic format.
  public static func negotiate(accept: String?) -> ExpositionFormat {
    var best: (format: ExpositionFormat, weight: Double) = (.prometheusText, 0)
    for entry in (accept ?? "").split(separator: ",") {
      let parts = entry.split(separator: ";").map { $0.filter { !$0.isWhitespace }.lowercased() }
      guard let type = parts.first else { continue }
      let weight = parts.dropFirst().first { $0.hasPrefix("q=") }.flatMap { Double($0.dropFirst(2)) } ?? 1
      let format: ExpositionFormat? =
        type == "application/openmetrics-text"
        ? .openMetrics
        : type == "text/plain" || type == "*/*" || type == "text/*" ? .prometheusText : nil
      if let format, weight > best.weight { best = (format, weight) }
    }
    return best.format
  }
}

extension MetricsRegistry {
  /// All metrics as text, sorted by name.
  public func render(_ format: ExpositionFormat) -> [UInt8] {
    var text = ""
    for (declaration, series) in snapshot() where !series.isEmpty {
      let family =
        format == .openMetrics && declaration.kind == .counter
        ? String(declaration.name.dropLast("_total".count)) : declaration.name
      text += "# HELP \(family) \(Exposition.escapeHelp(declaration.help, format))\n"
      text += "# TYPE \(family) \(declaration.kind.rawValue)\n"
      for (values, instrument) in series { Exposition.append(declaration, values, instrument, format, to: &text) }
    }
    if format == .openMetrics { text += "# EOF\n" }
    return Array(text.utf8)
  }
}

private enum Exposition {
  static func append(
    _ declaration: MetricsRegistry.Declaration, _ values: [String], _ instrument: MetricsRegistry.Instrument,
    _ format: ExpositionFormat, to text: inout String
  ) {
    let labels = zip(declaration.labels, values).map { "\($0)=\"\(escapeLabel($1))\"" }
    let name = declaration.name
    switch instrument {
    case .counter(let counter): text += "\(name)\(braced(labels)) \(counter.value)\n"
    case .gauge(let gauge): text += "\(name)\(braced(labels)) \(gauge.value)\n"
    case .sampled(let sample): text += "\(name)\(braced(labels)) \(number(sample()))\n"
    case .histogram(let histogram):
      var cumulated: UInt64 = 0
      for index in 0...histogram.bounds.count {
        cumulated &+= histogram.count(index)
        let bound = index < histogram.bounds.count ? number(histogram.bounds[index]) : "+Inf"
        text += "\(name)_bucket\(braced(labels + ["le=\"\(bound)\""])) \(cumulated)"
        if format == .openMetrics, let exemplar = histogram.exemplars[index] { text += Exposition.text(exemplar) }
        text += "\n"
      }
      text += "\(name)_sum\(braced(labels)) \(number(histogram.sum))\n"
      text += "\(name)_count\(braced(labels)) \(cumulated)\n"
    }
  }

  private static func text(_ exemplar: Exemplars.Exemplar) -> String {
    " # {trace_id=\"\(exemplar.traceID)\"} \(number(exemplar.value)) \(exemplar.unixSeconds)"
  }

  private static func braced(_ labels: [String]) -> String {
    labels.isEmpty ? "" : "{\(labels.joined(separator: ","))}"
  }

  private static func number(_ value: Double) -> String {
    if value.isNaN { return "NaN" }
    if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
    if value == value.rounded(), abs(value) < 1e15 { return String(Int64(value)) }
    return value.description
  }

  private static func escapeLabel(_ text: String) -> String {
    guard text.utf8.contains(where: { $0 == 0x22 || $0 == 0x5C || $0 == 0x0A }) else { return text }
    return text.reduce(into: "") { result, character in
      switch character {
      case "\\": result += "\\\\"
      case "\"": result += "\\\""
      case "\n", "\r\n": result += "\\n"
      default: result.append(character)
      }
    }
  }

  static func escapeHelp(_ text: String, _ format: ExpositionFormat) -> String {
    text.reduce(into: "") { result, character in
      switch character {
      case "\\": result += "\\\\"
      case "\n": result += "\\n"
      case "\"" where format == .openMetrics: result += "\\\""
      default: result.append(character)
      }
    }
  }
}
