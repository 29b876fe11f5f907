internal import Synchronization

/// All metrics of a process. Families are declared once with their help text; declaring again returns the same family.
public final class MetricsRegistry: Sendable {
  enum Kind: String, Sendable {
    case counter, gauge, histogram
  }

  struct Declaration: Sendable, Equatable {
    let name: String
    let help: String
    let kind: Kind
    let labels: [String]
    let bounds: [Double]
    let scale: Double
    let seriesMax: Int
  }

  enum Instrument: Sendable {
    case counter(Counter)
    case gauge(Gauge)
    case histogram(Histogram)
    case sampled(@Sendable () -> Double)
  }

  final class Family: Sendable {
    let declaration: Declaration
    let series = Mutex<[[String]: Instrument]>([:])
    init(_ declaration: Declaration) { self.declaration = declaration }
  }

  /// Series of one family beyond which values are gathered under the label values "other".
  public static let seriesPerFamilyMax = 500

  private let families = Mutex<[String: Family]>([:])
  private let collectors = Mutex<[@Sendable () -> Void]>([])
  private let overflow: Family

  /// Makes a registry without metrics.
  public init() {
    overflow = Family(
      Declaration(
        name: "cadre_telemetry_series_overflow_total",
        help: "Look-ups that were gathered under \"other\" because a metric had too many series.", kind: .counter,
        labels: ["family"], bounds: [], scale: 1, seriesMax: .max))
    families.withLock { $0[overflow.declaration.name] = overflow }
  }

  /// Declares a counter with labels. Its name ends in `_total`.
  public func counter(_ name: String, help: String, labels: [String]) -> CounterFamily {
    // Metrics are declared by our own code, with names and labels that are written there.
    precondition(name.hasSuffix("_total"), "a counter's name ends in _total: \(name)")
    return CounterFamily(registry: self, family: family(name, help, .counter, labels))
  }

  /// Declares a counter without labels.
  public func counter(_ name: String, help: String) -> Counter { counter(name, help: help, labels: []).with() }

  /// Declares a gauge with labels.
  public func gauge(_ name: String, help: String, labels: [String]) -> GaugeFamily {
    GaugeFamily(registry: self, family: family(name, help, .gauge, labels))
  }

  /// Declares a gauge without labels.
  public func gauge(_ name: String, help: String) -> Gauge { gauge(name, help: help, labels: []).with() }

  /// Declares a histogram. `scale` is the precision of the sum: 1e9 for seconds, 1 for whole things.
  public func histogram(
    _ name: String, help: String, labels: [String] = [], buckets: [Double] = Histogram.secondsBuckets,
    scale: Double = 1e9
  ) -> HistogramFamily {
    HistogramFamily(registry: self, family: family(name, help, .histogram, labels, buckets, scale))
  }

  /// Declares a gauge whose value is asked for at each scrape.
  public func observeGauge(
    _ name: String, help: String, labels: [(name: String, value: String)] = [],
    _ sample: @escaping @Sendable () -> Double
  ) {
    let family = family(name, help, .gauge, labels.map(\.name))
    family.series.withLock { $0[labels.map(\.value)] = .sampled(sample) }
  }

  /// Declares a counter whose value is asked for at each scrape.
  public func observeCounter(
    _ name: String, help: String, labels: [(name: String, value: String)] = [],
    _ sample: @escaping @Sendable () -> Double
  ) {
    let family = family(name, help, .counter, labels.map(\.name))
    family.series.withLock { $0[labels.map(\.value)] = .sampled(sample) }
  }

  /// Runs `collect` before each scrape, for values that are read together.
  public func beforeScrape(_ collect: @escaping @Sendable () -> Void) { collectors.withLock { $0.append(collect) } }

  private func family(
    _ name: String, _ help: String, _ kind: Kind, _ labels: [String], _ bounds: [Double] = [], _ scale: Double = 1
  ) -> Family {
    // Metrics are declared by our own code, with names and labels that are written there.
    precondition(MetricsRegistry.isName(name, colons: true), "not a metric name: \(name)")
    // Metrics are declared by our own code, with names and labels that are written there.
    precondition(
      labels.allSatisfy { MetricsRegistry.isName($0, colons: false) && $0 != "le" }, "label names of \(name)")
    // Metrics are declared by our own code, with names and labels that are written there.
    precondition(zip(bounds, bounds.dropFirst()).allSatisfy { $0 < $1 }, "buckets of \(name) ascend")
    let declaration = Declaration(
      name: name, help: help, kind: kind, labels: labels, bounds: bounds, scale: scale,
      seriesMax: MetricsRegistry.seriesPerFamilyMax)
    return families.withLock { families in
      if let known = families[name] {
        // Metrics are declared by our own code, with names and labels that are written there.
        precondition(known.declaration == declaration, "\(name) is declared twice in different ways")
        return known
      }
      let made = Family(declaration)
      families[name] = made
      return made
    }
  }

