import Foundation
import JSON
import LocalStack

/// What the statements of the orchestrator read, by the database's own account (`auto_explain`).
final class PlanLog {
  /// One statement that was executed.
  struct Statement {
    let text: String
    /// Pages that it looked at.
    let pages: Int64
    /// Rows that it read from tables and indexes, also those that it threw away.
    let rows: Int64
    /// Most rows that it sorted or hashed.
    let gathered: Int64
    /// The tables that it read from end to end.
    let wholeTables: [String]
  }

  private let fixture: StackFixture
  private let path: String

  /// Starts to log what every statement of the orchestrators reads.
  init(_ fixture: StackFixture) throws {
    self.fixture = fixture
    path = fixture.stack.log(of: "postgres")
    for (name, value) in PlanLog.settings { try PlanLog.set(fixture, "\(name) = '\(value)'") }
    try restartSessions()
  }

  private static let settings: KeyValuePairs = [
    "session_preload_libraries": "auto_explain", "auto_explain.log_min_duration": "0",
    "auto_explain.log_analyze": "on", "auto_explain.log_buffers": "on", "auto_explain.log_timing": "off",
    "auto_explain.log_format": "json",
  ]

  private static func set(_ fixture: StackFixture, _ setting: String) throws {
    _ = try fixture.stack.postgres.query("alter role cadre set \(setting)")
  }

  /// Ends the logging.
  func stop() throws {
    for (name, _) in PlanLog.settings { _ = try fixture.stack.postgres.query("alter role cadre reset \(name)") }
    try restartSessions()
  }

  /// Settings of a role hold for new sessions.
  private func restartSessions() throws {
    _ = try fixture.stack.postgres.query(
      "select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() and backend_type = 'client backend'"
    )
    try fixture.wait("the orchestrator has its database again") {
      fixture.call("GET", "/api/v1/tasks?limit=1").status == 200
        && fixture.call("GET", "/readyz", service: "orchestrator").status == 200
    }
  }

  /// The statements with `part` in their text that are executed during `body`.
  func statements(with part: String, during body: () throws -> Void) throws -> [Statement] {
    let start = try size()
    try body()
    // A statement is logged when it ends, which may be a moment after its answer.
    Thread.sleep(forTimeInterval: 0.2)
    let handle = try FileHandle(forReadingFrom: URL(fileURLWithPath: path))
    defer { try? handle.close() }
    try handle.seek(toOffset: start)
    let text = String(decoding: try handle.readToEnd() ?? Data(), as: UTF8.self)
    return PlanLog.plans(text).compactMap { try? JSONDocument(parsing: $0).root }
      .filter { $0["Query Text"]?.string?.contains(part) ?? false }.map(PlanLog.statement)
  }

  private func size() throws -> UInt64 {
    let attributes = try FileManager.default.attributesOfItem(atPath: path)
    return (attributes[.size] as? UInt64) ?? 0
  }

  private static func plans(_ text: String) -> [String] {
    var plans: [String] = []
    var lines: [Substring]?
    for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
      if line.hasPrefix("\t"), lines != nil {
        lines?.append(line.dropFirst())
        continue
      }
      if let lines { plans.append(lines.joined(separator: "\n")) }
      lines = line.hasSuffix("plan:") ? [] : nil
    }
    if let lines { plans.append(lines.joined(separator: "\n")) }
    return plans
  }

  private static func statement(_ root: JSONView) -> Statement {
    var rows: Int64 = 0
    var gathered: Int64 = 0
    var whole: [String] = []
    func number(_ view: JSONView, _ name: String) -> Int64 { Int64(view[name]?.double ?? 0) }
    func visit(_ node: JSONView) {
      let loops = number(node, "Actual Loops")
      let here = number(node, "Actual Rows") * loops
      if node["Relation Name"] != nil || node["Index Name"] != nil {
        rows +=
          here
          + (number(node, "Rows Removed by Filter") + number(node, "Rows Removed by Index Recheck")) * loops
      }
      let kind = node["Node Type"]?.string ?? ""
      if kind == "Seq Scan", loops > 0, here > 0, let table = node["Relation Name"]?.string { whole.append(table) }
      if kind == "Sort" || kind == "Hash" { gathered = max(gathered, here) }
      for child in node["Plans"]?.elements.map({ $0 }) ?? [] { visit(child) }
    }
    var pages: Int64 = 0
    if let plan = root["Plan"] {
      visit(plan)
      pages = number(plan, "Shared Hit Blocks") + number(plan, "Shared Read Blocks")
    }
    return Statement(
      text: root["Query Text"]?.string ?? "", pages: pages, rows: rows, gathered: gathered, wholeTables: whole)
  }
}
