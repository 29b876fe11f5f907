package import Contracts
package import Decider
internal import JSON
internal import Primitives
internal import RunStorage
internal import Synchronization
internal import SystemSources
package import Workflows

/// A workflow ready for use: with the places that it watches.
package struct CompiledWorkflow: Sendable {
  package let workflow: Workflow
  package let watched: WatchedReferences

  /// Finds the places that a workflow watches.
  package init(_ workflow: Workflow) {
    self.workflow = workflow
    watched = WatchedReferences(workflow)
  }
}

/// Workflows by name and version. A version never changes, so what was read once stays right.
package final class WorkflowCatalog: Sendable {
  private static let workflowsMax = 2000
  /// How long another replica's new version may go unnoticed.
  private static let newestNanoseconds: UInt64 = 500_000_000
  private static let builtIn = BuiltInWorkflows.all.mapValues { CompiledWorkflow($0) }

  private struct Key: Hashable {
    let tenant: TenantID
    let name: String
    let version: Int
  }

  private let source: any WorkflowSource
  private let known = Mutex<[Key: CompiledWorkflow]>([:])
  private let newest = Mutex<[Key: (workflow: CompiledWorkflow, until: UInt64)]>([:])

  /// An empty catalog over `source`.
  package init(source: some WorkflowSource) { self.source = source }

  /// A version of a workflow that a new run may use, or its newest for `nil`; `nil` when there is none, or none any
  /// more. What another replica adds or deletes may go unnoticed for half a second; a run that is accepted then works
  /// all the same.
  package func findForUse(_ tenant: TenantID, _ name: String, version: Int?) async throws -> CompiledWorkflow? {
    guard let version, WorkflowCatalog.builtIn[name] == nil else {
      return try await find(tenant, name, version: version)
    }
    guard try await source.exists(tenant, name, version: version) else { return nil }
    return try await find(tenant, name, version: version)
  }

  /// A version of a workflow, also of one that was deleted since, or its newest for `nil`; `nil` when there is none.
  package func find(_ tenant: TenantID, _ name: String, version: Int?) async throws -> CompiledWorkflow? {
    if let builtIn = WorkflowCatalog.builtIn[name] {
      return version == nil || version == builtIn.workflow.version ? builtIn : nil
    }
    if let version, let found = known.withLock({ $0[Key(tenant: tenant, name: name, version: version)] }) {
      return found
    }
    let newestKey = Key(tenant: tenant, name: name, version: 0)
    if version == nil, let found = newest.withLock({ $0[newestKey] }), MonotonicClock.now() < found.until {
      return found.workflow
    }
    let found =
      if let version { try await source.used(tenant, name, version: version) } else {
        try await source.workflow(tenant, name, version: nil)
      }
    guard let row = found else { return nil }
    let compiled = try compiled(row, tenant, name)
    if version == nil {
      newest.withLock { newest in
        if newest.count >= WorkflowCatalog.workflowsMax { newest.removeAll() }
        newest[newestKey] = (compiled, MonotonicClock.now() &+ WorkflowCatalog.newestNanoseconds)
      }
    }
    return compiled
  }

  /// A version as it was compiled before, or is now.
  private func compiled(_ row: WorkflowRow, _ tenant: TenantID, _ name: String) throws -> CompiledWorkflow {
    let key = Key(tenant: tenant, name: name, version: row.version)
    if let found = known.withLock({ $0[key] }) { return found }
    let document = try JSONDocument(parsing: row.document)
    let compiled = CompiledWorkflow(try WorkflowDocument.read(document.root, version: row.version))
    known.withLock { known in
      if known.count >= WorkflowCatalog.workflowsMax, let some = known.first { known[some.key] = nil }
      known[key] = compiled
    }
    return compiled
  }

  /// A new version was added here: it is used from now on.
  package func changed(_ tenant: TenantID, _ name: String) {
    newest.withLock { $0[Key(tenant: tenant, name: name, version: 0)] = nil }
  }
}