  private static func isName(_ text: String, colons: Bool) -> Bool {
    guard let first = text.utf8.first, !(48...57).contains(first) else { return false }
    return text.utf8.allSatisfy {
      (48...57).contains($0) || (65...90).contains($0) || (97...122).contains($0) || $0 == 95 || colons && $0 == 58
    }
  }

  func instrument(_ family: Family, _ values: [String], make: () -> Instrument) -> Instrument {
    // Metrics are declared by our own code, with names and labels that are written there.
    precondition(values.count == family.declaration.labels.count, "labels of \(family.declaration.name)")
    let (found, overflowed) = family.series.withLock { series -> (Instrument, Bool) in
      if let known = series[values] { return (known, false) }
      if series.count >= family.declaration.seriesMax {
        let other = values.map { _ in "other" }
        let gathered = series[other] ?? make()
        series[other] = gathered
        return (gathered, true)
      }
      let made = make()
      series[values] = made
      return (made, false)
    }
    if overflowed { CounterFamily(registry: self, family: overflow).with(family.declaration.name).add() }
    return found
  }

  /// A consistent list of families in order of their names.
  func snapshot() -> [(Declaration, [([String], Instrument)])] {
    for collect in collectors.withLock({ $0 }) { collect() }
    let all = families.withLock { Array($0.values) }
    return all.map { family in
      let series = family.series.withLock { Array($0) }.map { ($0.key, $0.value) }
      return (family.declaration, series.sorted { $0.0.lexicographicallyPrecedes($1.0) })
    }.sorted { $0.0.name < $1.0.name }
  }
}

/// A counter with labels.
public struct CounterFamily: Sendable {
  let registry: MetricsRegistry
  let family: MetricsRegistry.Family

  /// The counter of these label values; keep it instead of asking each time.
  public func with(_ values: String...) -> Counter {
    guard
      case .counter(let counter) = registry.instrument(
        family, values, make: { .counter(Counter(cells: Cells(words: 1))) })
      // Metrics are declared by our own code, with names and labels that are written there.
    else { preconditionFailure("\(family.declaration.name) is no counter") }
    return counter
  }
}

/// A gauge with labels.
public struct GaugeFamily: Sendable {
  let registry: MetricsRegistry
  let family: MetricsRegistry.Family

  /// The gauge of these label values.
  public func with(_ values: String...) -> Gauge {
    guard
      case .gauge(let gauge) = registry.instrument(
        family, values, make: { .gauge(Gauge(storage: Gauge.Storage())) })
      // Metrics are declared by our own code, with names and labels that are written there.
    else { preconditionFailure("\(family.declaration.name) is no gauge") }
    return gauge
  }

  /// Replaces all series: those whose subject is gone are not exported any more. Of too many the first stay.
  public func replace(_ values: [(labels: [String], value: Int64)]) {
    var made: [[String]: MetricsRegistry.Instrument] = [:]
    for (labels, value) in values.prefix(family.declaration.seriesMax)
    where labels.count == family.declaration.labels.count {
      let gauge = Gauge(storage: Gauge.Storage())
      gauge.set(value)
      made[labels] = .gauge(gauge)
    }
    family.series.withLock { $0 = made }
  }
}

/// A histogram, with or without labels.
public struct HistogramFamily: Sendable {
  let registry: MetricsRegistry
  let family: MetricsRegistry.Family

  /// The histogram of these label values.
  public func with(_ values: String...) -> Histogram {
    let bounds = family.declaration.bounds
    let scale = family.declaration.scale
    guard
      case .histogram(let histogram) = registry.instrument(
        family, values,
        make: { .histogram(Histogram(cells: Cells(words: bounds.count + 2), bounds: bounds, scale: scale)) })
      // Metrics are declared by our own code, with names and labels that are written there.
    else { preconditionFailure("\(family.declaration.name) is no histogram") }
    return histogram
  }
}
