internal import Reactor
package import RunStorage
package import Telemetry

/// Measures the queues, and keeps the cost of claims from growing with the age of a backlog.
package final class QueueMaintenanceJob: Sendable {
  private static let interval = Duration.seconds(5)
  /// Steps that are moved in one statement.
  private static let gatherMax = 5000

  private let store: RunStore
  private let metrics: RunMetrics
  private let logger: Logger

  /// Makes the job.
  package init(store: RunStore, metrics: RunMetrics, logger: Logger) {
    self.store = store
    self.metrics = metrics
    self.logger = logger
  }

  /// Works until cancelled.
  package func run() async {
    await withTaskGroup(of: Void.self) { group in
      group.addTask { [self] in await repeating("the queue could not be measured") { try await measure() } }
      group.addTask { [self] in await repeating("the backlog could not be gathered") { try await gatherBacklog() } }
    }
  }

  private func repeating(_ failure: String, _ body: () async throws -> Void) async {
    while !Task.isCancelled {
      do {
        try await EventLoop.sleep(for: QueueMaintenanceJob.interval)
        try await body()
      } catch is CancellationError {
        return
      } catch {
        logger.warning(failure, ["reason": .string("\(error)")])
      }
    }
  }

  private func measure() async throws {
    do { metrics.queues.set(try await store.queueDepth()) } catch {
      metrics.queues.set(nil)
      throw error
    }
  }

  private func gatherBacklog() async throws {
    while try await store.gatherBacklog(limit: QueueMaintenanceJob.gatherMax) >= QueueMaintenanceJob.gatherMax {}
  }
}
