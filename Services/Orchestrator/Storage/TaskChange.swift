package import Primitives

/// What is changed of a task. The outer optional says whether, the inner one what to.
package struct TaskChange: Sendable {
  package var title: String??
  package var description: String?
  package var labels: [UInt8]?
  package var assignee: String??
  package var priority: Int?
  package var dueAt: Timestamp??
  package var isArchived: Bool?

  package init(
    title: String?? = nil, description: String? = nil, labels: [UInt8]? = nil, assignee: String?? = nil,
    priority: Int? = nil, dueAt: Timestamp?? = nil, isArchived: Bool? = nil
  ) {
    self.title = title
    self.description = description
    self.labels = labels
    self.assignee = assignee
    self.priority = priority
    self.dueAt = dueAt
    self.isArchived = isArchived
  }
}
