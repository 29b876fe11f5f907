internal import Postgres
internal import Primitives
internal import Reactor
package import RunStorage
package import Telemetry

/// Keeps the tables small: moves old histories into the archive and deletes runs whose time is over.
package final class RetentionJob: Sendable {
  private static let interval = Duration.seconds(10)
  /// Runs of one statement, so that none holds its locks for long.
  private static let runsMax = 200
  private static let payloadsMax = 1000

  private let store: RunStore
  private let archiveAfter: Duration
  private let pruneAfter: Duration
  private let metrics: RunMetrics
  private let logger: Logger

  /// Makes the job. A zero duration keeps what it is about.
  package init(store: RunStore, archiveAfter: Duration, pruneAfter: Duration, metrics: RunMetrics, logger: Logger) {
    self.store = store
    self.archiveAfter = archiveAfter
    self.pruneAfter = pruneAfter
    self.metrics = metrics
    self.logger = logger
  }

  /// Works until cancelled.
  package func run() async {
    while !Task.isCancelled {
      do {
        if try await !step() { try await EventLoop.sleep(for: RetentionJob.interval) }
      } catch is CancellationError {
        return
      } catch {
        logger.warning("old histories could not be archived", ["reason": .string("\(error)")])
        try? await EventLoop.sleep(for: RetentionJob.interval)
      }
    }
  }

  /// Archives and deletes one portion. Returns whether there may be more.
  private func step() async throws -> Bool {
    var isMore = false
    if archiveAfter > .zero {
      let count = try await store.archive(
        endedBefore: archiveAfter.milliseconds / 1000, limit: RetentionJob.runsMax)
      metrics.archivedRuns.add(UInt64(count))
      isMore = count == RetentionJob.runsMax
    }
    if pruneAfter > .zero {
      let count = try await store.prune(endedBefore: pruneAfter.milliseconds / 1000, limit: RetentionJob.runsMax)
      let payloads = try await store.prunePayloads(limit: RetentionJob.payloadsMax)
      isMore = isMore || count == RetentionJob.runsMax || payloads == RetentionJob.payloadsMax
    }
    return isMore
  }
}
