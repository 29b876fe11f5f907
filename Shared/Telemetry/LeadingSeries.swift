/// A gauge by labels that may have any number of values, such as a tenant: the largest are shown, the others as one.
public struct LeadingSeries: Sendable {
  /// Series that are shown.
  public static let shownMax = 20
  /// The label value of all the others together.
  public static let others = "other"

  private let gauge: GaugeFamily

  /// The gauge's family has labels.
  public init(_ gauge: GaugeFamily) { self.gauge = gauge }

  /// Replaces all series of a gauge with one label.
  public func set(_ values: [(label: String, value: Int64)]) {
    set(labels: values.map { ([$0.label], $0.value) }, rest: 0)
  }

  /// Replaces all series. `rest` is added to what those that are not shown have together; nil shows nothing of them.
  public func set(labels values: [(labels: [String], value: Int64)], rest: Int64?) {
    gauge.replace(LeadingSeries.leading(values, rest: rest))
  }

  /// The largest values, and the sum of the rest when there is one.
  static func leading(
    _ values: [(labels: [String], value: Int64)], rest: Int64? = 0
  ) -> [(labels: [String], value: Int64)] {
    let ordered = values.sorted { one, other in
      one.value != other.value ? one.value > other.value : one.labels.lexicographicallyPrecedes(other.labels)
    }
    let small = ordered.dropFirst(shownMax)
    guard let rest, !small.isEmpty || rest > 0 else { return Array(ordered.prefix(shownMax)) }
    let sum = small.reduce(rest) { sum, one in
      let (total, isTooLarge) = sum.addingReportingOverflow(one.value)
      return isTooLarge ? .max : total
    }
    let count = (ordered.first?.labels ?? []).count
    return ordered.prefix(shownMax) + (count > 0 ? [(Array(repeating: others, count: count), sum)] : [])
  }
}
