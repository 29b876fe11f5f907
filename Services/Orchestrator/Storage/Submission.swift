package import Contracts
package import Decider
package import Primitives

/// A task that was accepted, with its run at its beginning.
package struct Submission: Sendable {
  package let run: RunID
  package let facts: RunFacts
  /// What is written about the task; `nil` for a further run of a task.
  package let task: NewTask?
  package let principal: String
  package let input: Payload
  package var events: [RunEvent]
  /// Where the events up to this one were before: the run that this one is a fork of.
  package let forkedFrom: RunID?
  package var state: RunState
  /// Events before this place belong to the run that this one is a fork of; what they began is not begun again.
  package var ownEvents = 0
  /// The timer that asks for a sub-run. When it is gone, nobody waits for the run, and it is not written.
  package var timer: Int64?

  /// About what it has in bytes.
  package var bytes: Int { input.body.count + 500 + events.count * 200 }

  package init(
    run: RunID, facts: RunFacts, task: NewTask?, principal: String, input: Payload, events: [RunEvent],
    forkedFrom: RunID?, state: RunState, ownEvents: Int = 0
  ) {
    self.run = run
    self.facts = facts
    self.task = task
    self.principal = principal
    self.input = input
    self.events = events
    self.forkedFrom = forkedFrom
    self.state = state
    self.ownEvents = ownEvents
  }
}

/// What a person says of a task.
package struct NewTask: Sendable {
  package var title: String?
  package var description = ""
  package var labels: [String] = []
  package var assignee: String?
  package var dueAt: Timestamp?

  package init(
    title: String? = nil, description: String = "", labels: [String] = [], assignee: String? = nil,
    dueAt: Timestamp? = nil
  ) {
    self.title = title
    self.description = description
    self.labels = labels
    self.assignee = assignee
    self.dueAt = dueAt
  }
}
