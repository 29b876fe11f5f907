package import Contracts
package import RunStorage
internal import Synchronization

/// Who has submitted the tasks that are at work, so that what their models use is attributed to them. What is not known
/// here is looked up; when the database is away, it is left out.
package final class SubmitterCache: Sendable {
  /// Looks up who has submitted tasks.
  package typealias Source =
    @Sendable ([(tenant: TenantID, task: TaskID)]) async throws -> [(task: TaskID, principal: String)]

  private static let tasksMax = 50_000

  private let source: Source
  private let principals = Mutex<[TaskID: String]>([:])

  /// An empty cache over `source`.
  package init(source: @escaping Source) { self.source = source }

  /// Notes who submits tasks. Sub-runs and forks belong to a task that somebody has submitted before.
  func add(_ submissions: [Submission]) {
    for submission in submissions where submission.task != nil {
      add(submission.facts.task, submission.principal)
    }
  }

  private func add(_ task: TaskID, _ principal: String) {
    principals.withLock { principals in
      if principals.count >= SubmitterCache.tasksMax { principals.removeAll(keepingCapacity: true) }
      principals[task] = principal
    }
  }

  /// Who has submitted the tasks of these steps, by task.
  package func find(_ steps: [LeasedStep]) async -> [TaskID: String] { await find(steps.map { ($0.tenant, $0.task) }) }

  /// Who has submitted tasks.
  package func find(_ tasks: [(tenant: TenantID, task: TaskID)]) async -> [TaskID: String] {
    var found: [TaskID: String] = [:]
    var missing: [(tenant: TenantID, task: TaskID)] = []
    principals.withLock { principals in
      for (tenant, task) in tasks {
        if let principal = principals[task] {
          found[task] = principal
        } else {
          missing.append((tenant, task))
        }
      }
    }
    guard !missing.isEmpty, let rows = try? await source(missing) else { return found }
    for (task, principal) in rows {
      add(task, principal)
      found[task] = principal
    }
    return found
  }
}
