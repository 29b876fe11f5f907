import Testing

@testable import Telemetry

@Suite struct LeadingSeriesTests {
  @Test func `the largest are shown, the rest as one`() {
    let many = (1...25).map { (labels: ["t\($0)"], value: Int64($0)) }
    let shown = LeadingSeries.leading(many.shuffled())
    #expect(shown.map(\.value) == (6...25).reversed().map(Int64.init) + [15])
    #expect(shown.last?.labels == ["other"] && shown.first?.labels == ["t25"])
    #expect(LeadingSeries.leading(Array(many.prefix(20))).count == 20)
    #expect(LeadingSeries.leading([]).isEmpty)
    let huge = (0..<22).map { (labels: ["\($0)"], value: Int64.max) }
    #expect(LeadingSeries.leading(huge).last?.value == .max)
  }

  @Test func `of several labels the rest is other in each; what is known of it is added, and it can be left out`() {
    let many = (1...21).map { (labels: ["t", "p\($0)"], value: Int64($0)) }
    #expect(LeadingSeries.leading(many, rest: 5).last?.labels == ["other", "other"])
    #expect(LeadingSeries.leading(many, rest: 5).last?.value == 6)
    #expect(LeadingSeries.leading(Array(many.prefix(2)), rest: 5).last?.value == 5)
    #expect(LeadingSeries.leading(many, rest: nil).count == 20)
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
