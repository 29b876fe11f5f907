package import Decider
package import Primitives
package import RunStorage

/// A run as this process has seen it last.
package struct RunSnapshot: Sendable {
  package let facts: RunFacts
  package let workflow: CompiledWorkflow
  package var state: RunState
  /// The document of its workflow is not there: nothing can be decided of it but its end.
  var isWorkflowGone = false
  /// Other replicas move it at the same time: its state is kept while a change is written that may come too late.
  var isContested = false
  /// When it was accepted.
  package var createdAt: Timestamp?

  /// Makes a snapshot.
  package init(
    facts: RunFacts, workflow: CompiledWorkflow, state: RunState, isWorkflowGone: Bool = false,
    isContested: Bool = false, createdAt: Timestamp? = nil
  ) {
    self.facts = facts
    self.workflow = workflow
    self.state = state
    self.isWorkflowGone = isWorkflowGone
    self.isContested = isContested
    self.createdAt = createdAt
  }
}
