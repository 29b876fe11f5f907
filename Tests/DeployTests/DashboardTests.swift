import Foundation
import Testing

@Suite struct DashboardTests {
  private static let rules: [String] = {
    let folder = Script.root.appendingPathComponent("dashboards/rules").path
    return ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).sorted()
  }()

  @Test func `dashboards and rules are what their tables say`() throws {
    let made = try Script.run("python3", "dashboards/generate.py", "--check")
    #expect(made.status == 0, "\(made.text)")
  }

  @Test func `dashboards have units, descriptions and variables, and alerts have runbooks`() throws {
    let checked = try Script.run("python3", "dashboards/check.py")
    #expect(checked.status == 0, "\(checked.text)")
  }

  @Test func `every alert fires and stays quiet when it has to`() throws {
    let tests = DashboardTests.rules.filter { $0.hasSuffix(".test.yaml") }
    #expect(tests.count >= 2)
    for name in tests {
      let tested = try Script.run("promtool", "test", "rules", "dashboards/rules/\(name)")
      #expect(tested.status == 0, "\(tested.text)")
    }
  }

  @Test func `every alert has cases`() throws {
    let folder = Script.root.appendingPathComponent("dashboards/rules")
    let cases = try String(contentsOf: folder.appendingPathComponent("alerts.test.yaml"), encoding: .utf8)
    let alerts = try String(contentsOf: folder.appendingPathComponent("alerts.yaml"), encoding: .utf8)
      .split(separator: "\n").compactMap { line in
        line.firstRange(of: "- alert: ").map { String(line[$0.upperBound...]) }
      }
    #expect(alerts.count > 15)
    for alert in alerts { #expect(cases.contains("alertname=\"\(alert)\""), "\(alert)") }
  }

  @Test(arguments: DashboardTests.rules.filter { !$0.hasSuffix(".test.yaml") })
  func `rules have no lint`(name: String) throws {
    let checked = try Script.run("promtool", "check", "rules", "--lint=all", "--lint-fatal", "dashboards/rules/\(name)")
    #expect(checked.status == 0, "\(checked.text)")
  }
}
