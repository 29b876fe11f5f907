import Foundation
import Postgres
import Testing

@testable import RunStorage

/// Every statement of the orchestrator, by the name under which it is declared.
private let statements: [(name: String, sql: String, faults: [String])] = [
  entry("ApprovalStore.find", ApprovalStore.find),
  entry("ClaimStatements.lock", ClaimStatements.lock),
  entry("ClaimStatements.plain", ClaimStatements.plain),
  entry("ClaimStatements.withRules", ClaimStatements.withRules),
  entry("LimitStore.delete", LimitStore.delete),
  entry("LimitStore.deleteWeight", LimitStore.deleteWeight),
  entry("LimitStore.insert", LimitStore.insert),
  entry("LimitStore.insertWeight", LimitStore.insertWeight),
  entry("LimitStore.list", LimitStore.list),
  entry("LimitStore.listWeights", LimitStore.listWeights),
  entry("ProjectStore.change", ProjectStore.change),
  entry("ProjectStore.find", ProjectStore.find),
  entry("ProjectStore.insert", ProjectStore.insert),
  entry("ProjectStore.listAll", ProjectStore.listAll),
  entry("ProjectStore.listOpen", ProjectStore.listOpen),
  entry("ReplicaChannel.send", ReplicaChannel.send),
  entry("RunStore.applyFull", RunStore.applyFull),
  entry("RunStore.applyPlain", RunStore.applyPlain),
  entry("RunStore.changeTask", RunStore.changeTask),
  entry("RunStore.clock", RunStore.clock),
  entry("RunStore.countQueues", RunStore.countQueues),
  entry("RunStore.deletePayloads", RunStore.deletePayloads),
  entry("RunStore.deleteRuns", RunStore.deleteRuns),
  entry("RunStore.deleteTimers", RunStore.deleteTimers),
  entry("RunStore.expireLeases", RunStore.expireLeases),
  entry("RunStore.extendLeases", RunStore.extendLeases),
  entry("RunStore.findChildEnd", RunStore.findChildEnd),
  entry("RunStore.findEnd", RunStore.findEnd),
  entry("RunStore.findHead", RunStore.findHead),
  entry("RunStore.findIdempotency", RunStore.findIdempotency),
  entry("RunStore.findLease", RunStore.findLease),
  entry("RunStore.findNextDue", RunStore.findNextDue),
  entry("RunStore.findPayloads", RunStore.findPayloads),
  entry("RunStore.findPlace", RunStore.findPlace),
  entry("RunStore.findRun", RunStore.findRun),
  entry("RunStore.findTask", RunStore.findTask),
  entry("RunStore.findVersion", RunStore.findVersion),
  entry("RunStore.insertRunOnce", RunStore.insertRunOnce),
  entry("RunStore.insertRuns", RunStore.insertRuns),
  entry("RunStore.listExpired", RunStore.listExpired),
  entry("RunStore.listOverdue", RunStore.listOverdue),
  entry("RunStore.listRunsOfStep", RunStore.listRunsOfStep),
  entry("RunStore.listSubmitters", RunStore.listSubmitters),
  entry("RunStore.mergeBuckets", RunStore.mergeBuckets),
  entry("RunStore.moveDelayed", RunStore.moveDelayed),
  entry("RunStore.moveToArchive", RunStore.moveToArchive),
  entry("RunStore.postponeTimers", RunStore.postponeTimers),
  entry("RunStore.readArchive", RunStore.readArchive),
  entry("RunStore.readHistory", RunStore.readHistory),
  entry("RunStore.readPayloads", RunStore.readPayloads),
  entry("RunStore.takeTimers", RunStore.takeTimers),
  entry("RunStore.touchPayloads", RunStore.touchPayloads),
  entry("ScheduleStore.change", ScheduleStore.change),
  entry("ScheduleStore.delete", ScheduleStore.delete),
  entry("ScheduleStore.find", ScheduleStore.find),
  entry("ScheduleStore.goOn", ScheduleStore.goOn),
  entry("ScheduleStore.insert", ScheduleStore.insert),
  entry("ScheduleStore.list", ScheduleStore.list),
  entry("ScheduleStore.listDue", ScheduleStore.listDue),
  entry("TimeZoneStore.listNames", TimeZoneStore.listNames),
  entry("TimeZoneStore.window", TimeZoneStore.window),
  entry("WorkflowStore.delete", WorkflowStore.delete),
  entry("WorkflowStore.find", WorkflowStore.find),
  entry("WorkflowStore.findDeleted", WorkflowStore.findDeleted),
  entry("WorkflowStore.findVersion", WorkflowStore.findVersion),
  entry("WorkflowStore.insert", WorkflowStore.insert),
  entry("WorkflowStore.listNewest", WorkflowStore.listNewest),
  entry("WorkflowStore.listVersions", WorkflowStore.listVersions),
]

private func entry<Input, Row>(
  _ name: String, _ statement: Statement<Input, Row>
) -> (name: String, sql: String, faults: [String]) {
  (name, statement.sql, statement.faults)
}

@Suite struct StatementDeclarationTests {
  @Test(arguments: statements.map(\.name))
  func `text and declaration agree`(_ name: String) throws {
    let statement = try #require(statements.first { $0.name == name })
    #expect(statement.faults == [])
  }

  /// A statement that is declared and not listed above would not be checked.
  @Test func `every statement is checked`() throws {
    let declaration = try Regex(#"static let (\w+) = (?:Statement\b|insertion\b|apply\(|apply \{|list\()"#)
    for (file, text) in try Self.sources() {
      for match in text.matches(of: declaration) {
        let name = try #require(match.output[1].substring)
        #expect(statements.contains { $0.name.hasSuffix(".\(name)") }, "\(name) in \(file)")
      }
    }
  }

  /// Whoever gives a list of values numbers parameters by hand; lists of the API build both together.
  @Test func `no statement is called with a list of values`() throws {
    let call = try Regex(#"pool\.query\(\s*(?:"[^"\n]+"|"""(?s:.*?)""")\s*,\s*\["#)
    for (file, text) in try Self.sources() { #expect(text.matches(of: call).count == 0, "\(file)") }
  }

  private static func sources() throws -> [(file: String, text: String)] {
    let folder = (#filePath as NSString).deletingLastPathComponent + "/../../Services/Orchestrator/Storage"
    let files = try FileManager.default.contentsOfDirectory(atPath: folder).filter { $0.hasSuffix(".swift") }
    #expect(files.count > 20)
    return try files.map { ($0, try String(contentsOfFile: folder + "/" + $0, encoding: .utf8)) }
  }
}
