internal import Synchronization

/// A gauge by a label that may have any number of values, such as a tenant: the largest are shown, the others as one.
public struct LeadingSeries: Sendable {
  /// Label values that are shown.
  public static let shownMax = 20
  /// The label value of all the others together.
  public static let others = "other"

  private let gauge: GaugeFamily

  /// The gauge's family has one label.
  public init(_ gauge: GaugeFamily) { self.gauge = gauge }

  /// Replaces all series.
  public func set(_ values: [(label: String, value: Int64)]) {
    let leading = LeadingSeries.leading(values)
    gauge.family.series.withLock { series in
      series = [:]
      for (label, value) in leading {
        let gauge = Gauge(storage: Gauge.Storage())
        gauge.set(value)
        series[[label]] = .gauge(gauge)
      }
    }
  }

  /// The largest values, and the sum of the rest when there is one.
  static func leading(_ values: [(label: String, value: Int64)]) -> [(label: String, value: Int64)] {
    let ordered = values.sorted { ($1.value, $0.label) < ($0.value, $1.label) }
    let rest = ordered.dropFirst(shownMax)
    guard !rest.isEmpty else { return ordered }
    let sum = rest.reduce(Int64(0)) { sum, one in
      let (total, isTooLarge) = sum.addingReportingOverflow(one.value)
      return isTooLarge ? .max : total
    }
    return ordered.prefix(shownMax) + [(others, sum)]
  }
}
