package import Contracts

/// What the engine knows of a run beside its state; it never changes.
package struct RunFacts: Sendable {
  package let tenant: TenantID
  package let task: TaskID
  package let project: ProjectID?
  package let priority: Int
  package let parent: ParentStep?
  package let depth: Int
  /// The trace of the submission, as a W3C header value.
  package let traceparent: String?

  package init(
    tenant: TenantID, task: TaskID, project: ProjectID?, priority: Int, parent: ParentStep?, depth: Int,
    traceparent: String?
  ) {
    self.tenant = tenant
    self.task = task
    self.project = project
    self.priority = priority
    self.parent = parent
    self.depth = depth
    self.traceparent = traceparent
  }
}

/// The step that a sub-run is for.
package struct ParentStep: Hashable, Sendable {
  package let run: RunID
  package let step: String
  package let attempt: Int

  package init(run: RunID, step: String, attempt: Int) {
    self.run = run
    self.step = step
    self.attempt = attempt
  }
}
