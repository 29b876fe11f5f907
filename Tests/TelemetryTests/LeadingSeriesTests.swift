import Testing

@testable import Telemetry

@Suite struct LeadingSeriesTests {
  @Test func `the largest are shown, the rest as one`() {
    let many = (1...25).map { (label: "t\($0)", value: Int64($0)) }
    let shown = LeadingSeries.leading(many.shuffled())
    #expect(shown.map(\.value) == (6...25).reversed().map(Int64.init) + [15])
    #expect(shown.last?.label == "other" && shown.first?.label == "t25")
    #expect(LeadingSeries.leading(Array(many.prefix(20))).count == 20)
    #expect(LeadingSeries.leading([]).isEmpty)
    let huge = (0..<22).map { (label: "\($0)", value: Int64.max) }
    #expect(LeadingSeries.leading(huge).last?.value == .max)
  }

  @Test func `what is no longer there is not exported`() {
    let registry = MetricsRegistry()
    let series = LeadingSeries(registry.gauge("cadre_a", help: "A.", labels: ["tenant"]))
    series.set([("x", 1), ("y", 2)])
    series.set([("y", 3)])
    let page = String(decoding: registry.render(.prometheusText), as: UTF8.self)
    #expect(page.contains("cadre_a{tenant=\"y\"} 3\n") && !page.contains("\"x\""))
  }
}
