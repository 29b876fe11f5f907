internal import Contracts
internal import Decider
internal import JSON
internal import Synchronization
internal import Workflows

/// A workflow ready for use: with the places that it watches.
struct CompiledWorkflow: Sendable {
  let workflow: Workflow
  let watched: WatchedReferences

  init(_ workflow: Workflow) {
    self.workflow = workflow
    watched = WatchedReferences(workflow)
  }
}

/// Workflows by name and version. A version never changes, so what was read once stays right.
final class WorkflowCatalog: Sendable {
  private static let workflowsMax = 2000
  private static let builtIn = BuiltInWorkflows.all.mapValues { CompiledWorkflow($0) }

  private struct Key: Hashable {
    let tenant: TenantID
    let name: String
    let version: Int
  }

  private let store: WorkflowStore
  private let known = Mutex<[Key: CompiledWorkflow]>([:])

  init(store: WorkflowStore) { self.store = store }

  /// A version of a workflow, or its newest for `nil`; `nil` when there is none.
  func find(_ tenant: TenantID, _ name: String, version: Int?) async throws -> CompiledWorkflow? {
    if let builtIn = WorkflowCatalog.builtIn[name] {
      return version == nil || version == builtIn.workflow.version ? builtIn : nil
    }
    if let version, let found = known.withLock({ $0[Key(tenant: tenant, name: name, version: version)] }) {
      return found
    }
    guard let row = try await store.workflow(tenant, name, version: version) else { return nil }
    let document = try JSONDocument(parsing: row.document)
    let compiled = CompiledWorkflow(try WorkflowDocument.read(document.root, version: row.version))
    known.withLock { known in
      if known.count >= WorkflowCatalog.workflowsMax, let some = known.first { known[some.key] = nil }
      known[Key(tenant: tenant, name: name, version: row.version)] = compiled
    }
    return compiled
  }
}
