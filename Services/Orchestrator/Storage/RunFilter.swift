package import Contracts
package import Primitives

/// Which tasks or runs are listed.
package struct RunFilter: Sendable {
  package var project: ProjectID?
  package var task: TaskID?
  package var workflow: String?
  package var status: String?
  package var label: String?
  package var isArchivedToo = false

  /// Whether it has no condition but a task.
  package var isPlain: Bool { project == nil && workflow == nil && status == nil }

  package init(
    project: ProjectID? = nil, task: TaskID? = nil, workflow: String? = nil, status: String? = nil,
    label: String? = nil, isArchivedToo: Bool = false
  ) {
    self.project = project
    self.task = task
    self.workflow = workflow
    self.status = status
    self.label = label
    self.isArchivedToo = isArchivedToo
  }
}

/// A page of a list.
package struct ListPage<Row: Sendable>: Sendable {
  package var rows: [Row]
  /// Where the next page begins, although this one has fewer rows than the limit: the rows that one page examines were
  /// used up, most of them outside the filter.
  package var resumeAt: UUID?

  package init(rows: [Row], resumeAt: UUID? = nil) {
    self.rows = rows
    self.resumeAt = resumeAt
  }
}
