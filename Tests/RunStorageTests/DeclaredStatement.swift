import Postgres

@testable import RunStorage

/// A statement of the orchestrator, with the name under which it is declared.
struct DeclaredStatement {
  let name: String
  let sql: String
  let faults: [String]

  init<Input, Row>(_ name: String, _ statement: Statement<Input, Row>) {
    self.name = name
    sql = statement.sql
    faults = statement.faults
  }

  static let all = [
    DeclaredStatement("ApprovalStore.find", ApprovalStore.find),
    DeclaredStatement("ClaimStatements.lock", ClaimStatements.lock),
    DeclaredStatement("ClaimStatements.plain", ClaimStatements.plain),
    DeclaredStatement("ClaimStatements.withRules", ClaimStatements.withRules),
    DeclaredStatement("LimitStore.delete", LimitStore.delete),
    DeclaredStatement("LimitStore.deleteWeight", LimitStore.deleteWeight),
    DeclaredStatement("LimitStore.insert", LimitStore.insert),
    DeclaredStatement("LimitStore.insertWeight", LimitStore.insertWeight),
    DeclaredStatement("LimitStore.list", LimitStore.list),
    DeclaredStatement("LimitStore.listWeights", LimitStore.listWeights),
    DeclaredStatement("ProjectStore.change", ProjectStore.change),
    DeclaredStatement("ProjectStore.find", ProjectStore.find),
    DeclaredStatement("ProjectStore.insert", ProjectStore.insert),
    DeclaredStatement("ProjectStore.listAll", ProjectStore.listAll),
    DeclaredStatement("ProjectStore.listOpen", ProjectStore.listOpen),
    DeclaredStatement("ReplicaChannel.send", ReplicaChannel.send),
    DeclaredStatement("RunStore.applyFull", RunStore.applyFull),
    DeclaredStatement("RunStore.applyPlain", RunStore.applyPlain),
    DeclaredStatement("RunStore.changeTask", RunStore.changeTask),
    DeclaredStatement("RunStore.checkLeases", RunStore.checkLeases),
    DeclaredStatement("RunStore.clock", RunStore.clock),
    DeclaredStatement("RunStore.countQueues", RunStore.countQueues),
    DeclaredStatement("RunStore.deletePayloads", RunStore.deletePayloads),
    DeclaredStatement("RunStore.deleteRuns", RunStore.deleteRuns),
    DeclaredStatement("RunStore.deleteTimers", RunStore.deleteTimers),
    DeclaredStatement("RunStore.expireLeases", RunStore.expireLeases),
    DeclaredStatement("RunStore.extendLeases", RunStore.extendLeases),
    DeclaredStatement("RunStore.findChildEnd", RunStore.findChildEnd),
    DeclaredStatement("RunStore.findEnd", RunStore.findEnd),
    DeclaredStatement("RunStore.findHead", RunStore.findHead),
    DeclaredStatement("RunStore.findIdempotency", RunStore.findIdempotency),
    DeclaredStatement("RunStore.findLease", RunStore.findLease),
    DeclaredStatement("RunStore.findNextDue", RunStore.findNextDue),
    DeclaredStatement("RunStore.findPayloads", RunStore.findPayloads),
    DeclaredStatement("RunStore.findPlace", RunStore.findPlace),
    DeclaredStatement("RunStore.findRun", RunStore.findRun),
    DeclaredStatement("RunStore.findTask", RunStore.findTask),
    DeclaredStatement("RunStore.findVersion", RunStore.findVersion),
    DeclaredStatement("RunStore.insertRunOnce", RunStore.insertRunOnce),
    DeclaredStatement("RunStore.insertRuns", RunStore.insertRuns),
    DeclaredStatement("RunStore.listExpired", RunStore.listExpired),
    DeclaredStatement("RunStore.listOverdue", RunStore.listOverdue),
    DeclaredStatement("RunStore.listRunsOfStep", RunStore.listRunsOfStep),
    DeclaredStatement("RunStore.listSubmitters", RunStore.listSubmitters),
    DeclaredStatement("RunStore.mergeBuckets", RunStore.mergeBuckets),
    DeclaredStatement("RunStore.moveDelayed", RunStore.moveDelayed),
    DeclaredStatement("RunStore.moveToArchive", RunStore.moveToArchive),
    DeclaredStatement("RunStore.postponeTimers", RunStore.postponeTimers),
    DeclaredStatement("RunStore.readArchive", RunStore.readArchive),
    DeclaredStatement("RunStore.readHistory", RunStore.readHistory),
    DeclaredStatement("RunStore.readPayloads", RunStore.readPayloads),
    DeclaredStatement("RunStore.takeTimers", RunStore.takeTimers),
    DeclaredStatement("RunStore.touchPayloads", RunStore.touchPayloads),
    DeclaredStatement("ScheduleStore.change", ScheduleStore.change),
    DeclaredStatement("ScheduleStore.delete", ScheduleStore.delete),
    DeclaredStatement("ScheduleStore.find", ScheduleStore.find),
    DeclaredStatement("ScheduleStore.goOn", ScheduleStore.goOn),
    DeclaredStatement("ScheduleStore.insert", ScheduleStore.insert),
    DeclaredStatement("ScheduleStore.list", ScheduleStore.list),
    DeclaredStatement("ScheduleStore.listDue", ScheduleStore.listDue),
    DeclaredStatement("TenantActivity.now", TenantActivity.now),
    DeclaredStatement("TimeZoneStore.listNames", TimeZoneStore.listNames),
    DeclaredStatement("TimeZoneStore.window", TimeZoneStore.window),
    DeclaredStatement("WorkflowStore.delete", WorkflowStore.delete),
    DeclaredStatement("WorkflowStore.find", WorkflowStore.find),
    DeclaredStatement("WorkflowStore.findDeleted", WorkflowStore.findDeleted),
    DeclaredStatement("WorkflowStore.findVersion", WorkflowStore.findVersion),
    DeclaredStatement("WorkflowStore.insert", WorkflowStore.insert),
    DeclaredStatement("WorkflowStore.listNewest", WorkflowStore.listNewest),
    DeclaredStatement("WorkflowStore.listVersions", WorkflowStore.listVersions),
  ]
}
