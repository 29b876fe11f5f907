package import Contracts
internal import Decider
internal import JSON
internal import Postgres
package import Primitives

/// A task with its newest run.
package struct TaskRow: Sendable {
  package let tenant: TenantID
  package let task: TaskID
  package let project: ProjectID?
  package let title: String?
  package let description: String
  package let labels: [UInt8]
  package let assignee: String?
  package let priority: Int
  package let dueAt: Timestamp?
  package let version: Int
  package let createdBy: String
  package let createdAt: Timestamp
  package let updatedAt: Timestamp
  package let archivedAt: Timestamp?
  package let run: RunRow

  /// Of a task `t` with its run.
  static let columns = columns(run: RunRow.columns)
  /// Without inputs and outputs that are large.
  static let listedColumns = columns(run: RunRow.listedColumns)

  private static func columns(run: ResultColumns<RunRow>) -> ResultColumns<TaskRow> {
    ResultColumns { column in
      let run = column.include(run)
      let tenant = column("t.tenant_id", .uuid)
      let id = column("t.id", .uuid)
      let project = column(nullable: "t.project_id", .uuid)
      let title = column(nullable: "t.title", .text)
      let description = column("t.description", .text)
      let labels = column("coalesce(array_to_json(t.labels)::jsonb, '[]')", .bytea)
      let assignee = column(nullable: "t.assignee", .text)
      let priority = column("t.priority", .int4)
      let dueAt = column(nullable: "t.due_at", .timestamptz)
      let version = column("t.version", .int4)
      let createdBy = column("t.created_by", .text)
      let createdAt = column("t.created_at", .timestamptz)
      let updatedAt = column("t.updated_at", .timestamptz)
      let archivedAt = column(nullable: "t.archived_at", .timestamptz)
      return { row in
        TaskRow(
          tenant: TenantID(try row[tenant]), task: TaskID(try row[id]), project: try row[project].map { ProjectID($0) },
          title: try row[title], description: try row[description], labels: try row[labels],
          assignee: try row[assignee], priority: Int(try row[priority]), dueAt: try row[dueAt],
          version: Int(try row[version]), createdBy: try row[createdBy], createdAt: try row[createdAt],
          updatedAt: try row[updatedAt], archivedAt: try row[archivedAt], run: try row[run])
      }
    }
  }
}

extension TaskRow {
  /// A task that was accepted at `created`.
  package init(_ submission: Submission, _ created: Timestamp) {
    let attributes = submission.facts
    let task = submission.task ?? NewTask()
    let state = submission.state
    self.init(
      tenant: attributes.tenant, task: attributes.task, project: attributes.project, title: task.title,
      description: task.description, labels: task.labelsJSON, assignee: task.assignee, priority: attributes.priority,
      dueAt: task.dueAt, version: 1, createdBy: submission.principal, createdAt: created, updatedAt: created,
      archivedAt: nil,
      run: RunRow(
        id: submission.run, task: attributes.task, project: attributes.project, workflow: state.workflow.name,
        workflowVersion: state.workflow.version, version: state.sequence, status: state.status, isPaused: false,
        parent: nil, forkedFrom: nil, createdAt: created, startedAt: nil,
        endedAt: state.status.isEnded ? created : nil, usage: state.usage, failure: nil,
        input: submission.input.body, output: nil, traceparent: attributes.traceparent))
  }
}

extension NewTask {
  /// The labels as a JSON array.
  var labelsJSON: [UInt8] {
    var writer = JSONWriter()
    writer.beginArray()
    for label in labels { writer.string(label) }
    writer.endArray()
    return writer.bytes
  }
}
