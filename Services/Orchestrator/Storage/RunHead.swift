internal import Contracts
internal import Postgres
package import Primitives

/// What is stored of a run beside its history and its summary.
package struct RunHead: Sendable {
  package let facts: RunFacts
  /// The workflow that the run is pinned to.
  package let workflow: String
  package let version: Int
  package let createdAt: Timestamp

  static let columns = ResultColumns<RunHead> { column in
    let tenant = column("tenant_id", .uuid)
    let task = column("task_id", .uuid)
    let project = column(nullable: "project_id", .uuid)
    let priority = column("priority", .int4)
    let parentRun = column(nullable: "parent_run", .uuid)
    let parentStep = column(nullable: "parent_step", .text)
    let parentAttempt = column(nullable: "parent_attempt", .int4)
    let depth = column("depth", .int4)
    let traceparent = column(nullable: "traceparent", .text)
    let workflow = column("workflow", .text)
    let version = column("workflow_version", .int4)
    let createdAt = column("created_at", .timestamptz)
    return { row in
      var parent: ParentStep?
      if let run = try row[parentRun], let step = try row[parentStep], let attempt = try row[parentAttempt] {
        parent = ParentStep(run: RunID(run), step: step, attempt: Int(attempt))
      }
      return RunHead(
        facts: RunFacts(
          tenant: TenantID(try row[tenant]), task: TaskID(try row[task]),
          project: try row[project].map { ProjectID($0) },
          priority: Int(try row[priority]), parent: parent, depth: Int(try row[depth]),
          traceparent: try row[traceparent]),
        workflow: try row[workflow], version: Int(try row[version]), createdAt: try row[createdAt])
    }
  }
}
