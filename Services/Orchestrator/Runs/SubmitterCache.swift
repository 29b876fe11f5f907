internal import Contracts
internal import Postgres
internal import Primitives
internal import RunStorage
internal import Synchronization

/// Who has submitted the tasks that are at work, so that what their models use is put down to them. What is not known
/// here is looked up; when the database is away, it is left out.
final class SubmitterCache: Sendable {
  private static let tasksMax = 50_000

  private let store: RunStore
  private let principals = Mutex<[TaskID: String]>([:])

  init(store: RunStore) { self.store = store }

  /// Notes who submits a task.
  func keep(_ task: TaskID, _ principal: String) {
    principals.withLock { principals in
      if principals.count >= SubmitterCache.tasksMax { principals.removeAll(keepingCapacity: true) }
      principals[task] = principal
    }
  }

  /// Who has submitted the tasks of these steps, by task.
  func find(_ steps: [LeasedStep]) async -> [TaskID: String] {
    var found: [TaskID: String] = [:]
    var missing: [(tenant: TenantID, task: TaskID)] = []
    principals.withLock { principals in
      for step in steps {
        if let principal = principals[step.task] {
          found[step.task] = principal
        } else {
          missing.append((step.tenant, step.task))
        }
      }
    }
    guard !missing.isEmpty, let rows = try? await store.submitters(missing) else { return found }
    for (task, principal) in rows {
      keep(task, principal)
      found[task] = principal
    }
    return found
  }
}
